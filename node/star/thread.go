package star

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// stepChunk is how many steps a thread runs before it takes them from the
// run's budget, and so by how many the budget can be overdrawn by a thread.
const stepChunk = 1000

// errSteps says that a run computed too much.
var errSteps = errors.New("the run has used up its steps (runs.steps)")

// call is one Starlark thread: a call of an action or a property. Each has its
// own, because an action may reach the same function at another node, and
// cells run at the same time.
type call struct {
	ctx     context.Context
	env     *node.Env
	catalog *catalog
	paid    uint64
	spent   bool
	spare   uint64 // steps beyond the run's budget, for what was deferred

	deferred []starlark.Callable // by env.defer
	late     bool                // it is one of those
	bars     []*node.Progress    // that it shows
}

// callKey is the thread-local name of the call.
const callKey = "call"

// callOf returns the call that a builtin is part of. Only values that a call
// was given lead to the builtins that use it.
func callOf(thread *starlark.Thread) *call { return thread.Local(callKey).(*call) }

// call runs fn in a thread of its own. A cancel of ctx ends it at its next
// step, or inside the builtin that waits.
func (c *catalog) call(ctx context.Context, env *node.Env, fn starlark.Callable, args starlark.Tuple, kwargs []starlark.Tuple) (any, error) {
	k := &call{ctx: ctx, env: env, catalog: c}
	v, err := k.run(fn, args, kwargs)
	err = k.finish(err)
	if a := attemptsOf(ctx); a != nil {
		a.over.Store(true)
	}
	if err != nil {
		return nil, err
	}
	return toGo(v), nil
}

// run calls fn in the call's thread.
func (k *call) run(fn starlark.Callable, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	thread := &starlark.Thread{
		Name:       k.env.Node().Path(),
		Print:      func(_ *starlark.Thread, text string) { k.env.Log(text) },
		OnMaxSteps: k.takeSteps,
	}
	thread.SetLocal(callKey, k)
	thread.SetMaxExecutionSteps(stepChunk)
	stop := context.AfterFunc(k.ctx, func() { thread.Cancel("cancelled") })
	defer stop()
	v, err := starlark.Call(thread, fn, args, kwargs)
	k.paid += k.env.Run().TakeSteps(thread.Steps - k.paid)
	if err != nil {
		return nil, k.failure(err)
	}
	return v, nil
}

// takeSteps pays for the steps since the last time, and ends the thread when
// the budget does not cover them.
func (k *call) takeSteps(thread *starlark.Thread) {
	want := thread.Steps - k.paid
	got := k.env.Run().TakeSteps(want)
	k.paid += got
	if missing := want - got; missing > 0 && missing <= k.spare {
		k.spare -= missing
		k.paid, got = k.paid+missing, want
	}
	if got < want {
		k.spent = true
		thread.Cancel(errSteps.Error())
		return
	}
	thread.SetMaxExecutionSteps(thread.Steps + stepChunk)
}

// failure turns what ended a thread into an error with its backtrace, which
// the node package completes with the names that the caller used.
func (k *call) failure(err error) error {
	var eval *starlark.EvalError
	if !errors.As(err, &eval) {
		return err
	}
	cause := failed(eval)
	cancelled := strings.HasPrefix(eval.Msg, "Starlark computation cancelled: ")
	switch {
	case cancelled && k.spent:
		cause = errSteps
	case cancelled && k.ctx.Err() != nil:
		cause = context.Cause(k.ctx)
	}
	return &node.ActionError{Trace: k.trace(eval, cause), Err: cause}
}

// traceHead is the first line of a backtrace.
const traceHead = "Traceback (most recent call last):"

// trace is the backtrace of a thread, and of the threads below it where the
// error comes from.
func (k *call) trace(eval *starlark.EvalError, cause error) string {
	var b strings.Builder
	b.WriteString(traceHead)
	for _, frame := range eval.CallStack {
		if frame.Pos.Line == 0 {
			continue // a builtin; the call of it says enough
		}
		fmt.Fprintf(&b, "\n  %s: in %s (%s)", frame.Pos, frame.Name, k.env.Node().Path())
		if lines := k.catalog.sources[frame.Pos.Filename()]; int(frame.Pos.Line) <= len(lines) {
			p := Problem{Source: strings.TrimSpace(lines[frame.Pos.Line-1])}
			source, _ := p.excerpt()
			b.WriteString("\n    " + source)
		}
	}
	b.WriteString(strings.TrimPrefix(innerTrace(cause), traceHead))
	return b.String()
}

// innerTrace is the backtrace of the thread that an error comes from; of
// several cells, the first one's.
func innerTrace(err error) string {
	trace := ""
	anyError(err, func(e error) bool {
		if a, ok := e.(*node.ActionError); ok {
			trace = a.Trace
		}
		return trace != ""
	})
	return trace
}
