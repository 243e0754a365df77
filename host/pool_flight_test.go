package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/host"
)

// pipePool makes a pool whose connections are pipes to the server, for tests
// in which time is simulated. wrap may change our end.
func pipePool(t *testing.T, s *scriptedServer, o host.PoolOptions, wrap func(net.Conn) net.Conn) *host.Pool {
	t.Helper()
	t.Cleanup(s.wg.Wait) // after the pool's shutdown
	pool := newPool(t, o)
	host.SetDialer(pool, func(context.Context, string) (net.Conn, error) {
		ours, theirs := bufferedPipe()
		s.conns.Add(1)
		s.wg.Go(func() { s.serve(theirs) })
		return wrap(ours), nil
	})
	return pool
}

// gate is a dialer that tells when it was called, and goes on when it may.
type gate struct {
	entered chan struct{}
	goOn    chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 100), make(chan struct{})} }

func (g *gate) dial(ctx context.Context, address string) (net.Conn, error) {
	g.entered <- struct{}{}
	select {
	case <-g.goOn:
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A use whose context ends leaves at once; the dial goes on for the others.
func TestWaiterLeavesAndTheDialGoesOn(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	pool := newPool(t, host.PoolOptions{})
	g := newGate()
	host.SetDialer(pool, g.dial)
	h := sshHost(t, pool, "web1", server.options)
	stayed := make(chan struct{})
	go func() { defer close(stayed); run(t, h, "true") }()
	<-g.entered
	if s := pool.State(h); s.State != "dialling" {
		t.Errorf("%+v, want dialling", s)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan *host.DialError)
	go func() { left <- startError(t, ctx, h) }()
	gone := errors.New("gone")
	cancel(gone)
	if err := <-left; !errors.Is(err, gone) {
		t.Errorf("%v, want the context's cause", err)
	}
	close(g.goOn)
	<-stayed
	if n := server.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A dial that nobody waits for any more ends, and the next use dials anew.
func TestLastWaiterEndsTheDial(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	pool := newPool(t, host.PoolOptions{Dials: 1})
	g := newGate()
	host.SetDialer(pool, g.dial)
	h := sshHost(t, pool, "web1", server.options)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan *host.DialError)
	go func() { left <- startError(t, ctx, h) }()
	<-g.entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
	close(g.goOn)
	run(t, h, "true") // needs the only dial slot
	if s := pool.State(h); s.LastError != nil {
		t.Errorf("%+v, a cancel is no failed dial", s)
	}
}

// A shutdown ends dials that are under way.
func TestShutdownDuringDial(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	pool := newPool(t, host.PoolOptions{})
	g := newGate()
	host.SetDialer(pool, g.dial)
	failed := make(chan *host.DialError)
	go func() { failed <- startError(t, t.Context(), sshHost(t, pool, "web1", server.options)) }()
	<-g.entered
	if err := pool.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !strings.Contains(err.Error(), "shut down") {
		t.Errorf("%v, want the shutdown", err)
	}
}

func TestDialsAreBounded(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	pool := newPool(t, host.PoolOptions{Dials: 3})
	var now, most atomic.Int32
	host.SetDialer(pool, func(ctx context.Context, address string) (net.Conn, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	together(40, func(i int) {
		o := server.options
		o.User = fmt.Sprint("user", i)
		run(t, sshHost(t, pool, fmt.Sprint("web", i), o), "true")
	})
	if n := most.Load(); n > 3 {
		t.Errorf("%d dials at once, want at most 3", n)
	}
	if s := pool.Stats(); s.Connections != 40 {
		t.Errorf("%+v, want 40 connections", s)
	}
}

func TestReconfigure(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", server.options)
	all := []held{hold(t, h), hold(t, h)}
	pool.Reconfigure(host.PoolOptions{ChannelsPerConnection: 2, Dials: 1})
	all = append(all, hold(t, h))
	if s := pool.Stats(); s.Connections != 2 {
		t.Errorf("%+v, want a second connection", s)
	}
	finish(t, all...)
}

// deadWrites is a connection that is reset by the first write after it broke,
// as one through a firewall that has forgotten it.
type deadWrites struct {
	net.Conn
	broken *atomic.Bool
}

func (d deadWrites) Write(b []byte) (int, error) {
	if d.broken.Load() {
		return 0, errors.Join(errors.New("broken pipe"), d.Conn.Close())
	}
	return d.Conn.Write(b)
}

// A connection that is found broken when a channel is opened is dialled again,
// and the command runs: nothing of it had been sent.
func TestBrokenConnectionIsDialledAgain(t *testing.T) {
	t.Parallel()
	server := newScripted(t, scripted{})
	var broken atomic.Bool
	first := true
	pool := pipePool(t, server, host.PoolOptions{}, func(c net.Conn) net.Conn {
		if first {
			first = false
			return deadWrites{c, &broken}
		}
		return c
	})
	h := sshHost(t, pool, "web1", server.options)
	run(t, h, "true")
	broken.Store(true)
	run(t, h, "true")
	if n := server.conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// blackHole is a connection on which nothing arrives once it is muted.
type blackHole struct {
	net.Conn
	muted *atomic.Bool
}

func (m blackHole) Read(b []byte) (int, error) {
	for {
		n, err := m.Conn.Read(b)
		if err != nil || !m.muted.Load() {
			return n, err
		}
	}
}

// Three keepalives without an answer end a connection and what runs on it.
func TestKeepaliveFindsABlackHole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScripted(t, scripted{exec: untilInputEnds})
		var muted atomic.Bool
		pool := pipePool(t, server, host.PoolOptions{}, func(c net.Conn) net.Conn { return blackHole{c, &muted} })
		h := hold(t, sshHost(t, pool, "web1", server.options))
		defer h.letGo()
		muted.Store(true)
		<-time.After(59 * time.Second)
		if s := pool.Stats(); s.Connections != 1 {
			t.Errorf("%+v before the third missed keepalive, want 1 connection", s)
		}
		<-time.After(2 * time.Second)
		var lost *host.LostError
		if _, err := h.Wait(); !errors.As(err, &lost) || !strings.Contains(err.Error(), "did not answer 3 keepalives") {
			t.Errorf("%v, want lost for its keepalives", err)
		}
		if s := pool.Stats(); s.Connections != 0 {
			t.Errorf("%+v, want no connection", s)
		}
	})
}

// A target that answers keepalives with a refusal lives, and its connection is
// closed when it was idle for long enough.
func TestRefusedKeepaliveIsLifeAndIdleConnectionsClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScripted(t, scripted{exec: untilInputEnds})
		pool := pipePool(t, server, host.PoolOptions{IdleClose: 5 * time.Minute}, func(c net.Conn) net.Conn { return c })
		web1 := sshHost(t, pool, "web1", server.options)
		h := hold(t, web1)
		<-time.After(time.Hour)
		finish(t, h)
		<-time.After(5*time.Minute - time.Second)
		if s := pool.State(web1); s.State != "idle" {
			t.Errorf("%+v after less than the idle time, want idle", s)
		}
		<-time.After(17 * time.Second)
		if s := pool.State(web1); s.State != "closed" || s.LastError != nil {
			t.Errorf("%+v after the idle time, want closed", s)
		}
	})
}

// A background process that holds the output open does not hold up Wait, and
// what it writes meanwhile is not cut short.
func TestLingeringOutput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newScripted(t, scripted{exec: func(ch ssh.Channel) {
			_, _ = ch.SendRequest("exit-status", false, make([]byte, 4))
			for range 5 {
				<-time.After(1500 * time.Millisecond)
				_, _ = io.WriteString(ch, "late ")
			}
			_, _ = io.Copy(io.Discard, ch) // until the other side closes it
			_ = ch.Close()
		}})
		pool := pipePool(t, server, host.PoolOptions{}, func(c net.Conn) net.Conn { return c })
		line, err := host.Context{}.Line("true")
		if err != nil {
			t.Fatal(err)
		}
		var stdout strings.Builder
		p, err := sshHost(t, pool, "web1", server.options).Start(t.Context(), line, host.IO{Stdin: strings.NewReader("x"), Stdout: &stdout})
		if err != nil {
			t.Fatal(err)
		}
		if exit, err := p.Wait(); err != nil || exit.Code != 0 {
			t.Errorf("%v %v, want code 0", exit, err)
		}
		if got, want := stdout.String(), strings.Repeat("late ", 5); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// bufferedPipe is net.Pipe with room for what was written, as sockets have: two
// sides that write at the same time would block each other for ever.
func bufferedPipe() (net.Conn, net.Conn) {
	a, b := net.Pipe()
	return newBuffered(a), newBuffered(b)
}

// bufferedConn writes in the background.
type bufferedConn struct {
	net.Conn
	mu     sync.Mutex
	more   sync.Cond
	data   []byte
	closed bool
}

func newBuffered(c net.Conn) *bufferedConn {
	b := &bufferedConn{Conn: c}
	b.more.L = &b.mu
	go b.pump()
	return b
}

func (b *bufferedConn) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, net.ErrClosed
	}
	b.data = append(b.data, p...)
	b.more.Signal()
	return len(p), nil
}

func (b *bufferedConn) pump() {
	for {
		b.mu.Lock()
		for len(b.data) == 0 && !b.closed {
			b.more.Wait()
		}
		data, closed := b.data, b.closed
		b.data = nil
		b.mu.Unlock()
		if len(data) > 0 {
			if _, err := b.Conn.Write(data); err != nil {
				return
			}
		} else if closed {
			return
		}
	}
}

func (b *bufferedConn) Close() error {
	b.mu.Lock()
	b.closed = true
	b.more.Signal()
	b.mu.Unlock()
	return b.Conn.Close()
}
