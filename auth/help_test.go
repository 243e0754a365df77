package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// edKey makes a key and its authorized_keys line.
func edKey(t testing.TB) (ssh.PublicKey, string) {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sshKey(t, public)
}

func ecKey(t testing.TB) (ssh.PublicKey, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sshKey(t, private.Public())
}

// rsaKey makes a public RSA key of that length which nobody has the other half
// of.
func rsaKey(t testing.TB, bits int) (ssh.PublicKey, string) {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return sshKey(t, &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537})
}

func sshKey(t testing.TB, public any) (ssh.PublicKey, string) {
	t.Helper()
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// skLine is the line of a key in hardware.
func skLine(t testing.TB) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wire := ssh.Marshal(struct {
		Kind   string
		Public []byte
		App    string
	}{ssh.KeyAlgoSKED25519, public, "ssh:"})
	return ssh.KeyAlgoSKED25519 + " " + base64.StdEncoding.EncodeToString(wire)
}

// fields lists what an error of NewUsers or NewRules is about, as "field: text".
func fields(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error is %T, want joined ones", err)
	}
	var list []string
	for _, one := range joined.Unwrap() {
		var f *FieldError
		if !errors.As(one, &f) {
			t.Fatalf("error is %T, want a *FieldError", one)
		}
		list = append(list, f.Error())
	}
	return list
}

// mustUsers makes users that are good.
func mustUsers(t testing.TB, users ...UserOptions) *Users {
	t.Helper()
	u, err := NewUsers(users)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
