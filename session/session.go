package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
)

// Client is who opens a session, from where.
type Client struct {
	Identity  auth.Identity
	From      netip.Addr
	Transport string // "ssh", "telnet", "local"
}

// IO is a session's standard streams; nil is empty, or discards. Writes may
// block; the one who gave them makes them fail when [Session.Context] ends.
type IO struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Session is one user's. Its methods are for one goroutine, except Context and
// Close.
type Session struct {
	m      *Manager
	rights rights
	log    *slog.Logger
	ctx    context.Context
	end    context.CancelCauseFunc
	closed sync.Once

	context host.Context // what env set
	place   *node.Node   // in the tree it was reached in; nil is the root
	last    *node.Node   // what - means
	above   []*node.Node // where return goes: the places that actions took one from
	view    *view

	shell    *shell // at a terminal, else nil
	presence presence
}

func newSession(ctx context.Context, m *Manager, c Client) *Session {
	s := &Session{m: m, rights: rights{m, c}, presence: newPresence()}
	s.ctx, s.end = context.WithCancelCause(ctx)
	s.log = m.log.With("user", c.Identity.User, "remote", c.From.String())
	return s
}

// Context ends when the session must: with the context it was opened in, or
// when the account or the daemon ends. Who gave the session its streams makes
// them fail then.
func (s *Session) Context() context.Context { return s.ctx }

// Close ends it. Idempotent.
func (s *Session) Close() {
	s.closed.Do(func() {
		why := "closed"
		if cause := context.Cause(s.ctx); cause != nil {
			why += ": " + cause.Error()
		}
		s.end(context.Canceled)
		if s.m.forget(s) {
			s.m.audit(s.record(why))
		}
	})
}

func (s *Session) record(text string) journal.Record {
	c := s.rights.client
	return journal.Record{
		Kind: journal.Session, User: c.Identity.User, From: c.From.String(),
		Method: c.Identity.Method, Text: c.Transport + " session " + text,
	}
}

// Exec runs one line as a one-shot (SHELL.md, "Without a terminal") and returns
// its exit code.
func (s *Session) Exec(line string, stdio IO) int {
	if stdio.Stdin == nil {
		stdio.Stdin = strings.NewReader("")
	}
	s.presence.input()
	code, _ := s.perform(line, newOutput(s.ctx, stdio), stdio.Stdin, true)
	return code
}

// Reject answers what this version does not have, such as a terminal without a
// line, as a line would: one line on stderr, exit code 2.
func (s *Session) Reject(what string, stdio IO) int {
	return s.finish(newOutput(s.ctx, stdio), notYet(what))
}

// errExit ends a session as its user asked.
var errExit = errors.New("exit")

// perform does one line.
func (s *Session) perform(text string, out *output, stdin io.Reader, shot bool) (code int, next outcome) {
	defer func() { s.presence.at(s.place) }()
	c, err := s.prepare(text, out, stdin, shot)
	if errors.Is(err, errIncomplete) && !shot {
		return exitOK, lineOpen
	}
	if err == nil {
		err = c.do()
	}
	if errors.Is(err, errExit) {
		return exitOK, lineExit
	}
	return s.finish(out, err), lineDone
}

// outcome is what becomes of a session after a line.
type outcome int

const (
	lineDone outcome = iota
	lineOpen         // it needs the next line
	lineExit         // it was exit
)

// prepare takes a line apart in the state that is in force now.
func (s *Session) prepare(text string, out *output, stdin io.Reader, shot bool) (*invocation, error) {
	out.json = false // of the line before
	c := &invocation{s: s, state: s.m.state.Load(), line: &line{}, out: out, stdin: stdin, shot: shot}
	if err := s.enterState(c); err != nil {
		return nil, err
	}
	parsed, err := parse(text, c.reached)
	c.line, out.json = parsed, parsed.opts.json
	return c, err
}

// reached says whether words lead to an action that the user may know of.
func (c *invocation) reached(words []string) bool {
	found := c.resolve(words, c.view.running(c.s.last))
	if found.Action == nil && found.Words < len(words) {
		found = c.byDefault(found, words)
	}
	return found.Action != nil
}

// enterState finds the session's places again in the tree that is in force. A
// place that is gone fails the line: it must not be done elsewhere.
func (s *Session) enterState(c *invocation) error {
	subject, err := s.rights.subject(c.state)
	if err != nil {
		return err
	}
	if s.view == nil || s.view.state != c.state {
		s.view = newView(c.state, subject)
	}
	c.view = s.view
	root := c.state.Tree.Root()
	if s.last != nil && s.last.Tree() != c.state.Tree {
		s.last, _ = same(s.last, c.state.Tree)
	}
	if s.place == nil {
		s.place = root
	}
	if s.place.Tree() != c.state.Tree {
		was := s.place.Path()
		var ok bool
		if s.place, ok = same(s.place, c.state.Tree); !ok {
			s.place = root
			return &missingError{was + " is no longer there; you are at / now"}
		}
	}
	c.here = s.place
	return nil
}

// same finds a node of another tree, or nil.
func same(n *node.Node, tree *node.Tree) (*node.Node, bool) {
	if n.Path() == "/" {
		return tree.Root(), true
	}
	found, ok := nodeAt(tree, n.Path())
	if !ok {
		return nil, false
	}
	return found, true
}

// do does a line that was taken apart.
func (c *invocation) do() error {
	if err := context.Cause(c.s.ctx); err != nil {
		return &refusedError{err}
	}
	if c.line.command != nil {
		return c.line.command.do(c)
	}
	return doAction(c)
}

// finish shows an error and returns its code.
func (s *Session) finish(out *output, err error) int {
	if shown := out.fail(err); shown != nil {
		s.log.Debug("write to the client", "err", shown)
	}
	return exitCode(err)
}
