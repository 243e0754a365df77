package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session/journal"
)

const (
	maxUserName = 128 // bytes of a user name that are kept anywhere

	// refusalStep is the grid on which refusals of a password leave: how long
	// the check took cannot be seen.
	refusalStep = 500 * time.Millisecond
)

// connection is one that the server keeps until it has ended.
type connection interface {
	run()              // serves it to its end
	close(cause error) // ends it from this side
}

// visitor is what every connection has, by whichever port it comes: where from
// it is, and what it takes of the limits, which the ports share.
type visitor struct {
	srv    *Server
	log    *slog.Logger
	from   netip.Addr
	limits Limits // those in force at accept
	exempt bool

	queued    *sync.Once // gives the place among those not logged in back
	hasSource bool
}

func newVisitor(s *Server, nc net.Conn) visitor {
	return visitor{
		srv: s, limits: s.admission.current(), queued: new(sync.Once),
		from: addrOf(nc.RemoteAddr()), log: s.log.With("remote", nc.RemoteAddr().String()),
	}
}

var errRefused = errors.New("refused")

// arrive says whether the visitor may try to log in.
func (v *visitor) arrive() error {
	if !v.from.IsValid() {
		return fmt.Errorf("no address: %w", errRefused)
	}
	if v.exempt = contains(v.limits.Exempt, v.from); v.exempt {
		return nil
	}
	if v.srv.guard.Refused(v.from) {
		return fmt.Errorf("penalty: %w", errRefused)
	}
	if v.hasSource = v.srv.admission.source(v.from); !v.hasSource {
		return fmt.Errorf("too many connections of this source: %w", errRefused)
	}
	return nil
}

// leaveQueue gives back the place among those that are not logged in, once.
func (v *visitor) leaveQueue() {
	v.queued.Do(func() {
		v.srv.admission.done()
		if v.hasSource {
			v.srv.admission.leave(v.from)
		}
	})
}

// checkPassword checks a password. The slow-down of an account looks like a
// wrong password; a refusal leaves at the next full step after the try.
func (v *visitor) checkPassword(ctx context.Context, user, password string) (auth.Identity, bool) {
	begun := time.Now()
	kept := user[:min(len(user), maxUserName)]
	if v.srv.guard.TryAllowed(kept, v.from) {
		if id, ok := v.srv.door.users().CheckPassword(ctx, user, password); ok {
			return id, true
		}
		v.srv.guard.TryFailed(kept, v.from)
	}
	untilFullStep(ctx, begun)
	return auth.Identity{}, false
}

// untilFullStep waits until a whole number of refusalSteps has passed.
func untilFullStep(ctx context.Context, begun time.Time) {
	t := time.NewTimer(refusalStep - time.Since(begun)%refusalStep)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// welcome settles the accounts of a login: the user has n connections with this
// one, and may have limit. admission.logout takes it back.
func (v *visitor) welcome(id auth.Identity) (n, limit int) {
	v.leaveQueue()
	n, limit = v.srv.admission.login(id.User)
	v.log = v.log.With("user", id.User)
	v.srv.guard.LoggedIn(id.User, v.from)
	v.record(journal.Record{Kind: journal.Login, User: id.User, Method: id.Method, Text: id.Key})
	v.log.Info("logged in", "method", id.Method, "key", id.Key)
	return n, limit
}

// excess says why the n-th connection of a user gets no session, "" when it does.
func excess(user string, n, limit int) string {
	if n <= limit {
		return ""
	}
	return fmt.Sprintf("too many connections of %s: at most %d", user, limit)
}

// failed settles the accounts of a connection that ended without a login; name
// and method are those tried last, method "" when none was.
func (v *visitor) failed(name, method string) {
	if !v.exempt {
		v.srv.guard.ConnectionFailed(v.from)
	}
	if method != "" {
		v.record(journal.Record{Kind: journal.Refused, User: name, Method: method, Text: "the login failed"})
		v.log.Info("login failed", "user", name, "method", method)
	}
}

func (v *visitor) record(r journal.Record) {
	r.From = v.from.String()
	if err := v.srv.audit.Append(r); err != nil {
		v.log.Error("audit a login", "err", err)
	}
}

// rescue keeps a panic within what panicked.
func (v *visitor) rescue(what string) {
	if r := recover(); r != nil {
		v.log.Error("panic", "in", what, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}
