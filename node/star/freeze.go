package star

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"
)

// maxFrozenDepth is how deep values nest that are frozen: each level costs
// stack, of which the whole process has one limit.
const maxFrozenDepth = 10_000

// maxFrozen is how many values are frozen at once, not counting numbers and
// texts in lists.
const maxFrozen = 10 * MaxElements

// ownFunctionError says that a function keeps itself. Freezing one would never
// end, so what cells or files share holds none.
type ownFunctionError struct {
	error
	fn *starlark.Function
}

func (e *ownFunctionError) Unwrap() error { return e.error }

func ownFunction(fn *starlark.Function) error {
	return &ownFunctionError{withHint("a function inside another must not use its own name, nor one that leads back to it: write it beside the other",
		"the function %s uses itself, and cannot be kept or shared", fn.Name()), fn}
}

// freeze freezes values, or says why it cannot be done.
func freeze(values ...starlark.Value) error {
	f := freezing{seen: map[starlark.Value]bool{}}
	f.later(values, 0)
	for len(f.todo) > 0 {
		next := f.todo[len(f.todo)-1]
		f.todo = f.todo[:len(f.todo)-1]
		if err := f.walk(next.v, next.depth); err != nil {
			return err
		}
	}
	for _, v := range values {
		v.Freeze()
	}
	return nil
}

// freeze freezes what a file made, or tells why it cannot be done; false then.
func (l *loader) freeze(values []starlark.Value) bool {
	err := freeze(values...)
	var own *ownFunctionError
	switch {
	case err == nil:
		return true
	case errors.As(err, &own):
		l.problem(own.fn.Position(), err)
	default:
		l.add(Problem{Text: err.Error()})
	}
	return false
}

// freezeAgain freezes what types that were made on the spot hold: a variable
// that their functions use may have got another value since.
func (c *catalog) freezeAgain() error {
	for ; c != nil; c = c.base {
		if err := freeze(c.held...); err != nil {
			return err
		}
	}
	return nil
}

// freezing looks for what Freeze would never come back from: lists,
// dictionaries and sets freeze once, and end any circle that goes through
// them; a function does not know that it is frozen.
type freezing struct {
	walked int
	seen   map[starlark.Value]bool // functions: false as long as what they keep is walked
	todo   []nested
}

type nested struct {
	v     starlark.Value
	depth int
}

func (f *freezing) later(values []starlark.Value, depth int) {
	for _, v := range values {
		switch v.(type) {
		case starlark.NoneType, starlark.Bool, starlark.Int, starlark.Float, starlark.String:
		default:
			f.todo = append(f.todo, nested{v, depth})
		}
	}
}

func (f *freezing) walk(v starlark.Value, depth int) error {
	// A tuple that holds another one twice, and so on, is as large as any.
	f.walked++
	switch {
	case depth > maxFrozenDepth:
		return fmt.Errorf("a value is nested more than %d deep", maxFrozenDepth)
	case f.walked > maxFrozen:
		return fmt.Errorf("a value holds more than %d others", maxFrozen)
	}
	switch v := v.(type) {
	case *starlark.List, *starlark.Dict, *starlark.Set:
		if !f.seen[v] {
			f.seen[v] = true
			f.later(elements(v), depth+1)
		}
		return nil
	case *starlark.Function:
		return f.function(v, depth)
	}
	return f.all(kept(v), depth)
}

func (f *freezing) function(fn *starlark.Function, depth int) error {
	if done, met := f.seen[fn]; met {
		if !done {
			return ownFunction(fn)
		}
		return nil
	}
	f.seen[fn] = false
	err := f.all(kept(fn), depth)
	f.seen[fn] = true
	return err
}

func (f *freezing) all(values []starlark.Value, depth int) error {
	for _, v := range values {
		if err := f.walk(v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// elements are those of a list, dictionary or set.
func elements(v starlark.Value) []starlark.Value {
	switch v := v.(type) {
	case *starlark.List:
		all := make([]starlark.Value, v.Len())
		for i := range all {
			all[i] = v.Index(i)
		}
		return all
	case *starlark.Dict:
		all := make([]starlark.Value, 0, 2*v.Len())
		for _, item := range v.Items() {
			all = append(all, item...)
		}
		return all
	}
	return slices.Collect(listed(v))
}

// kept is what any other value freezes with itself.
func kept(v starlark.Value) []starlark.Value {
	switch v := v.(type) {
	case *starlark.Function:
		return closure(v)
	case *actionDef:
		return []starlark.Value{v.fn}
	case *starlark.Builtin:
		if v.Receiver() != nil {
			return []starlark.Value{v.Receiver()}
		}
	default:
		return shownWith(v)
	}
	return nil
}

// closure is what a function keeps: the defaults of its parameters, and the
// variables of the function around it that it uses.
func closure(fn *starlark.Function) []starlark.Value {
	var all []starlark.Value
	for i := range fn.NumParams() {
		if d := fn.ParamDefault(i); d != nil {
			all = append(all, d)
		}
	}
	for i := range fn.NumFreeVars() {
		if _, v := fn.FreeVar(i); v != nil {
			all = append(all, v)
		}
	}
	return all
}
