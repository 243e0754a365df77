package star

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// defining returns where a type that is being made gathers: the load, or in an
// action a place of its own, for a type made on the spot. base is the type that
// it is derived from, or nil.
func defining(thread *starlark.Thread, base *typeValue) *loader {
	if l, ok := thread.Local(loaderKey).(*loader); ok {
		return l
	}
	c := callOf(thread).catalog
	if base != nil {
		c = base.catalog
	}
	own := *c
	own.origins, own.base = map[any]starlark.Value{}, c
	return &loader{catalog: &own, onTheSpot: true}
}

// made ends the making of a value. In a load it is told later what is wrong; a
// value made on the spot is frozen, since cells may share it.
func (l *loader) made(v starlark.Value) (starlark.Value, error) {
	if !l.onTheSpot {
		return v, nil
	}
	var all []error
	for _, p := range l.problems {
		all = append(all, &hinted{p.Text, p.Hint})
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	if err := freeze(l.held...); err != nil {
		return nil, err
	}
	l.catalog.held = l.held
	return v, nil
}

// initialize is env.initialize(type).
func initialize(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var given starlark.Value
	if err := arguments("initialize", args, kwargs, "type", &given); err != nil {
		return nil, err
	}
	t, ok := given.(*typeValue)
	if !ok {
		return nil, withHint("such as env.initialize(Web(hosts = {...}))", "initialize: got %s, want a node type", given.Type())
	}
	v := b.Receiver().(*envValue)
	made, err := v.e.In(callOf(thread).env).Initialize(t.t)
	if err != nil {
		return nil, err
	}
	return &envValue{ctx: callOf(thread).ctx, e: made, catalog: t.catalog}, nil
}

// requiredValue is what required("what for") gives.
type requiredValue struct {
	inert
	r node.Required
}

func (v requiredValue) String() string { return fmt.Sprintf("required(%q)", v.r.For) }
func (requiredValue) Type() string     { return "required" }

// makeRequired is required(what_for).
func makeRequired(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v requiredValue
	if err := arguments(b.Name(), args, kwargs, "what_for", &v.r.For); err != nil {
		return nil, err
	}
	if v.r.For == "" {
		return nil, withHint(`such as required("the name of the site")`, "required: say what for")
	}
	return v, nil
}

// SetField implements starlark.HasSetField, to say why it cannot be done.
func (v *envValue) SetField(name string, _ starlark.Value) error {
	return withHint("keep it in a variable, or give it as an argument", "%s: %s cannot be changed from within an action", v, name)
}

// Name implements starlark.Callable: a node that is called runs its default
// action.
func (v *envValue) Name() string { return v.String() }

// CallInternal implements starlark.Callable.
func (v *envValue) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if _, ok := v.e.Node().Default(); !ok {
		return nil, withHint("its default action is a member "+node.DefaultAction+" = ...", "%s cannot be called", v)
	}
	return (&actionValue{env: v, name: node.DefaultAction}).CallInternal(thread, args, kwargs)
}
