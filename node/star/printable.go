package star

import (
	"fmt"
	"maps"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Bounds of a value's text, which is made in one step.
const (
	maxPrintedDepth = 1000
	printedElement  = 16 // bytes that one counts for at least
)

// hasText says why a value is not made a text: a few lists that hold each
// other several times are as large as any, and deep ones take long.
func hasText(v starlark.Value) error {
	p := printing{way: map[starlark.Value]bool{}}
	return p.walk(v, 0)
}

type printing struct {
	size int
	way  map[starlark.Value]bool // lists that the walk is in, which print as [...]
}

func (p *printing) walk(v starlark.Value, depth int) error {
	p.size += printedElement
	if s, ok := starlark.AsString(v); ok {
		p.size += len(s)
	}
	switch {
	case depth > maxPrintedDepth:
		return fmt.Errorf("a value nested more than %d deep has no text", maxPrintedDepth)
	case p.size > maxText:
		return fmt.Errorf("the text of a value is too large: at most %d bytes", maxText)
	}
	switch v.(type) {
	case *starlark.List, *starlark.Dict, *starlark.Set:
		if p.way[v] {
			return nil
		}
		p.way[v] = true
		defer delete(p.way, v)
		return p.all(elements(v), depth)
	}
	return p.all(shownWith(v), depth)
}

func (p *printing) all(values []starlark.Value, depth int) error {
	for _, v := range values {
		if err := p.walk(v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// shownWith is what other values show of others.
func shownWith(v starlark.Value) []starlark.Value {
	switch v := v.(type) {
	case starlark.Tuple:
		return v
	case *starlarkstruct.Struct:
		fields := starlark.StringDict{}
		v.ToStringDict(fields)
		return slices.Collect(maps.Values(fields))
	case *attemptValue:
		return []starlark.Value{v.value}
	case *resultsValue:
		return v.values
	case *queryValue:
		return v.part.parts()
	}
	return nil
}

// printedBuiltin is one of Starlark's own builtins that make a text of what
// they are given.
func printedBuiltin(b *starlark.Builtin) *starlark.Builtin {
	return starlark.NewBuiltin(b.Name(), func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := hasText(args); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
		return b.CallInternal(thread, args, kwargs)
	})
}
