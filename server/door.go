package server

import (
	"context"
	"net/netip"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
)

// door is what the server needs of the session manager.
type door interface {
	open(ctx context.Context, c session.Client) (shell, error)
	users() accounts
}

// shell is one session behind the door, for one goroutine.
type shell interface {
	Exec(line string, stdio session.IO) int
	Lines(stdio session.IO) int
	Shell(t session.Terminal) int
	Reject(what string, stdio session.IO) int
	Context() context.Context // ends when the session must
	Close()
}

// accounts decide who may log in; *auth.Users.
type accounts interface {
	CheckKey(user string, key gossh.PublicKey, from netip.Addr, now time.Time) (auth.Identity, bool)
	CheckPassword(ctx context.Context, user, password string) (auth.Identity, bool)
	HasPassword() bool
}

// guard makes guessing expensive; *auth.Guard.
type guard interface {
	Refused(from netip.Addr) bool
	ConnectionFailed(from netip.Addr)
	LoggedIn(user string, from netip.Addr)
	TryAllowed(user string, from netip.Addr) bool
	TryFailed(user string, from netip.Addr)
}

// recorder keeps audit records; *journal.Journal.
type recorder interface {
	Append(r journal.Record) error
}

// managerDoor is the session manager as a door.
type managerDoor struct{ *session.Manager }

func (d managerDoor) open(ctx context.Context, c session.Client) (shell, error) {
	s, err := d.Open(ctx, c)
	if err != nil {
		return nil, err // a nil *Session must not become a shell that is not nil
	}
	return s, nil
}

func (d managerDoor) users() accounts { return d.Users() }
