package star

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.starlark.net/starlark"
)

// sleep is env.sleep("5s"). In a sandbox it returns at once.
func sleep(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var d duration
	if err := arguments("sleep", args, kwargs, "time", &d); err != nil {
		return nil, err
	}
	k := callOf(thread)
	if k.env.Run().Sandbox {
		return starlark.None, nil
	}
	return starlark.None, pause(k.ctx, time.Duration(d))
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitFor is env.wait_for(fn, timeout = "1m", every = "2s"): it calls fn until
// it gives something true, which is the result. In a sandbox it looks once.
func waitFor(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var fn starlark.Callable
	timeout, every := duration(time.Minute), duration(2*time.Second)
	if err := arguments("wait_for", args, kwargs, "fn", &fn, "timeout?", &timeout, "every?", &every); err != nil {
		return nil, err
	}
	if timeout <= 0 || every <= 0 {
		return nil, errors.New("wait_for: timeout and every are longer than 0s")
	}
	k := callOf(thread)
	w := &waiting{k: k, outer: k.ctx, timeUp: &waitError{after: time.Duration(timeout)}}
	ctx, stop := context.WithTimeoutCause(k.ctx, time.Duration(timeout), w.timeUp)
	defer stop()
	for {
		v, err := w.look(ctx, thread, fn)
		if err != nil || bool(v.Truth()) || k.env.Run().Sandbox {
			return v, err
		}
		if err := pause(ctx, time.Duration(every)); err != nil {
			return nil, err
		}
	}
}

// waitError says that what was waited for did not come.
type waitError struct{ after time.Duration }

func (e *waitError) Error() string {
	return fmt.Sprintf("wait_for: it did not come within %s", e.after)
}

// waiting is one env.wait_for.
type waiting struct {
	k      *call
	outer  context.Context
	timeUp *waitError
}

// look calls the function once; what it waits for ends with the time-out.
func (w *waiting) look(ctx context.Context, thread *starlark.Thread, fn starlark.Callable) (starlark.Value, error) {
	w.k.ctx = ctx
	v, err := starlark.Call(thread, fn, nil, nil)
	w.k.ctx = w.outer
	if err != nil && ctx.Err() != nil && w.outer.Err() == nil {
		return nil, w.timeUp // what it ended says no more than that
	}
	return v, err
}
