package auth

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Bounds on what a user's keys may be.
const (
	maxKeyLine  = 16 << 10 // bytes of one line
	maxKeysFile = 1 << 20  // bytes of one keys_file
	maxKeys     = 1000     // keys of one user
	minRSA      = 3072     // bits
	maxRSA      = 8192     // bits
)

// keyTypes are the algorithms a user's key may have; the hash an RSA key signs
// with is the server's matter.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoRSA,
}

// keyLine is what an authorized_keys line demands besides the key.
type keyLine struct {
	from    *addressList // nil: from anywhere
	expires time.Time    // zero: never
}

func (l keyLine) admits(from netip.Addr, now time.Time) bool {
	if !l.expires.IsZero() && !now.Before(l.expires) {
		return false
	}
	return l.from == nil || l.from.match(from)
}

// addKeys takes the lines of o.Keys and o.KeysFile. Every line is read whatever
// is wrong with the ones above it.
func (a *account) addKeys(field string, o UserOptions, wrong *faults) {
	count := 0
	add := func(field, prefix, line string) {
		if count++; count > maxKeys {
			if count == maxKeys+1 {
				wrong.add(field, fmt.Errorf("more than %d keys for one user", maxKeys))
			}
			return
		}
		if err := a.addKey(line); err != nil {
			wrong.add(field, fmt.Errorf("%s%w", prefix, err))
		}
	}
	for j, line := range o.Keys {
		add(fmt.Sprintf("%s.keys[%d]", field, j), "", line)
	}
	if len(o.KeysFile) > maxKeysFile {
		wrong.add(field+".keys_file", fmt.Errorf("the file is larger than %d bytes", maxKeysFile))
		return
	}
	number := 0
	for line := range strings.SplitSeq(o.KeysFile, "\n") {
		number++
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			add(field+".keys_file", fmt.Sprintf("line %d: ", number), line)
		}
	}
}

func (a *account) addKey(text string) error {
	key, line, err := parseKeyLine(text)
	if err != nil {
		return err
	}
	wire := string(key.Marshal())
	a.keys[wire] = append(a.keys[wire], line)
	return nil
}

// parseKeyLine reads one line of sshd(8)'s AUTHORIZED_KEYS FILE FORMAT:
// [options] keytype base64-key [comment].
func parseKeyLine(text string) (ssh.PublicKey, keyLine, error) {
	var line keyLine
	if err := checkLine(text); err != nil {
		return nil, line, err
	}
	text = strings.Trim(text, " \t\r")
	options, rest := "", text
	if !isKeyType(firstWord(text)) {
		var err error
		if options, rest, err = cutOptions(text); err != nil {
			return nil, line, err
		}
	}
	key, err := parseKey(rest)
	if err != nil {
		return nil, line, err
	}
	return key, line, line.options(options)
}

func checkLine(text string) error {
	if len(text) > maxKeyLine {
		return fmt.Errorf("the line is longer than %d bytes", maxKeyLine)
	}
	if strings.ContainsFunc(strings.TrimRight(text, "\r\n"), func(r rune) bool {
		return r < ' ' && r != '\t' || r == 0x7f
	}) {
		return errors.New("the line has control characters")
	}
	return nil
}

func firstWord(text string) string {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i]
	}
	return text
}

// isKeyType says whether a word names a kind of key, good or not: such a word
// is never an option.
func isKeyType(word string) bool {
	return strings.HasPrefix(word, "ssh-") || strings.HasPrefix(word, "ecdsa-") || strings.HasPrefix(word, "sk-")
}

// cutOptions cuts a line at the first blank outside of quotes.
func cutOptions(text string) (options, rest string, err error) {
	end := scanQuoted(text, " \t")
	if end == len(text) {
		return "", "", advise("ssh-keygen -y -f KEY prints one", "this is no authorized_keys line")
	}
	return text[:end], strings.TrimLeft(text[end:], " \t"), nil
}

// scanQuoted returns the index of the first of the bytes in stop that stands
// outside of double quotes, else the length. A backslash takes a quote's sense.
func scanQuoted(text, stop string) int {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(stop, c) >= 0:
			return i
		}
	}
	return len(text)
}

// parseKey reads keytype base64-key [comment]. The type must be the key's own:
// an option in its place would be lost.
func parseKey(text string) (ssh.PublicKey, error) {
	fields := strings.Fields(text)
	if len(fields) < 2 || !isKeyType(fields[0]) {
		return nil, advise("ssh-keygen -y -f KEY prints one", "this is no authorized_keys line")
	}
	switch kind := fields[0]; {
	case strings.Contains(kind, "-cert-v01@"):
		return nil, notYet("a certificate")
	case !slices.Contains(keyTypes, kind):
		return nil, advise("make an ed25519 one: ssh-keygen -t ed25519", "keys of type %.40q are refused", kind)
	}
	wire, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return nil, advise("was the line cut or wrapped?", "the key is not base64")
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, advise("was the line cut or wrapped?", "the key cannot be read: %v", err)
	}
	if key.Type() != fields[0] {
		return nil, fmt.Errorf("the line says %s, the key is %s", fields[0], key.Type())
	}
	return key, checkStrength(key)
}

func checkStrength(key ssh.PublicKey) error {
	if key.Type() != ssh.KeyAlgoRSA {
		return nil
	}
	inner, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return errors.New("the length of the RSA key is unknown")
	}
	public, ok := inner.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return errors.New("the length of the RSA key is unknown")
	}
	if bits := public.N.BitLen(); bits < minRSA || bits > maxRSA {
		return advise("make an ed25519 one: ssh-keygen -t ed25519",
			"an RSA key has %d to %d bits, this one has %d", minRSA, maxRSA, bits)
	}
	return nil
}
