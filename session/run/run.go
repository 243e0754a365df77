package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// Info is what a listing shows of a run. Its slices are the run's own.
type Info struct {
	Run, User, Path, Action string
	Args, Hosts             []string // Hosts: those it started with
	Status                  Status
	Started                 time.Time
	Sandbox                 bool
}

// Outcome is how a run ended; valid after Done.
type Outcome struct {
	Status   Status // ok, failed, cancelled, unknown
	ExitCode int    // SHELL.md, "Exit codes"
	Err      error
	Value    any           // the action's result
	Hosts    []HostOutcome // those it started with, in order, then those it reached elsewhere
}

// HostOutcome is how a run ended on one host.
type HostOutcome struct {
	Host        string
	Status      Status
	ExitCode    *int
	Elapsed     time.Duration
	Err         error // what happened on the host, such as a *host.ExitError, or the cell's error
	Unconfirmed bool
}

// Run is one run. Safe for concurrent use.
type Run struct {
	engine  *Engine
	spec    Spec
	id      string
	started time.Time
	limits  Defaults
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelCauseFunc
	events  *dispatcher
	done    chan struct{}
	outcome Outcome // written before done is closed

	mu    sync.Mutex
	calls int // command calls, numbered for the audit
	hosts *hostTable
	cells int // top-level cells that have finished
}

func newRun(e *Engine, s Spec, hosts []string, d Defaults) *Run {
	r := &Run{
		engine: e, spec: s, limits: d,
		started: e.now(),
		done:    make(chan struct{}),
		hosts:   newHostTable(hosts),
	}
	r.id = e.ids.next(r.started)
	r.log = e.log.With("run", r.id, "user", s.User, "node", s.Node.Path(), "action", s.Title())
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.events = newDispatcher(s.Sink, r.log)
	return r
}

// ID is unique over daemons and sorts by time.
func (r *Run) ID() string { return r.id }

// Info returns its listing.
func (r *Run) Info() Info {
	i := Info{
		Run: r.id, User: r.spec.User, Path: r.spec.Node.Path(), Action: r.spec.Title(),
		Args: r.spec.words(), Hosts: r.hosts.first,
		Status: Running, Started: r.started, Sandbox: r.spec.Sandbox,
	}
	select {
	case <-r.done:
		i.Status = r.outcome.Status
	default:
	}
	return i
}

// Cancel ends it: commands are killed, what has not started is skipped. cause
// is ErrCancelled or ErrStopping. Idempotent: the first cause counts.
func (r *Run) Cancel(cause error) {
	if cause == nil {
		cause = ErrCancelled
	}
	r.cancel(cause)
}

// Detach lets go of the Sink: it gets no further event. It does not wait for
// one that it is being given.
func (r *Run) Detach() { r.events.detach() }

// Done is closed when the run has ended and its end is on its way to the
// journal.
func (r *Run) Done() <-chan struct{} { return r.done }

// Outcome returns how it ended; call it after Done.
func (r *Run) Outcome() Outcome {
	<-r.done
	return r.outcome
}

// run is the run's goroutine.
func (r *Run) run() {
	defer r.cancel(nil)
	r.events.do(func() []Event { return []Event{r.startedEvent()} })
	value, results, err := r.perform()
	r.finish(value, results, err)
	r.recordEnd(r.outcome)
	r.engine.dismiss(r)
	close(r.done)
}

// perform runs the action or the command.
func (r *Run) perform() (value any, results []host.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("panic in a run", "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	env := node.NewEnv(r.spec.Node, r.shared())
	trace{r}.cell()
	if r.spec.Action != nil {
		value, err = env.Call(r.ctx, r.spec.Action.Name, r.spec.Args)
		if p, ok := errors.AsType[*node.PanicError](err); ok {
			r.log.Error("panic in an action", "err", p, "stack", p.Stack)
		}
		return value, nil, err
	}
	if r.spec.Connect {
		results, err = env.Connect(r.ctx, r.spec.Command)
		return nil, results, err
	}
	results, err = env.RunCommand(r.ctx, r.spec.Command, host.RunOptions{
		NoCheck: true, Stream: true, Sudo: r.spec.Sudo,
		Input: r.spec.Input, InputAll: r.spec.InputAll, Timeout: r.timeout(),
	})
	return nil, results, err
}

// shared is what all nodes know of the run.
func (r *Run) shared() *node.Run {
	n := &node.Run{
		ID: r.id, User: r.spec.User, Started: r.started,
		Sandbox: r.spec.Sandbox, Context: r.spec.Context,
		Forks: r.spec.Forks, DefaultForks: r.limits.Forks,
		Serial: r.spec.Serial, MaxFail: r.spec.MaxFail,
		Timeout: r.timeout(), Steps: r.limits.Steps,
		Yes: r.spec.Yes, Gate: gate{r}, Trace: trace{r},
		Console: r.spec.Console, Terminal: r.spec.Terminal, OpenFolder: r.spec.OpenFolder,
	}
	if r.spec.Sandbox {
		n.Context = n.Context.Sandbox()
	}
	if r.spec.Limit != nil {
		n.Limit = r.spec.Limit.Match
	}
	return n
}

// timeout is the smallest above 0. A person's terminal stays open for as long
// as the line says.
func (r *Run) timeout() time.Duration {
	if r.spec.Connect {
		return max(r.spec.Timeout, 0)
	}
	a, b := max(r.spec.Timeout, 0), max(r.limits.Timeout, 0)
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// cancelled tells whether somebody ended the run before it ended itself.
func (r *Run) cancelled() bool { return r.ctx.Err() != nil }
