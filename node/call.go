package node

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/deployerd/deployerd/host"
)

// Call runs an action here. At an array (or a plain node below one) whose cells
// are not chosen it runs once per cell, as the forks allow, and the result is
// a *CellResults; all cells finish, and if any failed the error is a
// *CellsError. Errors are wrapped in *ActionError. With the error of a split
// call come the results too.
func (e *Env) Call(ctx context.Context, action string, args Args) (any, error) {
	a, ok := e.node.Action(action)
	if !ok {
		w := walk{node: e.node}
		return nil, e.failed(action, w.missing(action, nil))
	}
	return e.CallFunc(ctx, a.Name, a.Action, args)
}

// CallFunc calls fn as Call does an action: for a function that is given to a
// type directly. name is for errors.
func (e *Env) CallFunc(ctx context.Context, name string, a *Action, args Args) (any, error) {
	if e.node.IsArray() && a.IsolateOneOnly {
		return e.callInOne(ctx, name, a, args)
	}
	if err := e.confirm(ctx, a); err != nil {
		return nil, e.failed(name, err)
	}
	if e.node.IsArray() && !a.DontIsolateYet {
		return e.split(ctx, name, a, args)
	}
	return e.invoke(ctx, name, a.Timeout, func(ctx context.Context, inner *Env) (any, error) {
		return a.Fn(ctx, inner, args)
	})
}

// invoke calls one function at one place, for at most own if that is above 0.
// The run's time-out counts from the first call of a chain: what that nests is
// within it.
func (e *Env) invoke(ctx context.Context, name string, own time.Duration, fn func(context.Context, *Env) (any, error)) (any, error) {
	inner, leave, err := e.enter(name)
	defer leave()
	if err == nil {
		err = e.node.Usable()
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, e.failed(name, err)
	}
	var timeUp *host.TimeoutError
	if limit := e.timeLimit(own); limit > 0 {
		var stop context.CancelFunc
		timeUp = &host.TimeoutError{Host: e.timedName(), After: limit}
		ctx, stop = context.WithTimeoutCause(ctx, limit, timeUp)
		defer stop()
	}
	value, err := inner.guarded(ctx, fn)
	if err != nil {
		return nil, e.failed(name, because(ctx, err, timeUp))
	}
	if place, ok := value.(*Env); ok {
		return place.In(e), nil
	}
	return value, nil
}

// timeLimit is how long a call may take whose action says own: of several
// limits the smallest above 0; 0 is none.
func (e *Env) timeLimit(own time.Duration) time.Duration {
	switch run := e.run.Timeout; {
	case e.frame != nil || run <= 0:
		return own
	case own <= 0:
		return run
	default:
		return min(own, run)
	}
}

// timedName is what a time-out is told of: the cell, else the node.
func (e *Env) timedName() string {
	if name := e.cellName(); name != "" {
		return name
	}
	return dottedOrRoot(e.node.Path())
}

// enter adds a call to the chain; leave ends it.
func (e *Env) enter(name string) (inner *Env, leave func(), err error) {
	f := &frame{caller: e.frame, path: e.node.Path(), name: name}
	depth, out := e.frame.nest()
	f.depth = depth
	leave = func() { e.run.calls.Add(-1); out() }
	// No cell that runs has more calls than one chain, whoever keeps what env.
	most := MaxDepth * int64(1+e.run.total(e.node.Tree()))
	if e.run.calls.Add(1) > most || f.depth > MaxDepth {
		return nil, leave, &DepthError{Chain: f.chain()}
	}
	return &Env{node: e.node, run: e.run, frame: f}, leave, nil
}

// nest is how deep a call with the frame's env is. What is deeper may have kept
// that env, so all calls with it count that are in progress; but for cells,
// which are beside each other.
func (f *frame) nest() (depth int, leave func()) {
	switch {
	case f == nil:
		return 1, func() {}
	case f.splits.Load() > 0:
		return f.depth + 1, func() {}
	}
	return f.depth + int(f.nested.Add(1)), func() { f.nested.Add(-1) }
}

// splitting says that what is called with the frame's env until done runs in
// cells.
func (f *frame) splitting() (done func()) {
	if f == nil {
		return func() {}
	}
	f.splits.Add(1)
	return func() { f.splits.Add(-1) }
}

func (f *frame) chain() []string {
	var chain []string
	for ; f != nil; f = f.caller {
		chain = append(chain, f.path+" "+f.name)
	}
	slices.Reverse(chain)
	return chain
}

// guarded makes a panic of fn its error: it ends one cell, not the daemon.
func (e *Env) guarded(ctx context.Context, fn func(context.Context, *Env) (any, error)) (value any, err error) {
	defer func() {
		if v := recover(); v != nil {
			value, err = nil, &PanicError{Value: v, Stack: string(debug.Stack())}
		}
	}()
	return fn(ctx, e)
}

// because adds why ctx ended to the error of what it ended: an error that says
// only "cancelled" would not tell a time-out from a Ctrl-C. What is ended by
// the call's own time-out tells that first.
func because(ctx context.Context, err error, timeUp *host.TimeoutError) error {
	if ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	own := timeUp != nil && errors.Is(cause, timeUp)
	switch {
	case errors.Is(ctx.Err(), err):
		return cause
	case own && overdue(timeUp, err):
		return &overdueError{timeUp, err}
	case errors.Is(err, cause) && !own:
		return err
	}
	return fmt.Errorf("%w (%w)", cause, err)
}

// failed wraps an error with where it happened. One that an action's language
// has made already, for its backtrace, is completed instead.
func (e *Env) failed(name string, err error) error {
	made, ok := err.(*ActionError)
	if ok && (made.Path == "" || made.Path == e.node.Path() && made.Action == name) {
		return &ActionError{Path: e.node.Path(), Action: name, Trace: made.Trace, Err: made.Err}
	}
	return &ActionError{Path: e.node.Path(), Action: name, Err: err}
}
