package star

import (
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// actionValue is an action at a place: env.restart.
type actionValue struct {
	env  *envValue
	name string
}

func (v *actionValue) String() string        { return v.env.String() + " " + v.name }
func (*actionValue) Type() string            { return "action" }
func (*actionValue) Freeze()                 {}
func (*actionValue) Truth() starlark.Bool    { return true }
func (v *actionValue) Hash() (uint32, error) { return hashName(v.String()) }
func (v *actionValue) Name() string          { return v.name }

// CompareSameType implements starlark.Comparable.
func (v *actionValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "action", v.String(), y.(*actionValue).String())
}

// CallInternal runs the action, in threads of its own. What cells share is
// frozen first.
func (v *actionValue) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	k := callOf(thread)
	given := node.Args{Pos: make([]any, len(args)), Named: make([]node.Keyword, len(kwargs))}
	for i, arg := range args {
		given.Pos[i] = arg
	}
	for i, kw := range kwargs {
		given.Named[i] = node.Keyword{Name: string(kw[0].(starlark.String)), Value: kw[1]}
	}
	at := v.env.e.In(k.env)
	if a, ok := at.Node().Action(v.name); ok && at.Node().IsArray() && !a.DontIsolateYet {
		if err := freezeAll(args, kwargs); err != nil {
			return nil, err
		}
		if err := v.env.catalog.freezeAgain(); err != nil {
			return nil, err
		}
	}
	result, err := at.Call(k.ctx, v.name, given)
	if err != nil {
		return nil, err
	}
	return fromGo(k.ctx, k.catalog, result)
}

func freezeAll(args starlark.Tuple, kwargs []starlark.Tuple) error {
	values := slices.Clone(args)
	for _, kw := range kwargs {
		values = append(values, kw[1])
	}
	return freeze(values...)
}
