package server

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
)

// client is one SSH connection, from accept to its end.
type client struct {
	visitor
	conn  *conn
	login login
	rate  bucket
	ctx   ssh.Context // the connection's, from the SSH library; set before the handshake

	mu       sync.Mutex
	user     string // once logged in
	excess   string // why a logged-in user gets no session on this connection, "" when it does
	ended    error  // the cause, once it ended
	channels map[*channel]struct{}
	pings    *time.Timer
}

func newClient(s *Server, nc net.Conn) *client {
	c := &client{visitor: newVisitor(s, nc), channels: make(map[*channel]struct{})}
	var err error
	c.conn, err = newConn(nc, c.limits.LoginGrace)
	c.conn.client = c
	c.login.client = c
	if err != nil {
		c.log.Debug("set up the connection", "err", err) // the first read tells what is wrong
	}
	return c
}

// run serves the connection to its end.
func (c *client) run() {
	defer c.srv.forget(c)
	defer c.leaveQueue()
	defer func() { _ = c.conn.Close() }() // closed already in most cases
	defer c.rescue("connection")
	if err := c.arrive(); err != nil {
		c.log.Debug("connection refused", "err", err)
		turnAway(c.conn)
		return
	}
	c.srv.ssh.HandleConn(c.conn)
	c.release()
	c.end(c.howItEnded())
	c.leave()
}

// arrive finds out who the peer is and whether it may try to log in.
func (c *client) arrive() error {
	if contains(c.srv.proxies, c.from) {
		local, err := c.conn.readProxyHeader()
		if err != nil {
			return err
		}
		if local {
			return fmt.Errorf("a health check of the load balancer: %w", errRefused)
		}
		c.from = addrOf(c.conn.RemoteAddr())
		c.log = c.srv.log.With("remote", c.conn.RemoteAddr().String())
	}
	return c.visitor.arrive()
}

// welcome is called when a login is complete, before the client hears of it.
func (c *client) welcome(id auth.Identity) {
	n, limit := c.visitor.welcome(id)
	c.mu.Lock()
	c.user = id.User
	c.excess = excess(id.User, n, limit)
	c.mu.Unlock()
	if err := c.conn.welcome(); err != nil {
		c.log.Debug("take the deadline away", "err", err) // it is closed: the library finds out too
	}
	// One that has a session more than it may can be told so; a crowd of them
	// is a flood.
	if n > 2*limit {
		c.close(session.ErrDisconnected)
		return
	}
	c.startPings()
}

// release lets the SSH library's goroutines go, which a client can make wait.
func (c *client) release() {
	_ = c.conn.Close() // else the reading would go on
	if c.login.backlog == nil {
		return // the key exchange did not come to its end
	}
	for range c.login.backlog { // closed when the reading has ended
	}
}

// leave settles the accounts when the connection has ended.
func (c *client) leave() {
	c.mu.Lock()
	user, ended := c.user, c.ended
	c.mu.Unlock()
	if user != "" {
		c.srv.admission.logout(user)
		c.log.Info("connection ended", "err", ended)
		return
	}
	if !errors.Is(ended, session.ErrStopping) { // that is our doing
		c.failed(c.login.name, c.login.method)
	}
}

// serverConn is the connection after the handshake, nil before.
func (c *client) serverConn() *gossh.ServerConn {
	if c.ctx == nil {
		return nil
	}
	sc, _ := c.ctx.Value(ssh.ContextKeyConn).(*gossh.ServerConn)
	return sc
}

// disconnectedByUser begins the error the SSH library gives for
// SSH_MSG_DISCONNECT with SSH_DISCONNECT_BY_APPLICATION (RFC 4253 section
// 11.1): what OpenSSH sends when it is told to end, by Ctrl-C too. The type of
// that error is not exported.
const disconnectedByUser = "ssh: disconnect, reason 11: "

// howItEnded says why the connection ended by itself.
func (c *client) howItEnded() error {
	sc := c.serverConn()
	if sc == nil {
		return session.ErrLost
	}
	if err := sc.Wait(); err != nil && strings.HasPrefix(err.Error(), disconnectedByUser) {
		return session.ErrDisconnected
	}
	return session.ErrLost
}

// end ends all sessions of the connection with a cause; the first one counts.
func (c *client) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	c.ended = cause
	if c.pings != nil {
		c.pings.Stop()
	}
	for ch := range c.channels {
		ch.end(cause)
	}
}

// close ends the connection from this side.
func (c *client) close(cause error) {
	c.end(cause)
	_ = c.conn.Close() // an error says that it is closed already
}
