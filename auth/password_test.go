package auth

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/argon2"
)

// demoHashes are hashes of the password demo, made by other programs: libxcrypt,
// Python's hashlib, x/crypto.
func demoHashes() map[string]string {
	salt := []byte("0123456789abcdef")
	return map[string]string{
		"argon2id":         encodeArgon2id(1024, 2, 1, salt, argon2.IDKey([]byte("demo"), salt, 2, 1024, 1, 32)),
		"bcrypt":           "$2b$10$abcdefghijklmnopqrstuu3XEy7sAuqf0awFQrE8Rakk7J.cSBot2",
		"scrypt":           "$scrypt$ln=12,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$WBt3ZWAWTQ4hNPZ63ziEfjllhhxuqUBwUsSHXO4Q0j4",
		"sha512crypt":      "$6$rounds=2000$saltsalt$D7tycUmzQXPydXVbyChhnWjXChYRkjZ3emqaDcbSsm1.qvDXRaAboprBCeNjVpsS82fDwPNOPgvUxiHlJGoZ9/",
		"sha512crypt bare": "$6$saltsalt$..2OS7YQ9H8nOZV3zrRCC2W6gKqvDdWTzallpPfaVczvmUWzyIYqU0TarsE5PYaJ7eNXes2cIPl//BAZe0z3F1",
		"yescrypt":         "$y$j9T$abcdefgh1234$zYmn6fG6dvPubCyRb757ZTDXVyWCY9LO7zy4hd6V3c3",
	}
}

func TestPasswordsOfEveryKindOfHash(t *testing.T) {
	t.Parallel()
	for name, hash := range demoHashes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := mustUsers(t, UserOptions{Name: "demo", Password: hash, Roles: []string{"r"}})
			id, ok := u.CheckPassword(t.Context(), "demo", "demo")
			if !ok || id.User != "demo" || id.Method != "password" || id.Key != "" || len(id.Roles) != 1 {
				t.Errorf("the password is refused: %t, %+v", ok, id)
			}
			for _, wrong := range []string{"", "demo ", strings.Repeat("demo", 400)} {
				if _, ok := u.CheckPassword(t.Context(), "demo", wrong); ok {
					t.Errorf("%.20q is accepted", wrong)
				}
			}
		})
	}
}

func TestHashesThatAreRefused(t *testing.T) {
	t.Parallel()
	good := demoHashes()
	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	for hash, says := range map[string]string{
		"demo":                               "no hash",
		"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/": "no hash", // md5
		"$plaintext$demo":                    "no hash",
		strings.Replace(good["argon2id"], "argon2id", "argon2d", 1):  "no hash",
		strings.Replace(good["bcrypt"], "$2b$", "$2x$", 1):           "no hash",
		strings.Replace(good["bcrypt"], "$10$", "$31$", 1):           "its cost is 31",
		strings.Replace(good["bcrypt"], "$10$", "$04$", 1):           "its cost is 4",
		"$argon2id$v=19$m=10485760,t=1,p=1$" + salt + "$" + key:      "takes 10240 MiB",
		"$argon2id$v=19$m=65536,t=100000,p=1$" + salt + "$" + key:    "100000 times over 64 MiB",
		"$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + key:         "make no sense",
		"$argon2id$v=19$m=65536,t=1,p=0$" + salt + "$" + key:         "make no sense",
		"$argon2id$v=19$m=8,t=1,p=16$" + salt + "$" + key:            "make no sense",
		"$argon2id$v=19$m=65536,t=1,p=64$" + salt + "$" + key:        "more than 16 lanes",
		"$argon2id$v=16$m=65536,t=1,p=1$" + salt + "$" + key:         "no hash",
		"$scrypt$ln=30,r=8,p=1$" + salt + "$" + key:                  "make no sense",
		"$scrypt$ln=20,r=8,p=1$" + salt + "$" + key:                  "takes 1024 MiB",
		"$scrypt$ln=12,r=8,p=99999$" + salt + "$" + key:              "p=99999",
		strings.Replace(good["sha512crypt"], "2000", "999999999", 1): "999999999 rounds",
		strings.Replace(good["sha512crypt"], "2000", "1", 1):         "1 rounds",
		strings.Replace(good["yescrypt"], "j9T", "jZT", 1):           "make no sense",
		strings.Replace(good["yescrypt"], "j9T", "jFT", 1):           "MiB",
		strings.Repeat("$", maxHash+1):                               "longer than",
	} {
		_, err := parseHash(hash)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: error %v, want one that says %q", hash, err, says)
		}
		if err != nil && len(hash) > 60 && strings.Contains(err.Error(), hash[len(hash)-30:]) {
			t.Errorf("the error shows the hash: %v", err)
		}
	}
}

func TestHashPasswordMakesAHashThatLogsIn(t *testing.T) {
	t.Parallel()
	one, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	two, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Errorf("hashes %s and %s", one, two)
	}
	u := mustUsers(t, UserOptions{Name: "a", Password: one})
	if _, ok := u.CheckPassword(t.Context(), "a", "correct horse"); !ok {
		t.Error("the password is refused")
	}
	for _, bad := range []string{"", strings.Repeat("x", maxPassword+1)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("%.5q is hashed", bad)
		}
	}
}

// countingHash is a hash that counts how often it is computed.
type countingHash struct {
	count atomic.Int32
	good  string
}

func (h *countingHash) Match(password string) bool {
	h.count.Add(1)
	return password == h.good
}

func TestEveryTryCostsAHash(t *testing.T) {
	t.Parallel()
	hash := &countingHash{good: "demo"}
	u := &Users{
		byName: map[string]*account{
			"real":     {name: "real", password: hash},
			"disabled": {name: "disabled", password: hash, disabled: true},
			"keyonly":  {name: "keyonly"},
		},
		costs: []passwordHash{hash},
	}
	for i, user := range []string{"real", "disabled", "keyonly", "unknown", ""} {
		if _, ok := u.CheckPassword(t.Context(), user, "wrong"); ok {
			t.Errorf("%q logs in", user)
		}
		if got := int(hash.count.Load()); got != i+1 {
			t.Errorf("%q: %d hashes computed in all, want %d", user, got, i+1)
		}
	}
	for _, user := range []string{"disabled", "keyonly", "unknown"} {
		// The right password of the hash that stands in must not do.
		if _, ok := u.CheckPassword(t.Context(), user, "demo"); ok {
			t.Errorf("%q logs in", user)
		}
	}
}

func TestWithoutAnyPasswordTheUnknownCostsArgon2id(t *testing.T) {
	t.Parallel()
	u := mustUsers(t, UserOptions{Name: "a"})
	encoded, ok := u.costs[0].(interface{ Encode() string })
	if !ok || !strings.HasPrefix(encoded.Encode(), "$argon2id$v=19$m=65536,t=3,p=2$") {
		t.Errorf("the decoy is %v", u.costs)
	}
	if _, ok := u.CheckPassword(t.Context(), "a", "x"); ok || u.HasPassword() {
		t.Error("a user without a password logs in with one")
	}
	if u := mustUsers(t, UserOptions{Name: "a", Password: demoHashes()["scrypt"], Disabled: true}); u.HasPassword() {
		t.Error("a disabled user's password counts")
	}
	if u := mustUsers(t, UserOptions{Name: "a", Password: demoHashes()["scrypt"]}); !u.HasPassword() {
		t.Error("a password does not count")
	}
}

// gateHash says when it is being computed and waits to go on.
type gateHash struct{ entered, leave chan struct{} }

func (h gateHash) Match(string) bool {
	h.entered <- struct{}{}
	<-h.leave
	return true
}

// Not parallel: it takes all the places of the process.
func TestAtMostFourHashesAtOnce(t *testing.T) {
	h := gateHash{make(chan struct{}), make(chan struct{})}
	u := &Users{byName: map[string]*account{"a": {name: "a", password: h}}, costs: []passwordHash{h}}
	var all sync.WaitGroup
	for range cap(hashing) {
		all.Go(func() { u.CheckPassword(t.Context(), "a", "x") })
		<-h.entered
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := u.CheckPassword(gone, "a", "x"); ok { // would enter, were there a place
		t.Error("a login without a hash")
	}
	if cap(hashing) != 4 {
		t.Errorf("%d hashes at once, want 4", cap(hashing))
	}
	close(h.leave)
	all.Wait()
}

// Not parallel: other tests compute hashes too.
func TestAGuessLeavesNoMemoryBehind(t *testing.T) {
	hash, err := HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	u := mustUsers(t, UserOptions{Name: "alice", Password: hash})
	for range 3 {
		u.CheckPassword(t.Context(), "alice", "a guess")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if kept := m.HeapSys - m.HeapReleased; kept >= argonMemory<<10 {
		t.Errorf("%d MiB are kept", kept>>20)
	}
}
