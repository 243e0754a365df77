package star

import (
	"context"
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// filterValue is a filter of a walk. It can be called with an env, too.
type filterValue struct {
	inert
	f *node.Filter
}

func (v *filterValue) String() string { return v.f.String() }
func (*filterValue) Type() string     { return "filter" }
func (v *filterValue) Name() string   { return v.f.String() }

// Binary implements starlark.HasBinary: & and | join filters, and functions to
// filters.
func (v *filterValue) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	if op != syntax.AMP && op != syntax.PIPE {
		return nil, withHint("filters have & | ~", "%s does not work on a filter", op)
	}
	f, err := filterOf(other)
	if err != nil {
		return nil, err
	}
	first, second := v.f, f
	if side == starlark.Right {
		first, second = f, v.f
	}
	if op == syntax.AMP {
		return &filterValue{f: first.And(second)}, nil
	}
	return &filterValue{f: first.Or(second)}, nil
}

// Unary implements starlark.HasUnary: ~ wants the others.
func (v *filterValue) Unary(op syntax.Token) (starlark.Value, error) {
	if op != syntax.TILDE {
		return nil, withHint("filters have & | ~", "%s does not work on a filter", op)
	}
	return &filterValue{f: v.f.Not()}, nil
}

// CallInternal says whether a node is wanted.
func (v *filterValue) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var env *envValue
	if err := arguments(v.f.String(), args, kwargs, "env", &env); err != nil {
		return nil, err
	}
	ok, err := v.f.Match(withThread(callOf(thread).ctx, thread), env.e)
	return starlark.Bool(ok), err
}

// threadKey is the name in a context of the thread whose functions a filter
// calls: they are part of the call that walks.
type threadKey struct{}

func withThread(ctx context.Context, thread *starlark.Thread) context.Context {
	return context.WithValue(ctx, threadKey{}, thread)
}

// filterOf makes a filter of a value: None wants all, and any function of an
// env is one.
func filterOf(v starlark.Value) (*node.Filter, error) {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return node.NewFilter("None", func(context.Context, *node.Env) (bool, error) { return true, nil }), nil
	case *filterValue:
		return v.f, nil
	case *typeValue:
		return nil, withHint("is_instance("+v.catalog.typeName(v)+")", "a node type is no filter")
	case starlark.Callable:
		return node.NewFilter(v.Name(), func(ctx context.Context, e *node.Env) (bool, error) {
			thread, ok := ctx.Value(threadKey{}).(*starlark.Thread)
			if !ok {
				return false, fmt.Errorf("the function %s can filter only within an action", v.Name())
			}
			k := callOf(thread)
			wanted, err := starlark.Call(thread, v, starlark.Tuple{&envValue{ctx: k.ctx, e: e, catalog: k.catalog}}, nil)
			if err != nil {
				return false, err
			}
			return bool(wanted.Truth()), nil
		}), nil
	}
	return nil, withHint(`such as has_action("deploy") & ~private_only, or lambda env: ...`, "got %s, want a filter or a function", v.Type())
}

// isInstance is is_instance(Type).
func isInstance(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var t *typeValue
	if err := arguments(b.Name(), args, kwargs, "type", &t); err != nil {
		return nil, err
	}
	return &filterValue{f: node.IsInstance(t.t, t.catalog.typeName(t))}, nil
}

// hasAction is has_action(name).
func hasAction(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	return &filterValue{f: node.HasAction(name)}, nil
}

// inGroup is in_group(group).
func inGroup(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var given starlark.Value
	if err := arguments(b.Name(), args, kwargs, "group", &given); err != nil {
		return nil, err
	}
	g, ok := given.(groupValue)
	if !ok {
		return nil, withHint("such as groups.production", "in_group: got %s, want a group", given.Type())
	}
	return &filterValue{f: node.InGroup(g.g)}, nil
}
