package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{HostKeys: [][]byte{hostKey(t)}, Listeners: []net.Listener{listen(t, "127.0.0.1:0")}}); err == nil {
		t.Error("a server without a manager was made")
	}
	if _, err := build(Options{HostKeys: [][]byte{hostKey(t)}}, &fakeDoor{}, &fakeGuard{}, &fakeAudit{}); err == nil {
		t.Error("a server without a listener was made")
	}
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.login("alice") // it runs
	if err := h.server.Run(context.Background()); err == nil {
		t.Error("the second Run gave no error")
	}
	h.serves()
}

func TestShutdownBeforeRun(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 2 {
		if err := h.server.Shutdown(deadline(t)); err != nil {
			t.Error(err)
		}
	}
	if err := h.server.Run(context.Background()); err != nil {
		t.Errorf("Run after Shutdown: %v", err)
	}
	if nc, err := net.Dial("tcp", h.addr); err == nil {
		nc.Close()
		t.Error("the port is still open")
	}
}

func TestEndOfTheContextStopsAccepting(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { h.ran <- h.server.Run(ctx) }()
	c := h.login("alice")
	cancel()
	if err := <-h.ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := h.session(c).Output("who"); err != nil {
		t.Errorf("the open connection ended: %v", err)
	}
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Error(err)
	}
}

func TestRefuseLeavesWhatIsOpen(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	h.server.Refuse()
	h.server.Refuse()
	if nc, err := net.Dial("tcp", h.addr); err == nil {
		nc.Close()
		t.Error("the port is still open")
	}
	if _, err := h.session(c).Output("who"); err != nil {
		t.Errorf("the open connection ended: %v", err)
	}
	select {
	case err := <-h.ran:
		t.Errorf("Run ended: %v", err)
	default:
	}
}

func TestShutdownEndsSessions(t *testing.T) {
	t.Parallel()
	h := start(t)
	for range 2 {
		if err := h.session(h.login("alice")).Start("hang"); err != nil {
			t.Fatal(err)
		}
	}
	silent := h.dial()
	io.ReadFull(silent, make([]byte, 8))
	h.door.lives.waitBegun(2)
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]error{session.ErrStopping, session.ErrStopping}, h.door.lives.waitEnds(2), cmp.Comparer(errors.Is)); d != "" {
		t.Error(d)
	}
	closed(t, silent)
	if slices.Contains(h.guard.seen(), "connection failed") {
		t.Error("who was logging in is punished for our stopping")
	}
	if err := <-h.ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *house, _ *Options) { h.door.stubborn = make(chan struct{}) })
	if err := h.session(h.login("alice")).Start("stubborn"); err != nil {
		t.Fatal(err)
	}
	h.door.lives.waitBegun(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	close(h.door.stubborn)
}

func TestAllListenersAreServed(t *testing.T) {
	t.Parallel()
	six, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	h := start(t, func(_ *house, o *Options) { o.Listeners = []net.Listener{listen(t, "127.0.0.1:0"), six} })
	h.login("alice")
	h.addr = six.Addr().String()
	if out, err := h.session(h.login("alice")).Output("who"); err != nil || !strings.Contains(string(out), " ::1 ") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestBrokenListenerEndsRun(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) {
		o.Listeners = []net.Listener{brokenListener{listen(t, "127.0.0.1:0")}}
	})
	if err := <-h.ran; err == nil || !strings.Contains(err.Error(), "accept on 127.0.0.1:") {
		t.Errorf("Run: %v", err)
	}
}

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("broken") }

func TestVersionAndAlgorithms(t *testing.T) {
	t.Parallel()
	h := start(t)
	nc := h.dial()
	nc.Write([]byte(rawVersion + "\r\n"))
	c := &rawClient{t: t, nc: nc, r: bufio.NewReader(nc)}
	if line, err := c.r.ReadString('\n'); err != nil || line != "SSH-2.0-deployerd\r\n" {
		t.Errorf("%q, %v", line, err)
	}
	var k kexInit
	if err := gossh.Unmarshal(c.read()[1:], &k); err != nil {
		t.Fatal(err)
	}
	kex := slices.DeleteFunc(k.Kex, func(s string) bool { return s == "kex-strict-s-v00@openssh.com" || s == "ext-info-s" })
	ciphers := []string{"chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"}
	macs := []string{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"}
	for _, test := range []struct{ got, want []string }{
		{kex, []string{"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"}},
		{k.HostKey, []string{"ssh-ed25519"}},
		{k.CipherCS, ciphers},
		{k.CipherSC, ciphers},
		{k.MACCS, macs},
		{k.MACSC, macs},
	} {
		if d := cmp.Diff(test.want, test.got); d != "" {
			t.Error(d)
		}
	}
}

func TestBanner(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Banner = "Authorised\nuse only.\n\n" })
	var banner string
	conn, _, _, err := gossh.NewClientConn(h.dial(), h.addr, &gossh.ClientConfig{
		User: "alice", Auth: []gossh.AuthMethod{gossh.PublicKeys(h.keys["alice"])},
		HostKeyCallback: h.known(),
		BannerCallback:  func(m string) error { banner = m; return nil },
	})
	if err != nil || banner != "Authorised\r\nuse only.\r\n" {
		t.Fatalf("%q, %v", banner, err)
	}
	conn.Close()
}

func TestDeadPeerIsGone(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.server.keepalive = keepalive{every: 100 * time.Millisecond, missed: 5}
	go func() { h.ran <- h.server.Run(context.Background()) }()
	t.Cleanup(func() { h.server.Shutdown(deadline(t)) })

	dead := h.newRaw().enter("alice", h.keys["alice"]) // answers nothing
	dead.send(channelRequest(dead.openChannel(1<<20), "exec", false, execRequest{"hang"}))
	alive := h.session(h.login("bob"))
	if err := alive.Start("hang"); err != nil {
		t.Fatal(err)
	}
	h.door.lives.waitBegun(2)
	if ends := h.door.lives.waitEnds(1); len(ends) != 1 || ends[0] != session.ErrLost {
		t.Errorf("ended: %v", ends)
	}
	closed(t, dead.nc)
	h.serves()
}
