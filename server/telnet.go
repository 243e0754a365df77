package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/server/internal/telnet"
	"github.com/deployerd/deployerd/session"
)

// caller is one telnet connection, from accept to its end.
type caller struct {
	visitor
	conn    net.Conn
	loginBy time.Time
	login   dialogue
	ctx     context.Context // ends with the connection
	end     context.CancelCauseFunc
	user    string // once logged in
}

func newCaller(s *Server, nc net.Conn) *caller {
	c := &caller{visitor: newVisitor(s, nc), conn: nc}
	c.loginBy = time.Now().Add(c.limits.LoginGraceTelnet)
	c.ctx, c.end = context.WithCancelCause(context.Background())
	if err := errors.Join(keepAlive(nc), nc.SetDeadline(c.loginBy)); err != nil {
		c.log.Debug("set up the connection", "err", err) // the first read tells what is wrong
	}
	return c
}

// close ends the connection from this side.
func (c *caller) close(cause error) {
	c.end(cause)
	_ = c.conn.Close() // an error says that it is closed already
}

// run serves the connection to its end.
func (c *caller) run() {
	defer c.srv.forget(c)
	defer c.leaveQueue()
	defer c.close(session.ErrLost)
	defer c.rescue("connection")
	if err := c.arrive(); err != nil {
		c.log.Debug("connection refused", "err", err)
		turnAway(c.conn)
		return
	}
	err := c.serve()
	c.leave(err)
}

// serve speaks telnet, over TLS where that is wanted.
func (c *caller) serve() error {
	nc := c.conn
	if c.srv.tls != nil {
		secure := tls.Server(nc, c.srv.tls)
		if err := secure.HandshakeContext(c.ctx); err != nil {
			explainTLS(err)
			return fmt.Errorf("TLS: %w", err)
		}
		nc = secure
	}
	return telnet.Serve(nc, telnet.Options{}, c.meet)
}

// explainTLS tells a client that speaks in clear text why it gets nothing.
func explainTLS(err error) {
	var clear tls.RecordHeaderError
	if !errors.As(err, &clear) || clear.Conn == nil {
		return
	}
	// The connection is closed next, whether it takes the line or not.
	_, _ = io.WriteString(clear.Conn, "deployerd: this port speaks telnet over TLS only\r\n")
}

// leave settles the accounts when the connection has ended.
func (c *caller) leave(err error) {
	var panicked *telnet.PanicError
	if errors.As(err, &panicked) {
		c.log.Error("panic", "in", "session", "err", fmt.Sprint(panicked.Value), "stack", string(panicked.Stack))
	}
	if c.user != "" {
		c.srv.admission.logout(c.user)
		c.log.Info("connection ended", "err", err)
		return
	}
	c.log.Debug("connection ended before a login", "err", err)
	if !errors.Is(context.Cause(c.ctx), session.ErrStopping) { // that is our doing
		c.failed(c.login.name, c.login.method)
	}
}

// meet lets a peer log in and gives it its session.
func (c *caller) meet(peer *telnet.Session) {
	if err := errors.Join(peer.SetReadDeadline(c.loginBy), peer.SetWriteDeadline(c.loginBy)); err != nil {
		c.log.Debug("set the time to log in", "err", err)
		return
	}
	c.login.peer = peer
	id, err := c.logIn()
	if err != nil {
		c.log.Debug("no login", "err", err)
		return
	}
	n, limit := c.welcome(id)
	c.user = id.User
	if why := excess(id.User, n, limit); why != "" {
		c.say(peer, why)
		return
	}
	peer.LoggedIn()
	if err := errors.Join(peer.SetReadDeadline(time.Time{}), peer.SetWriteDeadline(time.Time{})); err != nil {
		c.log.Debug("take the deadline away", "err", err)
		return
	}
	c.talk(peer, id)
}

// say writes a word of ours. When the peer is gone there is nobody to tell.
func (c *caller) say(peer io.Writer, text string) {
	c.log.Info("session refused", "err", text)
	_, _ = fmt.Fprintf(peer, "deployerd: %s\r\n", text)
}

// talk runs the session.
func (c *caller) talk(peer *telnet.Session, id auth.Identity) {
	sh, err := c.srv.door.open(c.ctx, session.Client{Identity: id, From: c.from, Transport: "telnet"})
	if err != nil {
		c.say(peer, err.Error())
		return
	}
	defer sh.Close()
	t, known := describe(peer)
	sizes := make(chan session.Size, 1)
	t.Resized = sizes
	left := make(chan struct{})
	var own sync.WaitGroup
	defer own.Wait()
	defer close(left)
	own.Go(func() { c.watch(peer, known, sizes, left) })
	code := converse(sh, peer, t, c.srv.patience, c.end)
	c.log.Info("session ended", "code", code)
}

// describe is what is known of a peer's terminal after its login. One that
// leaves the echo to itself (nc) is in lines, and gets plain ones.
func describe(peer *telnet.Session) (session.Terminal, telnet.Terminal) {
	var known telnet.Terminal
	select {
	case known = <-peer.Events():
	default:
	}
	t := session.Terminal{Echo: peer.Echoing(), Size: sizeOf(known)}
	if t.Echo {
		t.Term = knownTerminal(known.Type)
	}
	return t, known
}

func sizeOf(t telnet.Terminal) session.Size {
	return clamp(uint32(max(t.Width, 0)), uint32(max(t.Height, 0)))
}

// watch follows the window's size, and ends the session of a peer whose
// connection failed or that is gone.
func (c *caller) watch(peer *telnet.Session, known telnet.Terminal, sizes chan session.Size, left <-chan struct{}) {
	last, k := sizeOf(known), c.srv.keepalive
	look := time.NewTicker(k.every)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if silence(c.conn) >= k.every*time.Duration(k.missed) {
				c.log.Info("no sign of life")
				c.close(session.ErrLost)
				return
			}
		case t := <-peer.Events():
			if now := sizeOf(t); now != last {
				last = now
				newest(sizes, now)
			}
		case <-peer.Done():
			c.end(session.ErrLost)
			return
		case <-left:
			return
		}
	}
}
