package server

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session/journal"
)

func TestLoginByKeyIsAudited(t *testing.T) {
	t.Parallel()
	h := start(t)
	out, err := h.session(h.login("alice")).Output("who")
	if err != nil || string(out) != "alice publickey 127.0.0.1 ssh" {
		t.Errorf("got %q, %v", out, err)
	}
	want := []journal.Record{{
		Kind: journal.Login, User: "alice", From: "127.0.0.1", Method: "publickey",
		Text: gossh.FingerprintSHA256(h.keys["alice"].PublicKey()),
	}}
	if d := cmp.Diff(want, h.audit.all()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"in alice"}, h.guard.seen()); d != "" {
		t.Error(d)
	}
}

func TestLoginByPassword(t *testing.T) {
	t.Parallel()
	h := start(t)
	c, err := h.try(h.dial(), "bob", gossh.Password("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := h.session(c).Output("who"); err != nil || string(out) != "bob password 127.0.0.1 ssh" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestRefusedLoginIsAuditedOnce(t *testing.T) {
	t.Parallel()
	h := start(t)
	nc := h.dial()
	if _, err := h.try(nc, "mallory\x1b[31m"+strings.Repeat("x", 300), gossh.PublicKeys(newKey(t), newKey(t))); err == nil {
		t.Fatal("logged in")
	}
	got := h.audit.wait()
	want := []journal.Record{{
		Kind: journal.Refused, User: "mallory?[31m" + strings.Repeat("x", 52), From: "127.0.0.1", Method: "publickey",
		Text: "the login failed",
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"connection failed"}, h.guard.seen()); d != "" {
		t.Error(d)
	}
}

func TestNoneNeverSucceeds(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *house, _ *Options) {
		h.door.accounts.keys, h.door.accounts.passwords = nil, nil // nobody can log in at all
	})
	c := h.newRaw().ready()
	for range 3 {
		if got := c.ask(authRequest("alice", "none", nil)); got != msgAuthFailure {
			t.Fatalf("answer %d", got)
		}
	}
}

func TestPasswordIsOfferedOnlyWhereSomebodyHasOne(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		passwords map[string]string
		want      string
	}{
		{nil, "publickey"},
		{map[string]string{"bob": "secret"}, "password,publickey"},
	} {
		h := start(t, func(h *house, _ *Options) { h.door.accounts.passwords = test.passwords })
		c := h.newRaw().ready()
		c.send(authRequest("alice", "none", nil))
		var failure struct{ Methods string }
		if err := gossh.Unmarshal(trimBool(c.read()), &failure); err != nil || failure.Methods != test.want {
			t.Errorf("methods %q, %v, want %q", failure.Methods, err, test.want)
		}
	}
}

// trimBool takes the type from the front of a failure and the flag from its end.
func trimBool(p []byte) []byte { return p[1 : len(p)-1] }

// The identity is that of the key that signed, whatever was asked before.
func TestKeySwappedBetweenAttempts(t *testing.T) {
	t.Parallel()
	h := start(t)
	alice, bob := h.keys["alice"], h.keys["bob"]
	c := h.newRaw().ready()
	if got := c.ask(query("alice", alice.PublicKey())); got != msgPubKeyOK {
		t.Fatalf("alice's key: answer %d", got)
	}
	if got := c.ask(c.signed("alice", bob.PublicKey(), bob)); got != msgAuthFailure {
		t.Fatalf("as alice with bob's key: answer %d", got)
	}
	if got := c.ask(query("alice", alice.PublicKey())); got != msgPubKeyOK {
		t.Fatalf("alice's key again: answer %d", got)
	}
	if got := c.ask(c.signed("bob", bob.PublicKey(), bob)); got != msgAuthSuccess {
		t.Fatalf("as bob with bob's key: answer %d", got)
	}
	if out := c.output("who"); !strings.HasPrefix(out, "bob publickey ") {
		t.Errorf("came in as %q", out)
	}
}

func TestSignatureOfAnotherKeyEndsTheConnection(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.newRaw().ready()
	c.send(query("alice", h.keys["alice"].PublicKey()))
	c.read()
	c.send(c.signed("alice", h.keys["alice"].PublicKey(), h.keys["eve"]))
	if p, err := c.next(); err == nil {
		t.Errorf("answer %d", p[0])
	}
}

func TestCertificateIsRefused(t *testing.T) {
	t.Parallel()
	h := start(t)
	cert := &gossh.Certificate{
		Key: h.keys["alice"].PublicKey(), CertType: gossh.UserCert,
		ValidPrincipals: []string{"alice"}, ValidBefore: gossh.CertTimeInfinity,
	}
	if err := cert.SignCert(zero{}, h.keys["eve"]); err != nil {
		t.Fatal(err)
	}
	h.door.accounts.keys["alice"] = append(h.door.accounts.keys["alice"], cert)
	signer, err := gossh.NewCertSigner(cert, h.keys["alice"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.try(h.dial(), "alice", gossh.PublicKeys(signer)); err == nil {
		t.Error("a certificate got in")
	}
}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A query is no failure: whoever has many keys in an agent gets in.
func TestAgentWithManyKeysGetsIn(t *testing.T) {
	t.Parallel()
	h := start(t)
	var signers []gossh.Signer
	for range maxKeyQueries - 1 {
		signers = append(signers, newKey(t))
	}
	if _, err := h.try(h.dial(), "alice", gossh.PublicKeys(append(signers, h.keys["alice"])...)); err != nil {
		t.Errorf("log in with key %d: %v", len(signers)+1, err)
	}
}

func TestTooManyKeysEndTheConnection(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]bool{"different keys": true, "one key again": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			c := h.newRaw().ready()
			key := newKey(t).PublicKey()
			for i := range maxKeyQueries {
				if fresh {
					key = newKey(t).PublicKey()
				}
				if got := c.ask(query("alice", key)); got != msgAuthFailure {
					t.Fatalf("query %d: answer %d", i+1, got)
				}
			}
			c.send(query("alice", key))
			c.ends("too many keys")
		})
	}
}

// ends reads a banner with a text and then the end of the connection.
func (c *rawClient) ends(text string) {
	c.t.Helper()
	p, err := c.next()
	if err != nil || p[0] != msgAuthBanner || !strings.Contains(string(p), text) {
		c.t.Errorf("packet %q, %v", p, err)
	}
	if p, err := c.next(); err == nil {
		c.t.Errorf("and then packet %q", p)
	}
}

func TestSixTriesEndTheConnection(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.newRaw().ready()
	for i := range maxTries - 1 {
		if got := c.ask(withPassword("bob", "guess")); got != msgAuthFailure {
			t.Fatalf("try %d: answer %d", i+1, got)
		}
	}
	c.send(withPassword("bob", "guess"))
	c.ends("too many tries")
	h.audit.wait()
	want := []string{"failed bob", "failed bob", "failed bob", "failed bob", "failed bob", "failed bob", "connection failed"}
	if d := cmp.Diff(want, h.guard.seen()); d != "" {
		t.Error(d)
	}
}

// Who exists cannot be found out: the answers have the same bytes in the same
// rounds.
func TestUnknownUserLooksLikeAWrongPassword(t *testing.T) {
	t.Parallel()
	h := start(t)
	stranger := newKey(t)
	transcript := func(user string) (seen []int) {
		c := h.newRaw().ready()
		for _, p := range [][]byte{
			authRequest(user, "none", nil),
			query(user, stranger.PublicKey()),
			c.signed(user, stranger.PublicKey(), stranger),
			withPassword(user, "wrong"),
			authRequest(user, "keyboard-interactive", struct{ Language, Sub string }{}),
			authRequest(user, "gssapi-with-mic", nil),
		} {
			seen = append(seen, int(c.ask(p)), c.received)
		}
		return seen
	}
	bob := transcript("bob")
	for _, user := range []string{"alice", "nobody", "", "root"} {
		if d := cmp.Diff(bob, transcript(user)); d != "" {
			t.Errorf("%q is answered unlike bob: %s", user, d)
		}
	}
}

func TestSlowedAccountLooksLikeAWrongPassword(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *house, _ *Options) { h.guard.slow = true })
	c := h.newRaw().ready()
	if got := c.ask(withPassword("bob", "secret")); got != msgAuthFailure {
		t.Errorf("answer %d", got)
	}
}

func TestRefusalsLeaveOnAGrid(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0:                      500 * time.Millisecond,
		time.Millisecond:       500 * time.Millisecond,
		499 * time.Millisecond: 500 * time.Millisecond,
		501 * time.Millisecond: time.Second,
		3 * time.Second:        3500 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			time.Sleep(took)
			untilFullStep(context.Background(), begun)
			if got := time.Since(begun); got != want {
				t.Errorf("a check of %v is answered after %v, want %v", took, got, want)
			}
		})
	}
}

func TestTimeToLogInCountsFromAccept(t *testing.T) {
	t.Parallel()
	short := func(_ *house, o *Options) { o.Limits.LoginGrace = 50 * time.Millisecond }
	for text, change := range map[string]furnish{
		"":                       func(*house, *Options) {},
		"SSH-2.0-x\r\n":          func(*house, *Options) {},
		"PROXY TCP4 192.0.2.1 ":  behindProxy,
		"\r\n\r\n\x00\r\nQUIT\n": behindProxy,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			nc := start(t, short, change).dial()
			nc.Write([]byte(text))
			closed(t, nc)
		})
	}
}

func TestLoggedInStaysAfterTheTimeToLogIn(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Limits.LoginGrace = 2 * time.Second })
	c := h.login("alice")
	silent := h.dial()
	closed(t, silent) // the same time has passed for both
	if _, err := h.session(c).Output("who"); err != nil {
		t.Errorf("the session was closed: %v", err)
	}
}

func TestIdentityComesFromThePermissions(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*gossh.Permissions{
		"none":  nil,
		"empty": {},
		"other": {ExtraData: map[any]any{"user": auth.Identity{User: "alice"}}},
	} {
		if id, ok := identityOf(&gossh.ServerConn{Permissions: p}); ok {
			t.Errorf("%s: %v", name, id)
		}
	}
}

func FuzzShownNamesAreShortAndPrintable(f *testing.F) {
	for _, s := range []string{"", "alice", "a\x00b", "\x1b]0;x\a", "\xff\xfe", "\u202eevil", strings.Repeat("ü", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := shown(s)
		if n := len([]rune(got)); n > maxShownName {
			t.Errorf("%d runes", n)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e }) {
			t.Errorf("%q has control characters", got)
		}
	})
}
