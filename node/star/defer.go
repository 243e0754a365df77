package star

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// deferredTime is what the deferred functions of a call have together after
// the call was cancelled or its time was up.
const deferredTime = 30 * time.Second

// maxDeferred bounds how many functions one call defers.
const maxDeferred = 1000

// deferredSteps are what a deferred function may take when the run has used up
// its steps.
const deferredSteps = 1_000_000

// deferCall is env.defer(fn).
func deferCall(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var fn starlark.Callable
	if err := arguments("defer", args, kwargs, "fn", &fn); err != nil {
		return nil, err
	}
	if f, ok := fn.(*starlark.Function); ok {
		if n := wanted(f); n > 1 {
			return nil, withHint("it is given the error, a text or None, or nothing", "defer: the function %s wants %d arguments", f.Name(), n)
		}
	}
	k := callOf(thread)
	if k.late {
		return nil, errors.New("defer: what was deferred defers nothing itself")
	}
	if len(k.deferred) == maxDeferred {
		return nil, fmt.Errorf("defer: more than %d functions in one call", maxDeferred)
	}
	k.deferred = append(k.deferred, fn)
	return starlark.None, nil
}

// wanted counts the arguments that a function cannot be called without.
func wanted(f *starlark.Function) int {
	n := 0
	for i := range f.NumParams() {
		star := f.HasVarargs() && i == f.NumParams()-1 || f.HasKwargs() && i >= f.NumParams()-2
		if f.ParamDefault(i) == nil && !star {
			n++
		}
	}
	return n
}

// takesError says whether a deferred function is given the error: in its first
// parameter, unless that has a value of its own, as in lambda host = host: ...
func takesError(fn starlark.Callable) bool {
	f, ok := fn.(*starlark.Function)
	if !ok || positional(f) == 0 {
		return ok && f.HasVarargs()
	}
	standard := f.ParamDefault(0)
	return standard == nil || standard == starlark.None
}

// deferredError is what ended a call, with what its deferred functions added.
type deferredError struct {
	first error
	later []error
}

func (e *deferredError) Error() string {
	texts := []string{e.first.Error()}
	for _, err := range e.later {
		texts = append(texts, "deferred: "+ended(err).Error())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns all of them, the first one first.
func (e *deferredError) Unwrap() []error { return append([]error{e.first}, e.later...) }

// finish calls what the call has deferred, last first, and adds its errors to
// err, which is what ended the call.
func (k *call) finish(err error) error {
	for _, p := range k.bars {
		defer p.Drop()
	}
	if len(k.deferred) == 0 {
		return err
	}
	ctx := k.env.Afterwards(k.ctx)
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(context.WithoutCancel(ctx), deferredTime,
			fmt.Errorf("what was deferred took longer than %s", deferredTime))
		defer stop()
		if a := attemptsOf(k.ctx); a != nil {
			a.after.Store(&ctx)
		}
	}
	var later []error
	for len(k.deferred) > 0 {
		last := len(k.deferred) - 1
		fn := k.deferred[last]
		k.deferred = k.deferred[:last]
		if failed := k.runDeferred(ctx, fn, err); failed != nil {
			later = append(later, failed)
		}
	}
	return withLater(err, later)
}

func (k *call) runDeferred(ctx context.Context, fn starlark.Callable, err error) error {
	var args starlark.Tuple
	switch {
	case !takesError(fn):
	case err == nil:
		args = starlark.Tuple{starlark.None}
	default:
		args = starlark.Tuple{starlark.String(ended(err).Error())}
	}
	own := &call{ctx: ctx, env: k.env, catalog: k.catalog, spare: deferredSteps, late: true}
	_, failed := own.run(fn, args, nil)
	return own.finish(failed)
}

// ended is what ended a call, without the backtrace around it.
func ended(err error) error {
	if made, ok := err.(*node.ActionError); ok && made.Path == "" {
		return made.Err
	}
	return err
}

// withLater adds the errors of deferred functions to that of their call.
func withLater(err error, later []error) error {
	if len(later) == 0 {
		return err
	}
	if err == nil {
		err, later = later[0], later[1:]
		if len(later) == 0 {
			return err
		}
	}
	made, ok := err.(*node.ActionError)
	if !ok {
		return &deferredError{err, later}
	}
	return &node.ActionError{
		Path: made.Path, Action: made.Action, Trace: made.Trace, Err: &deferredError{made.Err, later},
	}
}

// inForce is the context that holds for a value of a call: the call's own, or
// after its cancel that of what it deferred. What a call gave in a list, or by
// a function, lives on in the call that it was nested in.
func inForce(ctx context.Context) context.Context {
	a := attemptsOf(ctx)
	for a != nil && a.over.Load() && a.outer != nil {
		a = a.outer
		ctx = a.own
	}
	if a != nil {
		if after := a.after.Load(); after != nil {
			return *after
		}
	}
	return ctx
}
