package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime/debug"

	"github.com/go-crypt/crypt/algorithm/argon2"
)

// maxPassword is the longest password that is tried, in bytes; a longer one is
// wrong.
const maxPassword = 1024

// The cost of a hash made here: RFC 9106, section 4, second recommended option,
// with as many lanes as a small machine has cores.
const (
	argonMemory = 64 << 10 // KiB
	argonPasses = 3
	argonLanes  = 2
	argonSalt   = 16 // bytes
	argonKey    = 32 // bytes
)

// hashing holds a place for each hash that may be computed at once, over the
// whole process: what guessing may take of memory and processors.
var hashing = make(chan struct{}, 4)

// decoy is computed for names without a hash when nobody has one. It is of no
// password: its key is random.
var decoy = newDecoy()

// naming spreads unknown names over the hashes there are, the same way for the
// life of the process: an unknown name then always costs the same.
var naming = maphash.MakeSeed()

func newDecoy() passwordHash {
	salt, key := make([]byte, argonSalt), make([]byte, argonKey)
	rand.Read(salt) // never fails: crypto/rand.Read
	rand.Read(key)
	hash, err := parseHash(encodeArgon2id(argonMemory, argonPasses, argonLanes, salt, key))
	if err != nil {
		panic("auth: the decoy is no hash: " + err.Error())
	}
	return hash
}

// CheckPassword verifies a password; an unknown or disabled user costs the same
// as a wrong password. At most 4 hashes are computed at once over the process;
// ctx ends the wait for a place.
func (u *Users) CheckPassword(ctx context.Context, user, password string) (Identity, bool) {
	a, hash := u.byName[user], passwordHash(nil)
	if a != nil {
		hash = a.password
	}
	good := a != nil && hash != nil && !a.disabled && password != ""
	if hash == nil {
		hash = u.cost(user)
	}
	if len(password) > maxPassword {
		password, good = password[:maxPassword], false
	}
	select {
	case hashing <- struct{}{}:
		defer release()
	case <-ctx.Done():
		return Identity{}, false
	}
	// The hash is computed before anything is decided.
	if matches := hash.Match(password); !matches || !good {
		return Identity{}, false
	}
	return a.identity("password"), true
}

// release gives a place back, and first the hash's memory: it would lie about
// until the next collection, and a stranger who guesses would take twice what
// the hashes need.
func release() {
	debug.FreeOSMemory()
	<-hashing
}

// cost picks the hash to compute for a name that has none.
func (u *Users) cost(user string) passwordHash {
	return u.costs[maphash.String(naming, user)%uint64(len(u.costs))]
}

// HashPassword makes an argon2id hash for a configuration. It takes 64 MiB and
// about a tenth of a second. An empty password and one beyond 1024 bytes are
// errors.
func HashPassword(password string) (string, error) {
	switch {
	case password == "":
		return "", errors.New("hash a password: it is empty")
	case len(password) > maxPassword:
		return "", fmt.Errorf("hash a password: it is longer than %d bytes", maxPassword)
	}
	hasher, err := argon2.New(argon2.WithVariantID(), argon2.WithM(argonMemory), argon2.WithT(argonPasses),
		argon2.WithP(argonLanes), argon2.WithS(argonSalt), argon2.WithK(argonKey))
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	digest, err := hasher.Hash(password)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return digest.Encode(), nil
}
