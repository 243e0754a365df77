package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/deployerd/deployerd/session"
)

// Bounds of the admin socket.
const (
	maxAdminRequest  = 4 << 10 // bytes, with the newline
	maxAdminAnswer   = 1 << 20 // bytes, with the newline
	maxAdminAtOnce   = 10
	adminIO          = 5 * time.Second // to send a request, and to take an answer
	adminOperation   = 2 * time.Minute // for the operation itself
	maxAdminSockPath = 90              // bytes: sun_path has 108, and the name it is made under is longer
)

// adminRequest and adminAnswer are the two lines of a connection, in JSON.
type adminRequest struct {
	Op string `json:"op"`

	// Of opShell alone: the terminal.
	Term    string `json:"term,omitempty"`
	Columns uint32 `json:"columns,omitempty"`
	Rows    uint32 `json:"rows,omitempty"`
}

type adminAnswer struct {
	OK    bool   `json:"ok"`
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}

// Admin is the admin socket: one request and its answer per connection, for
// the daemon's own user and root only (peer credentials). At most ten are
// served at once; others are told so. A living shell goes on after its answer,
// and is counted for itself.
type Admin struct {
	path     string
	made     os.FileInfo // the socket, to remove no other one at the end
	listener *net.UnixListener
	handlers map[string]func(ctx context.Context) (string, error)
	log      *slog.Logger
	trusted  func(uid uint32) bool
	shells   *localShells // nil: there are none

	ctx    context.Context // of the handlers and shells
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	ran     bool
	stopped bool
	conns   map[net.Conn]struct{}
	living  int            // how many shells there are; their connections are not in conns
	wg      sync.WaitGroup // grows only under mu and before stopped
}

// NewAdmin listens on a Unix socket at path, mode 0600, replacing a dead one;
// it is an error when somebody answers there, or when what is there is no
// socket. handlers are the operations by name; their error is the answer's.
// A handler has two minutes.
func NewAdmin(path string, handlers map[string]func(ctx context.Context) (string, error), log *slog.Logger) (*Admin, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	l, made, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	a := &Admin{
		path: path, made: made, listener: l, handlers: handlers, trusted: ownOrRoot,
		log: log.With("component", "admin"), conns: make(map[net.Conn]struct{}),
	}
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	return a, nil
}

// Run serves until ctx ends or Shutdown, and returns nil then. Once: a second
// call is an error. Shutdown closes and waits.
func (a *Admin) Run(ctx context.Context) error {
	a.mu.Lock()
	again := a.ran
	a.ran = true
	a.mu.Unlock()
	if again {
		return errors.New("admin socket: Run was called twice")
	}
	defer context.AfterFunc(ctx, a.refuse)()
	for {
		nc, err := a.listener.AcceptUnix()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !passing(err) {
				return fmt.Errorf("admin socket %s: accept: %w", a.path, err)
			}
			a.log.Warn("accept", "err", err)
			time.Sleep(5 * time.Millisecond)
			continue
		}
		a.admit(nc)
	}
}

func (a *Admin) admit(nc *net.UnixConn) {
	if a.take(nc) {
		return
	}
	a.answer(nc, adminAnswer{Error: "too many requests at once, or the daemon is stopping: try again"})
	_ = nc.Close() // there is nobody left to tell
}

// take serves a connection, if there is room.
func (a *Admin) take(nc *net.UnixConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped || len(a.conns) >= maxAdminAtOnce {
		return false
	}
	a.conns[nc] = struct{}{}
	a.wg.Go(func() { a.serve(nc) })
	return true
}

func (a *Admin) serve(nc *net.UnixConn) {
	defer func() {
		_ = nc.Close()
		a.mu.Lock()
		delete(a.conns, nc)
		a.mu.Unlock()
	}()
	uid, err := peerUser(nc)
	if err != nil || !a.trusted(uid) {
		a.log.Warn("admin request refused", "user", uid, "err", err)
		a.answer(nc, adminAnswer{Error: "only the daemon's own user and root may ask"})
		return
	}
	r, err := readRequest(nc)
	switch {
	case err != nil:
		a.answer(nc, adminAnswer{Error: err.Error()})
	case r.Op == opShell && a.shells != nil:
		a.serveShell(nc, r, uid)
	default:
		a.answer(nc, a.perform(r.Op))
	}
}

func readRequest(nc net.Conn) (r adminRequest, err error) {
	if err := nc.SetReadDeadline(time.Now().Add(adminIO)); err != nil {
		return r, fmt.Errorf("read the request: %w", err)
	}
	line, err := readLine(nc, maxAdminRequest)
	if err != nil {
		return r, fmt.Errorf("read the request: %w", err)
	}
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("read the request: %w", err)
	}
	if dec.More() {
		return r, errors.New("read the request: there is more than one on the line")
	}
	return r, nil
}

// perform runs an operation; a panic in it is an error of it.
func (a *Admin) perform(op string) (answer adminAnswer) {
	handler, ok := a.handlers[op]
	if !ok {
		return adminAnswer{Error: fmt.Sprintf("there is no operation %q", op)}
	}
	defer func() {
		if r := recover(); r != nil {
			a.log.Error("panic", "in", op, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			answer = adminAnswer{Error: op + ": an error in deployerd, see its log"}
		}
	}()
	ctx, cancel := context.WithTimeout(a.ctx, adminOperation)
	defer cancel()
	text, err := handler(ctx)
	if err != nil {
		return adminAnswer{Error: err.Error()}
	}
	return adminAnswer{OK: true, Text: text}
}

// answer sends an answer and says whether it left.
func (a *Admin) answer(nc net.Conn, answer adminAnswer) bool {
	err := nc.SetWriteDeadline(time.Now().Add(adminIO))
	if err == nil {
		err = json.NewEncoder(nc).Encode(answer)
	}
	if err != nil {
		a.log.Debug("answer an admin request", "err", err)
	}
	return err == nil
}

// refuse closes the listener and takes the socket away.
func (a *Admin) refuse() {
	if err := a.listener.Close(); err != nil {
		return // it was closed before
	}
	info, err := os.Lstat(a.path)
	if err != nil || !os.SameFile(info, a.made) {
		return // gone, or another daemon's
	}
	if err := os.Remove(a.path); err != nil {
		a.log.Warn("remove the admin socket", "err", err)
	}
}

// Shutdown closes the socket and waits for its handlers, whose contexts it
// ends, at most until ctx ends; then the error wraps its cause. Idempotent.
func (a *Admin) Shutdown(ctx context.Context) error {
	a.refuse()
	a.mu.Lock()
	a.stopped = true
	for nc := range a.conns {
		// Requests that have not come are not waited for; answers are still sent.
		_ = nc.SetReadDeadline(time.Now())
	}
	a.mu.Unlock()
	a.cancel(session.ErrStopping)
	done := make(chan struct{})
	go func() {
		a.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("admin socket: a handler still runs: %w", context.Cause(ctx))
	}
}
