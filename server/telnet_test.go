package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deployerd/deployerd/session"
)

// startTelnet starts a house with both doors.
func startTelnet(t *testing.T, change ...furnish) *house {
	t.Helper()
	return start(t, append([]furnish{func(_ *house, o *Options) {
		o.Listeners = []net.Listener{listen(t, "127.0.0.1:0")}
		o.Telnet = []net.Listener{listen(t, "127.0.0.1:0")}
	}}, change...)...)
}

// wire is a raw telnet connection.
type wire struct {
	net.Conn
	t      *testing.T
	screen *shownText
}

func (h *house) wire() *wire {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.telnet)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.over(nc)
}

func (h *house) over(nc net.Conn) *wire {
	h.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &wire{nc, h.t, newShown(nc)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) await(text string) string {
	w.t.Helper()
	return w.screen.await(w.t, text)
}

// agree answers the server's first offers as a real client does: it leaves the
// echo to the server and tells its size and its terminal.
func (w *wire) agree() {
	w.t.Helper()
	w.send("\xff\xfd\x01" + "\xff\xfd\x03" + // DO ECHO, DO SUPPRESS-GO-AHEAD
		"\xff\xfb\x1f" + "\xff\xfa\x1f\x00\x64\x00\x1e\xff\xf0" + // WILL NAWS, 100×30
		"\xff\xfb\x18" + "\xff\xfa\x18\x00XTERM\xff\xf0") // WILL TTYPE, IS XTERM
}

// enter logs in.
func (w *wire) enter(user, password string) {
	w.t.Helper()
	w.send(user + "\r\n")
	w.await("Password: ")
	w.send(password + "\r\n")
}

func TestTelnetIsALivingShell(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	w := h.wire()
	w.agree()
	w.enter("bob", "secret")
	w.await("bob at xterm 100x30 echo true\r\n> ")
	w.send("a b\r\x00")
	w.await("[a b]\r\n")
	w.send("\xff\xfa\x1f\x00\xc8\x00\x32\xff\xf0")
	w.await("now 200x50\r\n")
	w.send("\xff\xf4") // IP
	w.await("^C\r\n")
	w.send("\xff\xf6") // AYT
	w.await("[yes]")
	w.send("exit 1\r\x00")
	w.await("")
	if got := h.guard.seen(); !slices.Equal(got, []string{"in bob"}) {
		t.Errorf("the guard heard %q", got)
	}
	r := h.audit.wait()[0]
	if r.Kind != "login" || r.User != "bob" || r.Method != "password" || r.From != "127.0.0.1" {
		t.Errorf("recorded %+v", r)
	}
}

// nc negotiates nothing, sends lines that end with a lone LF, shows by itself
// what is typed, and closes its side when its input ends.
func TestPeerThatNegotiatesNothingGetsPlainLines(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	w := h.wire()
	w.send("bob\nsecret\na b\nc\n")
	w.await("bob at  80x24 echo false\r\n> ")
	w.await("[a b]\r\n[c ]\r\n")
	if err := w.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	w.await("")
}

func TestTelnetLoginShowsTheNameAndNeverThePassword(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	w := h.wire()
	w.agree()
	w.await("login: ")
	w.send("boX\x7fxx\x15alice\x15bob\r\x00")
	if got, want := w.await("Password: "), "boX\b \bxx"; !strings.Contains(got, want) || !strings.Contains(got, "alice\b \b") || !strings.HasSuffix(got, "bob\r\nPassword: ") {
		t.Errorf("the name was shown as %q", got)
	}
	w.send("seXX\x7f\x7fcret\r\x00")
	if got := w.await("bob at"); got != "\r\nbob at" {
		t.Errorf("the password was answered with %q", got)
	}
}

func TestTelnetLoginByteByByte(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	w := h.wire()
	for _, b := range []byte("\xff\xfd\x01\xff\xfb\x1f\xff\xfa\x1f\x00\x64\x00\x1e\xff\xf0bob\r\nsecret\r\nx\r\n") {
		w.send(string([]byte{b}))
	}
	w.await("bob at dumb 100x30 echo true")
	w.await("[x ]")
}

func TestTelnetRefusalsLookAlikeAndLeaveOnTheStep(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	var first string
	for _, try := range []struct{ user, password string }{
		{"bob", "wrong"},       // a wrong password
		{"bob", ""},            // none
		{"nobody", "secret"},   // an unknown user
		{"alice", "secret"},    // one without a password
		{"b\xffb\x01", "\x02"}, // garbage
	} {
		w := h.wire()
		var all string
		for range telnetTries {
			all += w.await("login: ")
			begun := time.Now()
			w.send(try.user + "\r\n")
			all += w.await("Password: ")
			w.send(try.password + "\r\n")
			all += w.await("incorrect\r\n")
			if took := time.Since(begun); took < refusalStep {
				t.Errorf("%q: refused after %v", try.user, took)
			}
		}
		all += w.await("")
		if first == "" {
			first = all
		}
		if all != first {
			t.Errorf("%q got %q, the first %q", try.user, all, first)
		}
	}
	for range 5 {
		h.audit.wait()
	}
	if got := h.guard.seen(); strings.Count(strings.Join(got, "\n"), "connection failed") != 5 || strings.Count(strings.Join(got, "\n"), "failed bob") != 6 {
		t.Errorf("the guard heard %q", got)
	}
	for _, r := range h.audit.all() {
		if r.Kind != "refused" || r.Method != "password" {
			t.Errorf("recorded %+v", r)
		}
	}
}

func TestTelnetSlowDownLooksLikeAWrongPassword(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(h *house, _ *Options) { h.guard.slow = true })
	w := h.wire()
	w.enter("bob", "secret")
	w.await("Login incorrect\r\nlogin: ")
}

func TestTelnetLoginCanBeLeft(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	for _, keys := range []string{"\x03", "\x04", "bob\r\n\x03", "\xff\xf4", "\xff\xec"} {
		w := h.wire()
		w.await("login: ")
		w.send(keys)
		w.await("")
	}
}

func TestTelnetTimeToLogIn(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(_ *house, o *Options) { o.Limits.LoginGraceTelnet = 300 * time.Millisecond })
	for _, typed := range []string{"", "bob", "bob\r\nsec"} {
		w := h.wire()
		w.send(typed)
		w.await("login: ")
		w.await("")
	}
	if got := h.guard.seen(); len(got) > 3 || slices.ContainsFunc(got, func(s string) bool { return s != "connection failed" }) {
		t.Errorf("the guard heard %q", got)
	}
}

func TestTelnetLimitsBeforeLogin(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	for name, flood := range map[string]string{
		"a long line": strings.Repeat("x", 1<<20),
		"many lines":  strings.Repeat("\r\n", 1<<20),
		"options":     strings.Repeat("\xff\xfd\x2a", 1<<18),
	} {
		w := h.wire()
		_, _ = io.WriteString(w, flood) // the server may close first
		out := w.await("")
		if len(out) > 64<<10 {
			t.Errorf("%s: answered with %d bytes", name, len(out))
		}
	}
	h.serves()
}

func TestBothDoorsShareTheLimits(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(_ *house, o *Options) { o.Limits.PerSource = 2 })
	first := h.wire()
	first.await("login: ")
	second := h.dial() // SSH
	if _, err := second.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	h.wire().await("deployerd: too many connections")
	first.enter("bob", "secret") // and so gives its place back
	first.await("> ")
	h.wire().await("login: ")
}

func TestTelnetPenaltyIsSharedWithSSH(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(h *house, _ *Options) { h.guard.refuse = true })
	h.wire().await("deployerd: too many connections")
}

func TestTelnetConnectionsPerUser(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(_ *house, o *Options) { o.Limits.ConnectionsPerUser = 1 })
	first := h.wire()
	first.enter("bob", "secret")
	first.await("> ")
	second := h.wire()
	second.enter("bob", "secret")
	second.await("deployerd: too many connections of bob: at most 1\r\n")
	first.send("\x04")
	first.await("")
	waitUntil(t, func() bool {
		h.server.admission.mu.Lock()
		defer h.server.admission.mu.Unlock()
		return len(h.server.admission.users) == 0
	})
	third := h.wire()
	third.enter("bob", "secret")
	third.await("> ")
}

// waitUntil waits for something that tells nobody when it happens.
func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	patience := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-look.C:
		case <-patience:
			t.Fatal("it never happened")
		}
	}
}

func TestTelnetSessionThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(h *house, _ *Options) { h.door.refuse = session.ErrTooMany })
	w := h.wire()
	w.enter("bob", "secret")
	w.await("deployerd: too many sessions of this user\r\n")
	w.await("")
}

func TestTelnetPeerThatIsGoneIsALoss(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(w *wire){
		"reset": func(w *wire) { w.Conn.(*net.TCPConn).SetLinger(0); w.Close() },
		"end":   func(w *wire) { w.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := startTelnet(t, func(h *house, _ *Options) { h.patience = time.Second / 10 })
			w := h.wire()
			w.enter("bob", "secret")
			w.await("> ")
			w.send("hang\r\n")
			h.door.lives.waitBegun(1)
			leave(w)
			if ends := h.door.lives.waitEnds(1); !errors.Is(ends[0], session.ErrLost) {
				t.Errorf("ended with %v", ends[0])
			}
		})
	}
}

func TestServerThatStopsEndsTelnet(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	early, late := h.wire(), h.wire()
	early.await("login: ")
	late.enter("bob", "secret")
	late.await("> ")
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if ends := h.door.lives.waitEnds(1); !errors.Is(ends[0], session.ErrStopping) {
		t.Errorf("ended with %v", ends[0])
	}
	early.await("")
	late.await("")
	if got := h.guard.seen(); slices.Contains(got, "connection failed") {
		t.Errorf("the server's own end counts against a client: %q", got)
	}
}

func TestAPanicEndsOneTelnetSession(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	w := h.wire()
	w.enter("bob", "secret")
	w.await("> ")
	w.send("panic\r\n")
	w.await("")
	h.serves()
	waitUntil(t, func() bool { h.server.mu.Lock(); defer h.server.mu.Unlock(); return len(h.server.clients) <= 1 })
}

func TestTelnetReaderThatStopsIsEnded(t *testing.T) {
	t.Parallel()
	h := startTelnet(t)
	nc, err := net.Dial("tcp", h.telnet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "bob\r\nsecret\r\nflood\r\n") // and never reads
	h.audit.wait()
	h.serves()
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// certificate makes a self-signed one.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTelnetOverTLS(t *testing.T) {
	t.Parallel()
	pair := certificate(t)
	h := startTelnet(t, func(_ *house, o *Options) { o.TelnetTLS = &tls.Config{Certificates: []tls.Certificate{pair}} })
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	nc, err := tls.Dial("tcp", h.telnet, &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	w := h.over(nc)
	w.agree()
	w.enter("bob", "secret")
	w.await("bob at xterm 100x30 echo true\r\n> ")
	w.send("x\r\n")
	w.await("[x ]")
	w.send("\x04")
	w.await("")

	clear := h.wire()
	clear.send("bob\r\n")
	clear.await("deployerd: this port speaks telnet over TLS only\r\n")
	clear.await("")
}

func TestTelnetBannerComesFirst(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(_ *house, o *Options) { o.Banner = "Authorised\nuse only.\n" })
	if got := h.wire().await("login: "); !strings.HasSuffix(got, "Authorised\r\nuse only.\r\nlogin: ") {
		t.Errorf("got %q", got)
	}
}

func TestTelnetAloneIsAServer(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Telnet = []net.Listener{listen(t, "127.0.0.1:0")} })
	w := h.wire()
	w.enter("bob", "secret")
	w.await("> ")
}

func FuzzTelnetLine(f *testing.F) {
	f.Add([]byte("bob\r"), true)
	f.Add([]byte("b\x7f\x7f\x15\xff\xc3\x7f\x04\n"), true)
	f.Add([]byte("000000\x15"), true)
	f.Add(bytes.Repeat([]byte("x"), 2000), false)
	f.Fuzz(func(t *testing.T, typed []byte, visible bool) {
		l := typedLine{visible: visible}
		used, _ := l.take(typed)
		if used > len(typed) || len(l.text) > maxLoginLine || len(l.echo) > 4*len(typed)+2 {
			t.Errorf("%d of %d bytes, %d kept, %d shown", used, len(typed), len(l.text), len(l.echo))
		}
		if bytes.IndexFunc(l.text, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
			t.Errorf("kept %q", l.text)
		}
		if !visible && l.echo != nil && string(l.echo) != "\r\n" {
			t.Errorf("shown %q", l.echo)
		}
	})
}
