package session

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// State is what a reload swaps, all at once. It must not be changed after it
// was given to a Manager.
type State struct {
	Tree     *node.Tree
	Users    *auth.Users
	Rules    *auth.Rules
	Defaults run.Defaults
	Limits   Limits
}

// Limits bound sessions; 0 is no limit.
type Limits struct {
	SessionsPerUser int
	// Idle ends a session at a terminal at which nothing was typed for so long.
	Idle time.Duration
	// History is how many lines are kept of each user; 0 is 1,000, and below 0
	// none are.
	History int
}

// Options make a Manager.
type Options struct {
	State   State
	Engine  *run.Engine
	Journal *journal.Journal
	Pool    *host.Pool // what hosts and status show of connections; may be nil
	Version string
	Started time.Time // of the daemon; zero is now
	// HostName is the daemon's in the prompt; "" is the machine's.
	HostName string
	// HistoryDir is the folder with the users' histories, 0700; "" keeps none
	// beyond a session.
	HistoryDir string
	// FoldersDir is the folder with the users' private ones, 0700; "": they have
	// none.
	FoldersDir string
	// Reload is what the command reload does; nil refuses it.
	Reload func(ctx context.Context) error
	Log    *slog.Logger // nil discards
}

// Manager owns all live sessions. It is safe for concurrent use.
type Manager struct {
	o       Options
	log     *slog.Logger
	past    *histories
	state   atomic.Pointer[State]
	stopped chan struct{} // closed by Stop

	mu        sync.Mutex
	sessions  map[*Session]struct{}
	opened    uint64 // how many sessions ever were
	perUser   map[string]int
	stopping  bool
	left      chan struct{} // closed and made anew when a session is closed
	swapped   chan struct{} // closed and made anew by Swap
	reloaded  time.Time
	reloadErr error
}

// New makes a manager and gives the state's defaults to the engine.
func New(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
	m := &Manager{
		o: o, log: o.Log.With("component", "session"),
		stopped: make(chan struct{}), left: make(chan struct{}), swapped: make(chan struct{}),
		sessions: make(map[*Session]struct{}), perUser: make(map[string]int),
		reloaded: o.Started,
	}
	m.past = &histories{dir: o.HistoryDir}
	m.o.HostName = hostName(o.HostName)
	m.put(o.State)
	return m
}

// hostName is the first label of a machine's name.
func hostName(name string) string {
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			name = "deployerd"
		}
	}
	label, _, _ := strings.Cut(name, ".")
	return printable(label)
}

func (m *Manager) put(s State) {
	m.state.Store(&s)
	m.o.Engine.SetDefaults(s.Defaults)
}

// Swap puts a new state in place. Running runs keep the tree they started
// with; sessions whose user is gone or disabled are ended with ErrRightsEnded.
func (m *Manager) Swap(s State) {
	m.put(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloaded, m.reloadErr = time.Now(), nil
	for one := range m.sessions {
		if _, ok := s.Users.Lookup(one.rights.client.Identity.User); !ok {
			one.end(ErrRightsEnded)
		}
	}
	close(m.swapped)
	m.swapped = make(chan struct{})
}

// nextSwap is closed when the state that is in force now is not any more.
func (m *Manager) nextSwap() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.swapped
}

// ReloadFailed keeps the error of the last reload for status.
func (m *Manager) ReloadFailed(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reloadErr = err
}

// Users returns the accounts in force now, for the doors.
func (m *Manager) Users() *auth.Users { return m.state.Load().Users }

// Why a session's context ends. ErrDisconnected (the user's own doing) cancels
// its runs; ErrLost (the connection broke) leaves them running.
var (
	ErrDisconnected = errors.New("disconnected by the user")
	ErrLost         = errors.New("the connection was lost")
	ErrRightsEnded  = errors.New("the account was removed or disabled")
	ErrStopping     = errors.New("the daemon is stopping")
	ErrTooMany      = errors.New("too many sessions of this user")
	ErrIdle         = errors.New("the session was idle")
)

// Open begins a session; ctx is its life, cancelled with one of the causes
// above. The error is ErrTooMany, ErrStopping, or ErrRightsEnded when the
// account went between login and now. The session must be closed.
func (m *Manager) Open(ctx context.Context, c Client) (*Session, error) {
	s := newSession(ctx, m, c)
	if err := m.admit(s); err != nil {
		s.end(err)
		return nil, err
	}
	m.audit(s.record("opened"))
	return s, nil
}

// admit registers a session if there is room for it.
func (m *Manager) admit(s *Session) error {
	user := s.rights.client.Identity.User
	m.mu.Lock()
	defer m.mu.Unlock()
	// Under the lock, so that a Swap sees either the session or its refusal.
	state := m.state.Load()
	most := state.Limits.SessionsPerUser
	if m.stopping {
		return ErrStopping
	}
	if _, ok := state.Users.Lookup(user); !ok {
		return ErrRightsEnded
	}
	if most > 0 && m.perUser[user] >= most {
		return ErrTooMany
	}
	m.opened++
	s.presence.id = strconv.FormatUint(m.opened, 10)
	m.sessions[s] = struct{}{}
	m.perUser[user]++
	return nil
}

// forget takes a session off the list and says whether it was on it.
func (m *Manager) forget(s *Session) bool {
	user := s.rights.client.Identity.User
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sessions[s]; !ok {
		return false
	}
	delete(m.sessions, s)
	if m.perUser[user]--; m.perUser[user] == 0 {
		delete(m.perUser, user)
	}
	close(m.left)
	m.left = make(chan struct{})
	return true
}

// audit appends a record that nothing waits for.
func (m *Manager) audit(r journal.Record) {
	if err := m.o.Journal.Append(r); err != nil {
		m.log.Error("append to the audit", "user", r.User, "err", err)
	}
}

// Stop refuses new sessions and tells the users of running runs; Drain of the
// Engine is the caller's. Idempotent.
func (m *Manager) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopping {
		m.stopping = true
		close(m.stopped)
	}
}

// End ends all sessions with ErrStopping and waits until they are closed or
// ctx ends. It implies Stop.
func (m *Manager) End(ctx context.Context) {
	m.Stop()
	for {
		m.mu.Lock()
		for s := range m.sessions {
			s.end(ErrStopping)
		}
		open, left := len(m.sessions), m.left
		m.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-left:
		case <-ctx.Done():
			m.log.Warn("sessions are still open", "sessions", open, "err", context.Cause(ctx))
			return
		}
	}
}
