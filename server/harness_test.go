package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"go.uber.org/goleak"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a server with fakes behind it: users alice and bob with a key each,
// bob with the password "secret" too.
type house struct {
	t      *testing.T
	server *Server
	addr   string
	telnet string // "" without it
	key    []byte // the host key, private
	door   *fakeDoor
	guard  *fakeGuard
	audit  *fakeAudit
	keys   map[string]gossh.Signer
	ran    chan error

	patience  time.Duration // the server's, unless 0
	keepalive keepalive     // the same
}

type furnish func(h *house, o *Options)

// open starts a house; it is closed at the end of the test.
func open(t *testing.T, change ...furnish) *house {
	t.Helper()
	h := &house{
		t: t, guard: &fakeGuard{}, audit: &fakeAudit{come: make(chan struct{}, 1000)}, ran: make(chan error, 1),
		keys: map[string]gossh.Signer{"alice": newKey(t), "bob": newKey(t), "eve": newKey(t)},
	}
	h.door = &fakeDoor{accounts: &fakeAccounts{
		keys:      map[string][]gossh.PublicKey{"alice": {h.keys["alice"].PublicKey()}, "bob": {h.keys["bob"].PublicKey()}},
		passwords: map[string]string{"bob": "secret"},
	}}
	o := Options{Limits: Limits{StartupsBegin: 100, StartupsRate: 30, StartupsFull: 200, PerSource: 100}, HostKeys: [][]byte{hostKey(t)}}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for _, c := range change {
		c(h, &o)
	}
	if o.Listeners == nil && o.Telnet == nil {
		o.Listeners = []net.Listener{listen(t, "127.0.0.1:0")}
	}
	if len(o.Listeners) > 0 {
		h.addr = o.Listeners[0].Addr().String()
	}
	if len(o.Telnet) > 0 {
		h.telnet = o.Telnet[0].Addr().String()
	}
	if len(o.HostKeys) > 0 {
		h.key = o.HostKeys[0]
	}
	var err error
	if h.server, err = build(o, h.door, h.guard, h.audit); err != nil {
		t.Fatal(err)
	}
	if h.patience > 0 {
		h.server.patience = h.patience
	}
	if h.keepalive.every > 0 {
		h.server.keepalive = h.keepalive
	}
	return h
}

// start runs the house.
func start(t *testing.T, change ...furnish) *house {
	t.Helper()
	h := open(t, change...)
	go func() { h.ran <- h.server.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := h.server.Shutdown(deadline(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return h
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newKey(t *testing.T) gossh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hostKey(t *testing.T) []byte {
	t.Helper()
	pem, err := NewHostKey()
	if err != nil {
		t.Fatal(err)
	}
	return pem
}

// dial opens a raw connection that is closed at the end of the test.
func (h *house) dial() net.Conn {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(30 * time.Second))
	return nc
}

// known accepts the house's own host key and no other.
func (h *house) known() gossh.HostKeyCallback {
	h.t.Helper()
	signer, err := gossh.ParsePrivateKey(h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	return gossh.FixedHostKey(signer.PublicKey())
}

// try logs in over nc.
func (h *house) try(nc net.Conn, user string, methods ...gossh.AuthMethod) (*gossh.Client, error) {
	conn, chans, reqs, err := gossh.NewClientConn(nc, h.addr, &gossh.ClientConfig{
		User: user, Auth: methods, HostKeyCallback: h.known(),
	})
	if err != nil {
		nc.Close()
		return nil, err
	}
	c := gossh.NewClient(conn, chans, reqs)
	h.t.Cleanup(func() { c.Close() })
	return c, nil
}

// login logs in with the user's key.
func (h *house) login(user string) *gossh.Client {
	h.t.Helper()
	c, err := h.try(h.dial(), user, gossh.PublicKeys(h.keys[user]))
	if err != nil {
		h.t.Fatalf("log in as %s: %v", user, err)
	}
	return c
}

func (h *house) session(c *gossh.Client) *gossh.Session {
	h.t.Helper()
	s, err := c.NewSession()
	if err != nil {
		h.t.Fatalf("new session: %v", err)
	}
	return s
}

// serves fails the test unless somebody else is served now.
func (h *house) serves() {
	h.t.Helper()
	c := h.login("bob")
	defer c.Close()
	out, err := h.session(c).Output("echo still here")
	if err != nil || string(out) != "still here" {
		h.t.Fatalf("another user got %q, %v", out, err)
	}
}

// closed waits until the server has closed nc.
func closed(t *testing.T, nc net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
		t.Fatal("the server did not close the connection")
	}
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

func exitCode(err error) int {
	switch e := err.(type) {
	case nil:
		return 0
	case *gossh.ExitError:
		return e.ExitStatus()
	default:
		return -1
	}
}

// fakeDoor opens sessions of a small shell.
type fakeDoor struct {
	accounts *fakeAccounts
	refuse   error
	stubborn chan struct{}   // when the line stubborn ends
	rights   context.Context // ends with the users' rights; nil: never
	lives    lives
}

func (d *fakeDoor) users() accounts { return d.accounts }

func (d *fakeDoor) open(ctx context.Context, c session.Client) (shell, error) {
	if d.refuse != nil {
		return nil, d.refuse
	}
	if d.rights != nil {
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		context.AfterFunc(d.rights, func() { end(session.ErrRightsEnded) })
	}
	return &fakeShell{ctx: ctx, client: c, lives: &d.lives, stubborn: d.stubborn}, nil
}

// lives collects how sessions began and ended.
type lives struct {
	mu    sync.Mutex
	cond  *sync.Cond
	begun int
	ends  []error
}

func (l *lives) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cond == nil {
		l.cond = sync.NewCond(&l.mu)
	}
	f()
	l.cond.Broadcast()
}

// await waits until ok holds and returns the ends so far.
func (l *lives) await(ok func() bool) (ends []error) {
	l.change(func() {
		for !ok() {
			l.cond.Wait()
		}
		ends = slices.Clone(l.ends)
	})
	return ends
}

func (l *lives) waitBegun(n int)        { l.await(func() bool { return l.begun >= n }) }
func (l *lives) waitEnds(n int) []error { return l.await(func() bool { return len(l.ends) >= n }) }

// fakeShell knows: echo TEXT, err TEXT, exit N, who, cat, flood, hang, stubborn, panic.
type fakeShell struct {
	ctx      context.Context
	client   session.Client
	lives    *lives
	stubborn chan struct{}
}

func (s *fakeShell) Exec(line string, stdio session.IO) int {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "echo":
		io.WriteString(stdio.Stdout, rest)
	case "err":
		io.WriteString(stdio.Stderr, rest)
	case "exit":
		return len(rest)
	case "who":
		io.WriteString(stdio.Stdout, s.client.Identity.User+" "+s.client.Identity.Method+" "+s.client.From.String()+" "+s.client.Transport)
	case "cat":
		io.Copy(stdio.Stdout, stdio.Stdin)
	case "flood":
		for {
			if _, err := stdio.Stdout.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
				s.lives.change(func() { s.lives.ends = append(s.lives.ends, context.Cause(s.ctx)) })
				return 1
			}
		}
	case "hang":
		s.lives.change(func() { s.lives.begun++ })
		<-s.ctx.Done()
		s.lives.change(func() { s.lives.ends = append(s.lives.ends, context.Cause(s.ctx)) })
		return 130
	case "stubborn":
		s.lives.change(func() { s.lives.begun++ })
		<-s.stubborn
	case "panic":
		panic("a bug in a session")
	default:
		io.WriteString(stdio.Stdout, line)
	}
	return 0
}

func (s *fakeShell) Lines(stdio session.IO) int {
	all, err := io.ReadAll(stdio.Stdin)
	if err != nil {
		return 1
	}
	for line := range strings.Lines(string(all)) {
		if code := s.Exec(strings.TrimSuffix(line, "\n"), stdio); code != 0 {
			return code
		}
	}
	return 0
}

// bye is the end of a session that must end.
func (s *fakeShell) bye(t session.Terminal) int {
	fmt.Fprintf(t.Out, "bye: %v\r\n", context.Cause(s.ctx))
	s.lives.change(func() { s.lives.ends = append(s.lives.ends, context.Cause(s.ctx)) })
	return 254
}

// Shell says what terminal it has, and does a line at a time: hang, stubborn,
// panic, exit N and flood as Exec; anything else is shown again. Ctrl-D leaves.
func (s *fakeShell) Shell(t session.Terminal) int {
	fmt.Fprintf(t.Out, "%s at %s %dx%d echo %t\r\n> ", s.client.Identity.User, t.Term, t.Size.Width, t.Size.Height, t.Echo)
	var line []byte
	for {
		select {
		case <-s.ctx.Done():
			return s.bye(t)
		case size := <-t.Resized:
			fmt.Fprintf(t.Out, "now %dx%d\r\n", size.Width, size.Height)
		case piece, ok := <-t.Input:
			if !ok && s.ctx.Err() != nil { // the end of the session closes the keys too
				return s.bye(t)
			}
			if !ok {
				s.lives.change(func() { s.lives.ends = append(s.lives.ends, nil) })
				return 0
			}
			for _, b := range piece {
				switch b {
				case 0x03:
					io.WriteString(t.Out, "^C\r\n")
				case 0x15:
					line = nil
				case 0x04:
					return 0
				case '\r', '\n':
					word, rest, _ := strings.Cut(string(line), " ")
					line = nil
					switch word {
					case "hang", "stubborn", "panic", "flood":
						s.Exec(word, session.IO{Stdout: t.Out})
					case "exit":
						return len(rest)
					default:
						fmt.Fprintf(t.Out, "[%s %s]\r\n", word, rest)
					}
				default:
					line = append(line, b)
				}
			}
		}
	}
}

func (s *fakeShell) Reject(what string, stdio session.IO) int {
	io.WriteString(stdio.Stderr, "deployerd: "+what+": not in this version\n")
	return 2
}

func (s *fakeShell) Context() context.Context { return s.ctx }

func (s *fakeShell) Close() {}

// fakeAccounts are users with keys and passwords.
type fakeAccounts struct {
	keys      map[string][]gossh.PublicKey
	passwords map[string]string
}

func (a *fakeAccounts) CheckKey(user string, key gossh.PublicKey, _ netip.Addr, _ time.Time) (auth.Identity, bool) {
	for _, k := range a.keys[user] {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return auth.Identity{User: user, Method: "publickey", Key: gossh.FingerprintSHA256(key)}, true
		}
	}
	return auth.Identity{}, false
}

func (a *fakeAccounts) CheckPassword(_ context.Context, user, password string) (auth.Identity, bool) {
	p, ok := a.passwords[user]
	return auth.Identity{User: user, Method: "password"}, ok && p == password
}

func (a *fakeAccounts) HasPassword() bool { return len(a.passwords) > 0 }

// fakeGuard notes what it is told.
type fakeGuard struct {
	mu     sync.Mutex
	refuse bool
	slow   bool
	events []string
}

func (g *fakeGuard) note(e string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

func (g *fakeGuard) seen() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.events)
}

func (g *fakeGuard) Refused(netip.Addr) bool                { return g.refuse }
func (g *fakeGuard) ConnectionFailed(netip.Addr)            { g.note("connection failed") }
func (g *fakeGuard) LoggedIn(user string, _ netip.Addr)     { g.note("in " + user) }
func (g *fakeGuard) TryFailed(user string, _ netip.Addr)    { g.note("failed " + user) }
func (g *fakeGuard) TryAllowed(_ string, _ netip.Addr) bool { return !g.slow }

// fakeAudit keeps records, and gives them to who waits.
type fakeAudit struct {
	mu      sync.Mutex
	records []journal.Record
	come    chan struct{} // a token for each record
}

func (a *fakeAudit) Append(r journal.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, r)
	a.come <- struct{}{}
	return nil
}

// wait waits for a record and returns all there are.
func (a *fakeAudit) wait() []journal.Record {
	<-a.come
	return a.all()
}

func (a *fakeAudit) all() []journal.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.records)
}

// testWriter writes a log to the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// connected are both ends of a TCP connection; they are closed with the test.
func connected(t *testing.T) (peer, nc net.Conn) {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	if nc, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return peer, nc
}
