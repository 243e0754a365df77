package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
)

// client is one connection, from accept to its end.
type client struct {
	srv    *Server
	conn   *conn
	log    *slog.Logger
	from   netip.Addr
	limits Limits // those in force at accept
	exempt bool
	login  login
	rate   bucket
	ctx    ssh.Context // the connection's, from the SSH library; set before the handshake

	queued    sync.Once // gives the place among those not logged in back
	hasSource bool

	mu       sync.Mutex
	user     string // once logged in
	excess   string // why a logged-in user gets no session on this connection, "" when it does
	ended    error  // the cause, once it ended
	channels map[*channel]struct{}
	pings    *time.Timer
}

func newClient(s *Server, nc net.Conn) *client {
	c := &client{srv: s, limits: s.admission.current(), channels: make(map[*channel]struct{})}
	var err error
	c.conn, err = newConn(nc, c.limits.LoginGrace)
	c.conn.client = c
	c.log = s.log.With("remote", nc.RemoteAddr().String())
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

var errRefused = errors.New("refused")

// arrive finds out who the peer is and whether it may try to log in.
func (c *client) arrive() error {
	c.from = addrOf(c.conn.RemoteAddr())
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
	if !c.from.IsValid() {
		return fmt.Errorf("no address: %w", errRefused)
	}
	if c.exempt = contains(c.limits.Exempt, c.from); c.exempt {
		return nil
	}
	if c.srv.guard.Refused(c.from) {
		return fmt.Errorf("penalty: %w", errRefused)
	}
	if c.hasSource = c.srv.admission.source(c.from); !c.hasSource {
		return fmt.Errorf("too many connections of this source: %w", errRefused)
	}
	return nil
}

// leaveQueue gives back the place among those that are not logged in, once.
func (c *client) leaveQueue() {
	c.queued.Do(func() {
		c.srv.admission.done()
		if c.hasSource {
			c.srv.admission.leave(c.from)
		}
	})
}

// welcome is called when a login is complete, before the client hears of it.
func (c *client) welcome(id auth.Identity) {
	c.leaveQueue()
	n, limit := c.srv.admission.login(id.User)
	c.mu.Lock()
	c.user = id.User
	if n > limit {
		c.excess = fmt.Sprintf("too many connections of %s: at most %d", id.User, limit)
	}
	c.mu.Unlock()
	c.log = c.log.With("user", id.User)
	if err := c.conn.welcome(); err != nil {
		c.log.Debug("take the deadline away", "err", err) // it is closed: the library finds out too
	}
	c.srv.guard.LoggedIn(id.User, c.from)
	c.record(journal.Record{Kind: journal.Login, User: id.User, Method: id.Method, Text: id.Key})
	c.log.Info("logged in", "method", id.Method, "key", id.Key)
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
	if errors.Is(ended, session.ErrStopping) {
		return // our doing
	}
	if !c.exempt {
		c.srv.guard.ConnectionFailed(c.from)
	}
	if c.login.tried() {
		c.record(journal.Record{
			Kind: journal.Refused, User: c.login.name, Method: c.login.method, Text: "the login failed",
		})
		c.log.Info("login failed", "user", c.login.name, "method", c.login.method)
	}
}

func (c *client) record(r journal.Record) {
	r.From = c.from.String()
	if err := c.srv.audit.Append(r); err != nil {
		c.log.Error("audit a login", "err", err)
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
		ch.cancel(cause)
	}
}

// close ends the connection from this side.
func (c *client) close(cause error) {
	c.end(cause)
	_ = c.conn.Close() // an error says that it is closed already
}

// rescue keeps a panic within what panicked.
func (c *client) rescue(what string) {
	if r := recover(); r != nil {
		c.log.Error("panic", "in", what, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}
