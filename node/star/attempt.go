package star

import (
	"context"
	"errors"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// attemptValue is what env.attempt gives.
type attemptValue struct {
	inert
	value  starlark.Value
	err    error
	errors *starlark.Dict // by cell, of a split call
}

func (v *attemptValue) String() string {
	if v.err != nil {
		return "failed: " + v.err.Error()
	}
	return shown(v.value)
}

func (*attemptValue) Type() string           { return "attempt" }
func (v *attemptValue) Truth() starlark.Bool { return v.err == nil }
func (v *attemptValue) Freeze()              { v.value.Freeze() }
func (*attemptValue) AttrNames() []string    { return []string{"error", "errors", "ok", "value"} }
func (v *attemptValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "ok":
		return starlark.Bool(v.err == nil), nil
	case "value":
		return v.value, nil
	case "error":
		if v.err == nil {
			return starlark.None, nil
		}
		return starlark.String(v.err.Error()), nil
	case "errors":
		return v.errors, nil
	}
	return nil, nil
}

// attempt is env.attempt(fn).
func attempt(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var fn starlark.Callable
	if err := arguments("attempt", args, kwargs, "fn", &fn); err != nil {
		return nil, err
	}
	k := callOf(thread)
	own := attemptsOf(k.ctx)
	own.depth++
	outer := k.ctx
	k.ctx = k.env.Attempt(outer) // what fails in it is not the run's failure
	v, err := starlark.Call(thread, fn, nil, nil)
	k.ctx = outer
	own.depth--
	if err != nil && k.final(err) {
		return nil, err
	}
	a := &attemptValue{value: v, errors: new(starlark.Dict)}
	if err != nil {
		a.value, a.err = starlark.None, spoken(err)
		err = a.split(k, err)
	}
	a.errors.Freeze()
	return a, err
}

// final says whether an error ends the run whatever a tree attempts: a cancel,
// the run's own time-out, or its last step. A command's own timeout does not.
func (k *call) final(err error) bool {
	if k.ctx.Err() != nil || k.spent || errors.Is(err, errSteps) || errors.Is(err, context.Canceled) {
		return true
	}
	limit := k.env.Run().Timeout
	return anyError(err, func(e error) bool {
		switch e := e.(type) {
		case *host.CancelError:
			return true
		case *host.TimeoutError:
			return limit > 0 && e.After == limit
		}
		return false
	})
}

// anyError says whether is holds for any error in the tree of err.
func anyError(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return anyError(e.Unwrap(), is)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if anyError(inner, is) {
				return true
			}
		}
	}
	return false
}

// spoken is an error without the interpreter's wrapping.
func spoken(err error) error {
	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		return failed(eval)
	}
	return err
}

// split takes a split call's error apart: the errors by cell, and the results
// of the cells that did not fail.
func (a *attemptValue) split(k *call, err error) error {
	cells := splitError(err)
	if cells == nil {
		return nil
	}
	good := &node.CellResults{Node: cells.Results.Node}
	for _, c := range cells.Results.Cells {
		if c.Err == nil {
			good.Cells = append(good.Cells, c)
			continue
		}
		if err := a.errors.SetKey(cellName(c.Keys), starlark.String(c.Err.Error())); err != nil {
			return err
		}
	}
	value, err := fromGo(k.ctx, k.catalog, good)
	a.value = value
	return err
}

// splitError returns the error of a split call that fn itself made: below at
// most one action's name, so that a split deeper down is not taken for it.
func splitError(err error) *node.CellsError {
	err = spoken(err)
	if a, ok := err.(*node.ActionError); ok {
		err = a.Err
	}
	cells, _ := err.(*node.CellsError)
	return cells
}
