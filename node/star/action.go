package star

import (
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
	if v.env.e.Node().IsArray() {
		freezeAll(args, kwargs)
	}
	result, err := v.env.e.Call(k.ctx, v.name, given)
	if err != nil {
		return nil, err
	}
	return fromGo(k.ctx, k.catalog, result)
}

func freezeAll(args starlark.Tuple, kwargs []starlark.Tuple) {
	for _, arg := range args {
		arg.Freeze()
	}
	for _, kw := range kwargs {
		kw[1].Freeze()
	}
}
