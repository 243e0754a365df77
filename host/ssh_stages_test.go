package host_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// startError starts a command that must not start and returns why not.
func startError(t *testing.T, ctx context.Context, h host.Host) *host.DialError {
	t.Helper()
	line, err := host.Context{}.Line("true")
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Start(ctx, line, host.IO{})
	if err == nil {
		_, _ = p.Wait()
		t.Fatal("it started")
	}
	var dial *host.DialError
	if !errors.As(err, &dial) {
		t.Fatalf("%T %v, want a *host.DialError", err, err)
	}
	if dial.Host != h.Name() || !strings.HasPrefix(dial.Address, h.Address()+":") {
		t.Errorf("the error names %s (%s), want %s (%s:...)", dial.Host, dial.Address, h.Name(), h.Address())
	}
	return dial
}

// silent accepts connections and says nothing.
func silent(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func TestEveryStageOfFailing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing_key")
	locked := writeFile(t, "locked_key", lockedKey(t))
	for _, c := range []struct {
		name   string
		server scripted
		change func(o *host.SSHOptions)
		stage  host.Stage
		text   string
	}{
		{"resolve", scripted{}, func(o *host.SSHOptions) {
			o.Address, o.ConnectTimeout = "no-such-host.invalid", 2*time.Second
		}, host.StageResolve, ""},
		{"dial", scripted{}, func(o *host.SSHOptions) { o.Port = closedPort(t) }, host.StageDial, "connection refused"},
		{"no SSH", scripted{}, func(o *host.SSHOptions) {
			o.Port, o.ConnectTimeout = silent(t), 50*time.Millisecond
		}, host.StageDial, "no answer within 50ms"},
		{"host key", scripted{}, func(o *host.SSHOptions) { o.HostKey = "" }, host.StageHostKey, "unknown, and there is no known_hosts file"},
		{"login", scripted{refuse: true}, func(*host.SSHOptions) {}, host.StageLogin, "refuses user deploy with the keys in "},
		{"no key", scripted{}, func(o *host.SSHOptions) { o.IdentityFiles = nil }, host.StageLogin, "no identity file"},
		{"missing key", scripted{}, func(o *host.SSHOptions) { o.IdentityFiles = []string{missing} }, host.StageLogin, missing},
		{"locked key", scripted{}, func(o *host.SSHOptions) { o.IdentityFiles = []string{locked} }, host.StageLogin, locked + ": the key is encrypted"},
		{"channel", scripted{channels: -1}, func(*host.SSHOptions) {}, host.StageChannel, "no more sessions"},
		{"start", scripted{noExec: true}, func(*host.SSHOptions) {}, host.StageStart, "refused to run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := startScripted(t, c.server)
			o := server.options
			c.change(&o)
			pool := newPool(t, host.PoolOptions{})
			h := sshHost(t, pool, "web1", o)
			err := startError(t, t.Context(), h)
			if err.Stage != c.stage || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s, want stage %s and %q", err, c.stage, c.text)
			}
			state := pool.State(h)
			if failed := c.stage != host.StageChannel && c.stage != host.StageStart; failed && (state.State != "failed" || state.LastError == nil) {
				t.Errorf("state %+v, want failed with the error", state)
			}
		})
	}
}

func lockedKey(t *testing.T) string {
	t.Helper()
	private, _, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// A key that cannot be read is passed over when another one can.
func TestSecondIdentityFileIsTried(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	o := server.options
	o.IdentityFiles = append([]string{"/nonexistent"}, o.IdentityFiles...)
	run(t, sshHost(t, newPool(t, host.PoolOptions{}), "web1", o), "true")
}

// In known, %h stands for the server's address, %s for that hashed, %k for its
// key, %o for another key and %e for one of another type.
func TestHostKeys(t *testing.T) {
	t.Parallel()
	_, other, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, known   string
		good, changed bool
		text          string
	}{
		{"known", "%h %k\n", true, false, ""},
		{"hashed", "%s %k\n", true, false, ""},
		{"second of two", "%h %o\n%h %k\n", true, false, ""},
		{"unknown", "other.example.com %k\n", false, false, "add it: ssh-keyscan -p "},
		{"empty", "", false, false, "add it: ssh-keyscan -p "},
		{"changed", "# first\n%h %o\n", false, true, "known_hosts:2"},
		{"changed and hashed", "%s %o\n", false, true, "CHANGED"},
		{"other type known", "%h %e\n", false, true, "CHANGED"},
		{"authority does not make it known", "@cert-authority %h %o\n", false, false, "is unknown"},
		{"revoked", "%h %k\n@revoked * %k\n", false, false, "revoked"},
		{"broken line", "%h %k\n@revoked * rubbish\n", false, false, "known_hosts:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := startScripted(t, scripted{})
			o := server.options
			address := knownhosts.Normalize(server.listener.Addr().String())
			known := strings.NewReplacer("%h", address, "%s", knownhosts.HashHostname(address), "%k", strings.TrimSpace(server.hostLine), "%o", other, "%e", ecdsaLine(t)).Replace(c.known)
			o.HostKey, o.KnownHosts = "", []string{writeFile(t, "known_hosts", known), "/nonexistent/known_hosts"}
			h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
			if c.good {
				run(t, h, "true")
				return
			}
			checkRefused(t, server, h, c.changed, c.text)
		})
	}
}

func ecdsaLine(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

// checkRefused: the key is refused, with its reason, before any login.
func checkRefused(t *testing.T, server *scriptedServer, h host.Host, changed bool, text string) {
	t.Helper()
	err := startError(t, t.Context(), h)
	if err.Stage != host.StageHostKey || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want stage host key and %q", err, text)
	}
	var key *host.KeyError
	if errors.As(err, &key) && (key.Changed != changed || key.Host != "web1" || !strings.HasPrefix(key.Fingerprint, "SHA256:")) {
		t.Errorf("%+v, want changed %v and the fingerprint", key, changed)
	}
	if changed && key == nil {
		t.Errorf("%v, want a *host.KeyError", err)
	}
	if n := server.logins.Load(); n != 0 {
		t.Errorf("%d keys were offered to a target that is not known", n)
	}
}

func TestPinnedKeyChanged(t *testing.T) {
	t.Parallel()
	_, other, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	server := startScripted(t, scripted{})
	o := server.options
	o.HostKey = other
	checkRefused(t, server, sshHost(t, newPool(t, host.PoolOptions{}), "web1", o), true, "the pinned host key")
}

// certificate makes a host certificate by a new authority.
func certificate(t *testing.T, principal string) (certified ssh.Signer, authority string) {
	t.Helper()
	caPEM, authority, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	hostPEM, _, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key := signer(t, hostPEM)
	c := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{principal},
		ValidAfter: 0, ValidBefore: ssh.CertTimeInfinity,
	}
	if err := c.SignCert(rand.Reader, signer(t, caPEM)); err != nil {
		t.Fatal(err)
	}
	certified, err = ssh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return certified, authority
}

func TestHostCertificates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, principal, pattern, text string }{
		{"good", "127.0.0.1", "[127.0.0.1]:*", ""},
		{"for another host", "web2", "", "certificate"},
		{"authority of others", "127.0.0.1", "other", "no common algorithm for host key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key, authority := certificate(t, c.principal)
			server := startScripted(t, scripted{hostKey: key})
			pattern := knownhosts.Normalize(server.listener.Addr().String())
			if c.pattern == "other" {
				pattern = "other.example.com"
			}
			o := server.options
			o.HostKey, o.KnownHosts = "", []string{writeFile(t, "known_hosts", "@cert-authority "+pattern+" "+authority+"\n")}
			h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
			if c.text == "" {
				run(t, h, "true")
				return
			}
			checkRefused(t, server, h, false, c.text)
		})
	}
}

// A key that is added to known_hosts counts for the next dial.
func TestKnownHostsAreReadAgain(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	o := server.options
	path := writeFile(t, "known_hosts", "")
	o.HostKey, o.KnownHosts = "", []string{path}
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	checkRefused(t, server, h, false, "unknown")
	line := knownhosts.Normalize(server.listener.Addr().String()) + " " + server.hostLine
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, h, "true")
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	pool := newPool(t, host.PoolOptions{})
	for _, c := range []struct {
		name string
		o    host.SSHOptions
		text string
	}{
		{"-web", host.SSHOptions{}, "name"},
		{"web 1", host.SSHOptions{}, "name"},
		{"web", host.SSHOptions{Port: 65536}, "port 65536"},
		{"web", host.SSHOptions{Port: -1}, "port -1"},
		{"web", host.SSHOptions{Address: "a b"}, "address"},
		{"web", host.SSHOptions{Address: "[::1]"}, "address"},
		{"web", host.SSHOptions{User: "a\nb"}, "user"},
		{"web", host.SSHOptions{HostKey: "SHA256:abc"}, "host key"},
		{"web", host.SSHOptions{ConnectTimeout: -1}, "connect timeout"},
		{"web", host.SSHOptions{Keepalive: -1}, "keepalive"},
	} {
		if _, err := pool.SSH(c.name, c.o); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q %+v: %v, want %q", c.name, c.o, err, c.text)
		}
	}
}
