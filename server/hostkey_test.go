package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

func encode(t *testing.T, key any, passphrase string) []byte {
	t.Helper()
	block, err := gossh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = gossh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPublicKeyOfANewHostKey(t *testing.T) {
	t.Parallel()
	pem := hostKey(t)
	line, err := PublicKey(pem)
	if err != nil || !strings.HasPrefix(line, "ssh-ed25519 AAAA") || strings.Contains(line, "\n") {
		t.Fatalf("%q, %v", line, err)
	}
	h := start(t, func(_ *house, o *Options) { o.HostKeys = [][]byte{pem} })
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	conn, _, _, err := gossh.NewClientConn(h.dial(), h.addr, &gossh.ClientConfig{
		User: "alice", Auth: []gossh.AuthMethod{gossh.PublicKeys(h.keys["alice"])}, HostKeyCallback: gossh.FixedHostKey(key),
	})
	if err != nil {
		t.Fatalf("the server shows another key: %v", err)
	}
	conn.Close()
}

func TestHostKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := hostKey(t)
	for name, test := range map[string]struct {
		keys [][]byte
		want string
	}{
		"none":      {nil, "no host key"},
		"empty":     {[][]byte{{}}, "host key 1"},
		"text":      {[][]byte{good, []byte("hello")}, "host key 2"},
		"encrypted": {[][]byte{encode(t, ec, "x")}, "encrypted"},
		"short RSA": {[][]byte{encode(t, rsaKey(t, 1024), "")}, "3072"},
		"ECDSA":     {[][]byte{encode(t, ec, "")}, "ed25519 or RSA"},
		"twice":     {[][]byte{good, hostKey(t)}, "second one of type ssh-ed25519"},
	} {
		o := Options{HostKeys: test.keys, Listeners: []net.Listener{listen(t, "127.0.0.1:0")}}
		if _, err := build(o, &fakeDoor{}, &fakeGuard{}, &fakeAudit{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestRSAHostKeyNeverSignsWithSHA1(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.HostKeys = [][]byte{encode(t, rsaKey(t, 3072), "")} })
	for algo, want := range map[string]bool{
		gossh.KeyAlgoRSASHA256: true, gossh.KeyAlgoRSASHA512: true, gossh.KeyAlgoRSA: false, gossh.KeyAlgoED25519: false,
	} {
		conn, _, _, err := gossh.NewClientConn(h.dial(), h.addr, &gossh.ClientConfig{
			User: "alice", Auth: []gossh.AuthMethod{gossh.PublicKeys(h.keys["alice"])},
			HostKeyAlgorithms: []string{algo}, HostKeyCallback: h.known(),
		})
		if (err == nil) != want {
			t.Errorf("%s: %v", algo, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
