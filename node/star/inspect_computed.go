package star

import (
	"errors"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// computedValue is a property or a query of a node. Called, or read as .value,
// it is evaluated.
type computedValue struct {
	inert
	env *envValue
	a   node.Attribute
}

// String is a query's text, and a property's path and name.
func (v *computedValue) String() string {
	if v.a.Query != nil {
		return v.a.Query.Text
	}
	return v.env.String() + " " + v.a.Name
}

func (v *computedValue) Type() string          { return v.a.KindName() }
func (v *computedValue) Name() string          { return v.a.Name }
func (v *computedValue) Hash() (uint32, error) { return hashName(v.env.String() + " " + v.a.Name) }

// CallInternal evaluates it.
func (v *computedValue) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(v.a.Name, args, kwargs); err != nil {
		return nil, err
	}
	return v.Attr("value")
}

// Attr implements starlark.HasAttrs.
func (v *computedValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(v.a.Name), nil
	case "doc":
		if v.a.Property == nil {
			return starlark.String(""), nil
		}
		return starlark.String(v.a.Property.Doc), nil
	case "node":
		return v.env, nil
	case "value":
		value, _, err := v.env.e.Attr(v.env.ctx, v.a.Name)
		if err != nil {
			return nil, err
		}
		return fromGo(v.env.ctx, v.env.catalog, value)
	case "text":
		if v.a.Query != nil {
			return starlark.String(v.a.Query.Text), nil
		}
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (v *computedValue) AttrNames() []string {
	names := []string{"doc", "name", "node", "value"}
	if v.a.Query != nil {
		names = append(names, "text")
	}
	return names
}

// computed are a node's properties or queries, whichever the kind names.
func (v *inspectValue) computed(kind string, private bool) []node.Attribute {
	var list []node.Attribute
	for _, a := range v.node().Attributes(private) {
		if a.KindName() == kind {
			list = append(list, a)
		}
	}
	return list
}

// listComputed is .properties(private = False) and .queries(private = False).
func listComputed(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	too, err := private(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	kind := map[string]string{"properties": "property", "queries": "query"}[b.Name()]
	var list []starlark.Value
	for _, a := range v.computed(kind, too) {
		list = append(list, &computedValue{env: v.env, a: a})
	}
	return starlark.NewList(list), nil
}

// oneComputed is .property(name), .query(name), and whether there is one.
func oneComputed(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	name, asks, err := named(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	kind := strings.TrimPrefix(b.Name(), "has_")
	found, err := v.oneComputed(kind, name)
	if asks {
		return starlark.Bool(err == nil), nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (v *inspectValue) oneComputed(kind, name string) (*computedValue, error) {
	var have []string
	for _, a := range v.computed(kind, true) {
		if a.Name == name {
			return &computedValue{env: v.env, a: a}, nil
		}
		have = append(have, a.Name)
	}
	return nil, v.none(kind, name, have)
}

// traceQuery is .trace(name): the parts of a query with what they gave, in the
// order in which they were evaluated.
func traceQuery(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	name, _, err := named(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	if _, err := v.oneComputed("query", name); err != nil {
		return nil, err
	}
	_, steps, err := v.env.e.TraceQuery(v.env.ctx, name)
	if err != nil {
		return nil, err
	}
	list := make([]starlark.Value, len(steps))
	for i, step := range steps {
		value, err := fromGo(v.env.ctx, v.env.catalog, step.Value)
		if err != nil {
			return nil, errors.Join(errors.New(step.Text), err)
		}
		list[i] = starlark.Tuple{starlark.String(step.Text), value}
	}
	return starlark.NewList(list), nil
}
