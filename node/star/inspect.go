package star

import (
	"errors"
	"maps"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// inspectValue is inspect(env): what a node is, whatever its members are
// called.
type inspectValue struct {
	inert
	env *envValue
}

func (v *inspectValue) String() string        { return "inspect(" + v.env.String() + ")" }
func (*inspectValue) Type() string            { return "inspect" }
func (v *inspectValue) Hash() (uint32, error) { return v.env.Hash() }

// CompareSameType implements starlark.Comparable.
func (v *inspectValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "inspect", v.String(), y.String())
}

// makeInspect is inspect(env).
func makeInspect(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var given starlark.Value
	if err := arguments(b.Name(), args, kwargs, "env", &given); err != nil {
		return nil, err
	}
	switch v := given.(type) {
	case *envValue:
		return &inspectValue{env: v}, nil
	case *inspectValue:
		return v, nil
	case *typeValue:
		return nil, withHint("a type is read with a dot: Web.port", "inspect: got a node type, want an env")
	}
	return nil, withHint("such as inspect(env), or inspect(env.web)", "inspect: got %s, want an env", given.Type())
}

// inspectFacts are what an inspection says without being called.
var inspectFacts = map[string]func(*inspectValue) (starlark.Value, error){
	"doc":         func(v *inspectValue) (starlark.Value, error) { return starlark.String(v.node().Doc()), nil },
	"parent":      func(v *inspectValue) (starlark.Value, error) { return v.env.parent() },
	"root":        func(v *inspectValue) (starlark.Value, error) { return envFixed["root"](v.env) },
	"group":       func(v *inspectValue) (starlark.Value, error) { return envFixed["group"](v.env) },
	"is_isolated": func(v *inspectValue) (starlark.Value, error) { return starlark.Bool(!v.node().IsArray()), nil },
	"is_callable": func(v *inspectValue) (starlark.Value, error) {
		_, ok := v.node().Default()
		return starlark.Bool(ok), nil
	},
}

var inspectMethods = map[string]builtinFunc{
	"children": listChildren, "child": oneChild, "has_child": oneChild,
	"actions": listActions, "action": oneAction, "has_action": oneAction,
	"properties": listComputed, "property": oneComputed, "has_property": oneComputed,
	"queries": listComputed, "query": oneComputed, "has_query": oneComputed,
	"trace": traceQuery, "isolations": listCells, "isolation": oneCell, "walk": makeWalk,
}

// Attr implements starlark.HasAttrs. What else an env says it says as well,
// for nodes whose members hide it.
func (v *inspectValue) Attr(name string) (starlark.Value, error) {
	if fact, ok := inspectFacts[name]; ok {
		return fact(v)
	}
	if fn, ok := inspectMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	if own, ok := envOwn[name]; ok {
		return own(v.env)
	}
	return nil, withHint(didYouMean(name, v.AttrNames()), "inspect has no %s", name)
}

// AttrNames implements starlark.HasAttrs.
func (*inspectValue) AttrNames() []string {
	names := slices.Collect(maps.Keys(inspectFacts))
	names = slices.AppendSeq(names, maps.Keys(inspectMethods))
	names = slices.AppendSeq(names, maps.Keys(envOwn))
	slices.Sort(names)
	return names
}

func (v *inspectValue) node() *node.Node { return v.env.e.Node() }

func inspected(b *starlark.Builtin) *inspectValue { return b.Receiver().(*inspectValue) }

// private reads the argument of .children and .actions.
func private(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (bool, error) {
	var too bool
	err := arguments(b.Name(), args, kwargs, "private?", &too)
	return too, err
}

// listChildren is .children(private = False).
func listChildren(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	too, err := private(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	var list []starlark.Value
	for _, child := range v.node().Children(too) {
		if env, ok := v.env.e.Child(child.Name()); ok {
			list = append(list, v.env.at(env))
		}
	}
	return starlark.NewList(list), nil
}

// named reads the argument of .child, .has_child and their like, and says
// whether only that is asked for.
func named(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (name string, asks bool, err error) {
	err = arguments(b.Name(), args, kwargs, "name", &name)
	return name, b.Name()[:3] == "has", err
}

// none is the error for a name that is not there.
func (v *inspectValue) none(kind, name string, have []string) error {
	return withHint(didYouMean(name, have), "%s has no %s %q", v.env, kind, name)
}

// oneChild is .child(name) and .has_child(name).
func oneChild(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	name, asks, err := named(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	child, ok := v.env.e.Child(name)
	switch {
	case asks:
		return starlark.Bool(ok), nil
	case !ok:
		var have []string
		for _, c := range v.node().Children(true) {
			have = append(have, c.Name())
		}
		return nil, v.none("child", name, have)
	}
	return v.env.at(child), nil
}

// listActions is .actions(private = False).
func listActions(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	too, err := private(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	var list []starlark.Value
	for _, a := range v.node().Actions(too) {
		list = append(list, &actionValue{env: v.env, name: a.Name})
	}
	return starlark.NewList(list), nil
}

// oneAction is .action(name) and .has_action(name); an alias will do.
func oneAction(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := inspected(b)
	name, asks, err := named(b, args, kwargs)
	if err != nil {
		return nil, err
	}
	a, ok := v.node().Action(name)
	switch {
	case asks:
		return starlark.Bool(ok), nil
	case !ok:
		var have []string
		for _, a := range v.node().Actions(true) {
			have = append(have, a.Name)
		}
		return nil, v.none("action", name, have)
	}
	return &actionValue{env: v.env, name: a.Name}, nil
}

// Attr implements starlark.HasAttrs: what an action is.
func (v *actionValue) Attr(name string) (starlark.Value, error) {
	a, ok := v.env.e.Node().Action(v.name)
	if !ok {
		return nil, errors.New("the action is gone") // a node keeps its actions
	}
	switch name {
	case "name":
		return starlark.String(a.Name), nil
	case "doc":
		return starlark.String(a.Doc), nil
	case "parameters":
		return textList(parameterNames(a.Params)), nil
	case "aliases":
		return textList(a.Aliases), nil
	case "node":
		return v.env, nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (*actionValue) AttrNames() []string {
	return []string{"aliases", "doc", "name", "node", "parameters"}
}

// parameterNames are the names of parameters, with the stars of those that
// take the rest.
func parameterNames(params []node.Param) []string {
	names := make([]string, len(params))
	for i, p := range params {
		switch p.Kind {
		case node.VarArgs:
			names[i] = "*" + p.Name
		case node.KwArgs:
			names[i] = "**" + p.Name
		default:
			names[i] = p.Name
		}
	}
	return names
}

func textList(list []string) starlark.Value {
	values := make([]starlark.Value, len(list))
	for i, text := range list {
		values[i] = starlark.String(text)
	}
	return starlark.NewList(values)
}

// listCells is .isolations(): the cells of an array; any other place is its
// own and only one.
func listCells(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	return starlark.NewList(inspected(b).env.cells()), nil
}

// cells are an array's cells; any other place is its own and only one.
func (v *envValue) cells() []starlark.Value {
	if !v.e.Node().IsArray() {
		return []starlark.Value{v}
	}
	var cells []starlark.Value
	for _, cell := range v.e.Cells() {
		cells = append(cells, v.at(cell))
	}
	return cells
}

// oneCell is .isolation(key), as env[key].
func oneCell(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var key starlark.Value
	if err := arguments(b.Name(), args, kwargs, "key", &key); err != nil {
		return nil, err
	}
	cell, _, err := inspected(b).env.Get(key)
	return cell, err
}
