package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// settle is how long the end of a connection is held back from the SSH
// library, which reads ahead: what the client sent before the end (the close of
// a channel) is looked at first, and its session knows why it ends.
const settle = 20 * time.Millisecond

// conn is the transport of one client: it keeps the deadline of the login,
// acknowledges at once, bears the address a PROXY header gave, and knows
// whether it broke.
type conn struct {
	net.Conn
	client *client
	reader io.Reader // what is read: behind a PROXY header, the rest of its buffer first
	remote net.Addr
	ack    func()
	typing atomic.Int32 // sessions at a terminal
	early  earlyGate
	broken atomic.Bool // set before the library sees the end
	once   sync.Once
	gone   chan struct{} // closed by Close

	mu       sync.Mutex
	loginBy  time.Time
	loggedIn bool
}

func newConn(nc net.Conn, grace time.Duration) (*conn, error) {
	c := &conn{Conn: nc, reader: nc, remote: nc.RemoteAddr(), ack: acknowledger(nc), loginBy: time.Now().Add(grace)}
	c.early.opened = make(chan struct{})
	c.gone = make(chan struct{})
	return c, errors.Join(keepAlive(nc), nc.SetDeadline(c.loginBy))
}

// keepAlive makes the kernel find out within a minute that a silent peer is
// gone.
func keepAlive(nc net.Conn) error {
	t, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	return t.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: true, Idle: 15 * time.Second, Interval: 15 * time.Second, Count: 3,
	})
}

// Read reads, and asks the kernel to acknowledge at once: an OpenSSH client
// without a terminal has Nagle's algorithm on and holds each small packet back
// until the one before is acknowledged, 40 ms.
func (c *conn) Read(p []byte) (int, error) {
	c.pace()
	p = c.early.admit(p, c.loginBy)
	n, err := c.reader.Read(p)
	c.early.count(n)
	if err != nil {
		if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
			time.Sleep(settle)
		}
		c.broken.Store(true)
		// SSH has no half-closed connections, and a writer that waits for the
		// peer must not hold up the end.
		_ = c.Close()
		return n, err
	}
	if c.typing.Load() == 0 { // at a terminal it has none, and each key would cost a packet more
		c.ack()
	}
	return n, nil
}

// pace waits until a client that floods may be read again. What the library has
// read ahead bounds the wait to seconds.
func (c *conn) pace() {
	wait := c.client.rate.debt(time.Now())
	if wait == 0 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.gone:
	}
}

// Write writes one packet of the library.
func (c *conn) Write(p []byte) (int, error) {
	c.early.observe(p)
	return c.Conn.Write(p)
}

// Close closes the transport. The gate opens only then: nothing can be read any
// more.
func (c *conn) Close() error {
	defer c.early.open()
	defer c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// RemoteAddr is the client's address, also behind a load balancer.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets a deadline, but none later than the login's while nobody is
// logged in: the SSH library knows only its own part of the time from accept.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loggedIn && (t.IsZero() || t.After(c.loginBy)) {
		t = c.loginBy
	}
	return c.Conn.SetDeadline(t)
}

// welcome ends the time to log in.
func (c *conn) welcome() error {
	c.mu.Lock()
	c.loggedIn = true
	c.mu.Unlock()
	return c.SetDeadline(time.Time{})
}
