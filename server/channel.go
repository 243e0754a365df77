package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"charm.land/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
)

// Exit codes of SHELL.md that are decided here.
const (
	exitRefused = 254
	exitPanic   = 255
)

// channel is one session channel: the filter in front of the SSH library, and
// the session's own context. It is the library's NewChannel.
type channel struct {
	gossh.NewChannel
	client  *client
	id      auth.Identity
	ctx     *sessionContext
	cancel  context.CancelCauseFunc
	channel gossh.Channel       // once accepted
	out     chan *gossh.Request // what the filter lets through
	done    chan struct{}       // closed when the session that was started has ended
	pumping sync.WaitGroup      // the goroutine that reads what is typed

	interactive atomic.Bool       // it is a living shell at a terminal
	sizes       chan session.Size // of its window; the newest

	// The session's goroutine's alone.
	shell  shell       // once opened
	unbind func() bool // stops the bound on its end

	// The filter's alone, until it passes the request that starts the session.
	variables int
	terminal  bool
	term      string       // the terminal's name
	size      session.Size // and its size, at first
	started   string       // "exec", "shell" or "subsystem", "" before
}

// channelKey is where a session's context holds its *channel.
type channelKey struct{}

// session serves one session channel, and returns when the channel is closed
// and its session has ended: until then it takes one of the connection's places.
func (s *Server) session(srv *ssh.Server, sc *gossh.ServerConn, nc gossh.NewChannel, ctx ssh.Context) {
	c := clientOf(ctx)
	if !s.enter() {
		return // the connection is closed
	}
	defer s.wg.Done()
	defer c.rescue("channel")
	c.count()
	id, ok := identityOf(sc)
	if !ok {
		reject(c, nc, gossh.Prohibited, "not logged in")
		return
	}
	ch := newChannel(c, id, nc, ctx)
	defer ch.cancel(nil)
	if !c.open(ch) {
		reject(c, nc, gossh.ResourceShortage, fmt.Sprintf("too many sessions on this connection: at most %d", c.limits.ChannelsPerConnection))
		return
	}
	defer c.shut(ch)
	ch.serve(srv, sc)
}

// identityOf returns who the key or the password that was verified belongs to.
func identityOf(sc *gossh.ServerConn) (auth.Identity, bool) {
	if sc.Permissions == nil {
		return auth.Identity{}, false
	}
	id, ok := sc.Permissions.ExtraData[identityKey{}].(auth.Identity)
	return id, ok
}

func reject(c *client, nc gossh.NewChannel, why gossh.RejectionReason, text string) {
	if err := nc.Reject(why, text); err != nil {
		c.log.Debug("reject a channel", "err", err)
	}
}

func newChannel(c *client, id auth.Identity, nc gossh.NewChannel, ctx ssh.Context) *channel {
	life, cancel := context.WithCancelCause(context.Background())
	ch := &channel{
		NewChannel: nc,
		client:     c,
		id:         id,
		ctx:        &sessionContext{Context: ctx, life: life, values: make(map[any]any)},
		cancel:     cancel,
		out:        make(chan *gossh.Request),
		done:       make(chan struct{}),
		sizes:      make(chan session.Size, 1),
	}
	ch.ctx.SetValue(channelKey{}, ch)
	return ch
}

// open takes one of the connection's places; shut gives it back.
func (c *client) open(ch *channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || len(c.channels) >= c.limits.ChannelsPerConnection {
		return false
	}
	c.channels[ch] = struct{}{}
	return true
}

func (c *client) shut(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.channels, ch)
}

// Accept accepts the channel and puts the filter in front of its requests.
func (ch *channel) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	channel, in, err := ch.NewChannel.Accept()
	if err != nil {
		close(ch.out)
		return nil, nil, err
	}
	ch.channel = channel
	go ch.filter(in) // serve waits for it
	return channel, ch.out, nil
}

// serve hands the channel to the SSH library, and when it was closed under a
// session that runs, ends that session.
func (ch *channel) serve(srv *ssh.Server, sc *gossh.ServerConn) {
	defer ch.drain()
	ssh.DefaultSessionHandler(srv, sc, ch, ch.ctx)
	if ch.started == "" {
		return
	}
	if !ended(ch.done) && ch.client.alive(sc) {
		ch.end(session.ErrDisconnected) // else the end of the connection says why
	}
	<-ch.done
	ch.pumping.Wait() // the channel is closed, and so is what it reads
}

// drain waits for the filter, also when the library stopped listening to it.
func (ch *channel) drain() {
	for r := range ch.out {
		refuse(ch, r)
	}
}

// alive says whether the connection goes on after one of its channels closed.
// When the transport breaks, the library closes the channels before it says so;
// but the transport itself knows earlier, and so does writing to it.
func (c *client) alive(sc *gossh.ServerConn) bool {
	if c.conn.broken.Load() {
		return false
	}
	_, _, err := sc.SendRequest("keepalive@openssh.com", false, nil)
	return err == nil
}

// serve runs one session; the library calls it in a goroutine of the session's
// own, which allowStart has counted in.
func (s *Server) serve(sess ssh.Session) {
	ch, ok := sess.Context().Value(channelKey{}).(*channel)
	if !ok {
		return // not one of ours: it gets nothing
	}
	defer s.wg.Done()
	defer close(ch.done)
	// Closed last: a daemon that stops waits for it, and the exit status must
	// have left by then.
	defer ch.close()
	code := ch.run(sess)
	if err := sess.Exit(code); err != nil && !errors.Is(err, io.EOF) {
		ch.client.log.Debug("send the exit status", "err", err)
	}
}

// endGrace is how long a session that must end has to say so and to end.
const endGrace = 3 * time.Second

// bound closes the channel when the session must end and does not, so that a
// client that neither reads nor writes does not keep it; and the connection, when
// it is so full that even this cannot be said.
func (ch *channel) bound(sh shell) {
	ch.shell = sh
	ch.unbind = context.AfterFunc(sh.Context(), func() {
		late := time.NewTimer(endGrace)
		defer late.Stop()
		select {
		case <-ch.done:
		case <-late.C:
			full := time.AfterFunc(endGrace, func() { ch.client.close(context.Cause(sh.Context())) })
			defer full.Stop()
			_ = ch.channel.Close() // it may have been closed by the client
		}
	})
}

// close ends the session at its manager.
func (ch *channel) close() {
	if ch.shell != nil {
		ch.unbind()
		ch.shell.Close()
	}
}

// run runs the session and returns its exit code, also when it panics.
func (ch *channel) run(sess ssh.Session) (code int) {
	code = exitPanic
	defer ch.client.rescue("session")
	stdio := session.IO{Stdin: &stdin{ch}, Stdout: &syncWriter{w: sess}, Stderr: &syncWriter{w: sess.Stderr()}}
	sh, err := ch.enter()
	if err != nil {
		ch.client.log.Info("session refused", "err", err)
		say(stdio.Stderr, err.Error())
		return exitRefused
	}
	ch.bound(sh)
	switch {
	case ch.started == "exec":
		return sh.Exec(sess.RawCommand(), stdio)
	case ch.started == "subsystem":
		// Refusing the request would tell nobody why: OpenSSH gives up at once.
		return sh.Reject(shown(sess.Subsystem()), stdio)
	case ch.terminal:
		return sh.Shell(ch.atTerminal(stdio.Stdout))
	default:
		return sh.Lines(stdio)
	}
}

// enter opens the session at the manager.
func (ch *channel) enter() (shell, error) {
	c := ch.client
	c.mu.Lock()
	excess := c.excess
	c.mu.Unlock()
	if excess != "" {
		return nil, errors.New(excess)
	}
	return c.srv.door.open(ch.ctx.life, session.Client{Identity: ch.id, From: c.from, Transport: "ssh"})
}

// say writes a word of ours as SHELL.md wants it. When the client is gone there
// is nobody to tell.
func say(w io.Writer, text string) { _, _ = fmt.Fprintf(w, "deployerd: %s\n", text) }

// stdin is a session's standard input. The SSH library ends it alike when the
// client has sent all and when the connection broke; only one is the end of a
// file.
type stdin struct{ ch *channel }

func (s *stdin) Read(p []byte) (int, error) {
	n, err := s.ch.channel.Read(p)
	if errors.Is(err, io.EOF) && s.ch.client.conn.broken.Load() {
		return n, session.ErrLost
	}
	return n, err
}

// syncWriter makes a stream of the SSH library fit for several writers.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
