package auth

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
	xyescrypt "github.com/go-crypt/x/yescrypt"
)

// Bounds on what a hash in a configuration may cost: each try pays it, four at
// once.
const (
	maxHashMemory = 256 << 20 // bytes
	maxHashPasses = 1 << 30   // bytes written, over all passes
	maxHashLanes  = 16
	maxBcryptCost = 14
	maxSHARounds  = 1_000_000
	maxHash       = 1024 // bytes of the hash's text
)

// passwordHash is a checked hash. Match takes as long as the hash's parameters
// say, whatever the password.
type passwordHash interface {
	Match(password string) bool
}

// hashForms are the hashes that are read. The patterns are stricter than the
// decoders, and their groups are the parameters that the bounds are about.
var hashForms = []struct {
	name    string
	pattern *regexp.Regexp
	bound   func(parameters []string) error
	decode  func(string) (algorithm.Digest, error)
}{
	{
		"argon2id", regexp.MustCompile(`^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,171}$`),
		boundArgon2id, argon2.DecodeVariant(argon2.VariantID),
	},
	{
		"bcrypt", regexp.MustCompile(`^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$`),
		boundBcrypt, bcrypt.DecodeVariant(bcrypt.VariantStandard),
	},
	{
		"scrypt", regexp.MustCompile(`^\$scrypt\$ln=(\d{1,9}),r=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,171}$`),
		boundScrypt, scrypt.DecodeVariant(scrypt.VariantScrypt),
	},
	{
		"sha512crypt", regexp.MustCompile(`^\$6\$(?:rounds=(\d{1,9})\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}$`),
		boundSHA512, shacrypt.DecodeVariant(shacrypt.VariantSHA512),
	},
	{
		"yescrypt", regexp.MustCompile(`^\$y\$(j[./A-Za-z0-9]{2})\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}$`),
		boundYescrypt, scrypt.DecodeVariant(scrypt.VariantYescrypt),
	},
}

// parseHash checks a hash of a configuration. Errors never show it.
func parseHash(text string) (passwordHash, error) {
	if len(text) > maxHash {
		return nil, fmt.Errorf("the hash is longer than %d bytes", maxHash)
	}
	for _, form := range hashForms {
		parameters := form.pattern.FindStringSubmatch(text)
		if parameters == nil {
			continue
		}
		if err := form.bound(parameters[1:]); err != nil {
			return nil, fmt.Errorf("the %s hash is refused: %w", form.name, err)
		}
		digest, err := form.decode(text)
		if err != nil {
			// The decoder's own text may show the hash.
			return nil, advise("deployerd passwd makes one", "the %s hash is damaged", form.name)
		}
		return digest, nil
	}
	return nil, advise("deployerd passwd makes one; bcrypt, scrypt, sha512crypt and yescrypt are read too",
		"the password is no hash that is read here")
}

// numbers reads decimal parameters, which the patterns keep to nine digits.
func numbers(texts []string) ([]int64, error) {
	list := make([]int64, len(texts))
	for i, text := range texts {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no number", text)
		}
		list[i] = n
	}
	return list, nil
}

func boundArgon2id(parameters []string) error {
	n, err := numbers(parameters)
	if err != nil {
		return err
	}
	memory, passes, lanes := n[0]<<10, n[1], n[2]
	switch {
	case passes < 1 || lanes < 1 || n[0] < 8*lanes: // RFC 9106, section 3.1
		return fmt.Errorf("m=%d,t=%d,p=%d make no sense", n[0], n[1], n[2])
	case lanes > maxHashLanes:
		return fmt.Errorf("it has more than %d lanes", maxHashLanes)
	}
	return boundMemory(memory, passes)
}

func boundBcrypt(parameters []string) error {
	n, err := numbers(parameters)
	if err != nil {
		return err
	}
	if n[0] < bcrypt.IterationsMin || n[0] > maxBcryptCost {
		return fmt.Errorf("its cost is %d, not %d to %d", n[0], bcrypt.IterationsMin, maxBcryptCost)
	}
	return nil
}

func boundScrypt(parameters []string) error {
	n, err := numbers(parameters)
	if err != nil {
		return err
	}
	ln, block, lanes := n[0], n[1], n[2]
	if lanes < 1 || lanes > maxHashLanes {
		return fmt.Errorf("p=%d, not 1 to %d", lanes, maxHashLanes)
	}
	return boundBlocks(ln, block, lanes)
}

func boundYescrypt(parameters []string) error {
	_, ln, block, err := xyescrypt.DecodeSetting([]byte(parameters[0]))
	if err != nil {
		return fmt.Errorf("its parameters %q are not understood", parameters[0])
	}
	return boundBlocks(int64(ln), int64(block), 1)
}

// boundBlocks bounds 2^ln blocks of 128*block bytes, gone through lanes times.
func boundBlocks(ln, block, lanes int64) error {
	if ln < 1 || ln > 24 || block < 1 || block > 64 {
		return fmt.Errorf("2^%d blocks of size %d make no sense", ln, block)
	}
	return boundMemory(128*block<<ln, lanes)
}

func boundMemory(bytes, passes int64) error {
	switch {
	case bytes > maxHashMemory:
		return fmt.Errorf("each try takes %d MiB of memory, more than %d", bytes>>20, maxHashMemory>>20)
	case passes > maxHashPasses/max(bytes, 1):
		return fmt.Errorf("each try goes %d times over %d MiB of memory", passes, bytes>>20)
	}
	return nil
}

func boundSHA512(parameters []string) error {
	if parameters[0] == "" {
		return nil
	}
	n, err := numbers(parameters)
	if err != nil {
		return err
	}
	if n[0] < shacrypt.IterationsMin || n[0] > maxSHARounds {
		return fmt.Errorf("it has %d rounds, not %d to %d", n[0], shacrypt.IterationsMin, maxSHARounds)
	}
	return nil
}

// encodeArgon2id writes the form that the decoder and every other tool reads.
func encodeArgon2id(memory, passes, lanes int, salt, key []byte) string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, passes, lanes, encode(salt), encode(key))
}
