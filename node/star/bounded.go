package star

import (
	"fmt"

	"go.starlark.net/starlark"
)

// MaxElements is how many elements a builtin walks or a range has: a builtin
// that only computes is not interrupted by a cancel.
const MaxElements = 1_000_000

// bounded are Starlark's own builtins that walk their arguments, for at most
// MaxElements elements.
func bounded() starlark.StringDict {
	names := starlark.StringDict{"range": starlark.NewBuiltin("range", boundedRange)}
	for _, name := range []string{
		"all", "any", "bytes", "dict", "enumerate", "list", "max", "min", "reversed", "set", "sorted", "tuple", "zip",
	} {
		names[name] = withinBounds(starlark.Universe[name].(*starlark.Builtin))
	}
	for _, name := range []string{"str", "repr", "print"} {
		names[name] = printedBuiltin(starlark.Universe[name].(*starlark.Builtin))
	}
	return names
}

func withinBounds(b *starlark.Builtin) *starlark.Builtin {
	return starlark.NewBuiltin(b.Name(), func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		for _, arg := range args {
			if _, ok := arg.(starlark.Iterable); !ok {
				continue
			}
			n := starlark.Len(arg)
			if n > MaxElements {
				return nil, fmt.Errorf("%s: %d elements are too many, at most %d", b.Name(), n, MaxElements)
			}
			thread.Steps += uint64(max(0, n))
		}
		return b.CallInternal(thread, args, kwargs)
	})
}

func boundedRange(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := starlark.Universe["range"].(*starlark.Builtin).CallInternal(thread, args, kwargs)
	if err != nil {
		return nil, err
	}
	if n := starlark.Len(v); n > MaxElements {
		return nil, withHint("for x in range(...) may go over more", "range: %d elements are too many, at most %d", n, MaxElements)
	}
	return v, nil
}
