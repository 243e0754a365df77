package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
)

const (
	// opShell asks for a living shell on the connection.
	opShell = "shell"

	maxAdminShells = 100
)

// localShells are the sessions that begin at the admin socket.
type localShells struct {
	door door
	name func(uid uint32) (string, error)
}

// Shells lets living shells begin at the socket; name gives the user of a Unix
// user id. Call it before Run.
func (a *Admin) Shells(m *session.Manager, name func(uid uint32) (string, error)) {
	a.shells = &localShells{managerDoor{m}, name}
}

// serveShell runs a session on the connection, which carries frames from then
// on.
func (a *Admin) serveShell(nc *net.UnixConn, r adminRequest, uid uint32) {
	if !a.beginShell(nc) {
		a.answer(nc, adminAnswer{Error: "too many shells at this socket, or the daemon is stopping"})
		return
	}
	defer a.endShell()
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", "in", "session", "err", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	sh, err := a.shells.open(ctx, uid)
	if err != nil {
		a.answer(nc, adminAnswer{Error: err.Error()})
		return
	}
	defer sh.Close()
	// The request's deadlines end here.
	if !a.answer(nc, adminAnswer{OK: true}) || nc.SetDeadline(time.Time{}) != nil {
		return
	}
	p := newFramed(nc)
	code := converse(sh, p, session.Terminal{
		Resized: p.sizes, Size: clamp(r.Columns, r.Rows), Term: knownTerminal(r.Term), Echo: true,
	}, 0, cancel)
	if err := p.exit(code); err != nil {
		a.log.Debug("send the exit code", "err", err)
	}
}

// open opens the session of a Unix user. It counts as from this machine.
func (l *localShells) open(ctx context.Context, uid uint32) (shell, error) {
	name, err := l.name(uid)
	if err != nil {
		return nil, err
	}
	sh, err := l.door.open(ctx, session.Client{
		Identity: auth.Identity{User: name, Method: "local"}, From: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Transport: "local",
	})
	if errors.Is(err, session.ErrRightsEnded) {
		return nil, fmt.Errorf("you are %s here, and users: has no %s, or it is disabled", name, name)
	}
	return sh, err
}

// beginShell moves a connection from the requests to the shells.
func (a *Admin) beginShell(nc net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || a.living >= maxAdminShells {
		return false
	}
	delete(a.conns, nc)
	a.living++
	return true
}

func (a *Admin) endShell() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.living--
}

// framed is the daemon's end of a connection that carries frames: input and
// sizes come, output and the exit code go.
type framed struct {
	net.Conn
	r     *bufio.Reader
	sizes chan session.Size
	rest  []byte // of the last frame of input
}

func newFramed(nc net.Conn) *framed {
	return &framed{Conn: nc, r: bufio.NewReader(nc), sizes: make(chan session.Size, 1)}
}

// Read reads input, and takes sizes on the way.
func (f *framed) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		kind, body, err := readFrame(f.r)
		switch {
		case err != nil:
			return 0, err
		case kind == frameInput:
			f.rest = body
		case kind == frameSize:
			columns, rows, err := parseSize(body)
			if err != nil {
				return 0, err
			}
			newest(f.sizes, clamp(columns, rows))
		default:
			return 0, fmt.Errorf("frame %q: unexpected", kind)
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// Write sends output.
func (f *framed) Write(p []byte) (int, error) { return writeFrames(f.Conn, frameOutput, p) }

// exit sends the exit code, which is the last there is.
func (f *framed) exit(code int) error {
	if err := f.SetWriteDeadline(time.Now().Add(adminIO)); err != nil {
		return err
	}
	return writeExit(f.Conn, code)
}
