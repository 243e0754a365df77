package run

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deployerd/deployerd/session/journal"
)

// Options make an Engine.
type Options struct {
	Journal *journal.Journal // required; the caller closes it, after Drain
	Log     *slog.Logger     // nil discards
	Now     func() time.Time // nil: time.Now
	PerUser int              // runs_per_user; 0: no limit. SetDefaults changes it
}

// Defaults are what runs: of the configuration says; they may change.
type Defaults struct {
	Forks   int           // 0: node's own default
	Timeout time.Duration // 0: none
	Steps   uint64        // 0: node's own default
	PerUser int           // 0: no limit
}

// audit is what the engine needs of the journal.
type audit interface {
	Write(ctx context.Context, records ...journal.Record) error
	Append(r journal.Record) error
}

// endGrace is how long Drain waits for runs that it has cancelled: a kill
// takes a few seconds, and a follower that blocks must not hold it for ever.
const endGrace = 15 * time.Second

// Engine starts runs and owns them. Safe for concurrent use.
type Engine struct {
	audit audit
	log   *slog.Logger
	now   func() time.Time
	ids   ids

	mu       sync.Mutex
	defaults Defaults
	stopped  bool
	runs     map[string]*Run
	users    map[string]int // the runs of each user, starting ones too
}

// New makes an engine.
func New(o Options) *Engine {
	e := &Engine{
		audit: o.Journal, log: o.Log, now: o.Now,
		defaults: Defaults{PerUser: o.PerUser},
		runs:     make(map[string]*Run), users: make(map[string]int),
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.log = e.log.With("component", "run")
	if e.now == nil {
		e.now = time.Now
	}
	return e
}

// SetDefaults changes the defaults for what starts next.
func (e *Engine) SetDefaults(d Defaults) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.defaults = d
}

// ErrStopped, ErrTooMany and journal.ErrNoJournal are why Start refuses
// (exit code 254); NoHostsError is a wrong line (2).
var (
	ErrStopped = errors.New("the daemon is stopping: no new runs")
	ErrTooMany = errors.New("too many runs at once")
)

// Start writes the intent and starts the run. ctx bounds writing the intent,
// not the run: that ends by itself, by Cancel, or with the engine. Events may
// come before Start returns.
func (e *Engine) Start(ctx context.Context, s Spec) (*Run, error) {
	hosts, err := s.startHosts()
	if err != nil {
		return nil, err
	}
	defaults, err := e.admit(s.User)
	if err != nil {
		return nil, err
	}
	r := newRun(e, s, hosts, defaults)
	if err := e.audit.Write(ctx, r.intent()); err != nil {
		e.dismiss(r)
		return nil, err
	}
	if err := e.enter(r); err != nil {
		e.dismiss(r)
		r.recordEnd(Outcome{Status: Failed, Err: err})
		return nil, err
	}
	go r.run()
	return r, nil
}

// admit counts a run of user, or refuses it.
func (e *Engine) admit(user string) (Defaults, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return Defaults{}, ErrStopped
	}
	if e.defaults.PerUser > 0 && e.users[user] >= e.defaults.PerUser {
		return Defaults{}, ErrTooMany
	}
	e.users[user]++
	return e.defaults, nil
}

// enter lists a run, unless the engine was stopped meanwhile.
func (e *Engine) enter(r *Run) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return ErrStopped
	}
	e.runs[r.id] = r
	return nil
}

// dismiss forgets a run.
func (e *Engine) dismiss(r *Run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, r.id)
	if e.users[r.spec.User]--; e.users[r.spec.User] <= 0 {
		delete(e.users, r.spec.User)
	}
}

// Get returns a running run by its id.
func (e *Engine) Get(id string) (*Run, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.runs[id]
	return r, ok
}

// List lists the runs that run now, oldest first.
func (e *Engine) List() []Info {
	var all []Info
	for _, r := range e.running() {
		all = append(all, r.Info())
	}
	return all
}

// running returns the runs that run now, oldest first.
func (e *Engine) running() []*Run {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*Run, 0, len(e.runs))
	for _, r := range e.runs {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Run) int { return strings.Compare(a.id, b.id) })
	return all
}

// Drain refuses new runs, waits for the running ones until ctx ends, then
// cancels the rest with ErrStopping and waits for their ends. It does not wait
// for ever for a run that is held by its follower; that is logged.
func (e *Engine) Drain(ctx context.Context) {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	all := e.running()
	if wait(all, ctx.Done()) {
		return
	}
	for _, r := range all {
		r.Cancel(ErrStopping)
	}
	timer := time.NewTimer(endGrace)
	defer timer.Stop()
	if wait(all, timer.C) {
		return
	}
	for _, r := range e.running() {
		e.log.Error("the run does not end", "run", r.id, "user", r.spec.User)
	}
}

// wait tells whether all runs ended before end had news.
func wait[T any](all []*Run, end <-chan T) bool {
	for _, r := range all {
		select {
		case <-r.done:
		case <-end:
			return false
		}
	}
	return true
}
