package star

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// envValue is an env: a place in a run. It carries the context because reading
// an attribute, which may compute a property, is given no thread.
type envValue struct {
	ctx     context.Context
	e       *node.Env
	catalog *catalog
}

func (v *envValue) String() string        { return v.e.Node().Path() }
func (*envValue) Type() string            { return "env" }
func (*envValue) Freeze()                 {}
func (*envValue) Truth() starlark.Bool    { return true }
func (v *envValue) Hash() (uint32, error) { return hashName(v.e.Node().Path()) }

// CompareSameType implements starlark.Comparable: places are equal by path.
func (v *envValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "env", v.e.Node().Path(), y.(*envValue).e.Node().Path())
}

// at is another place in the same run.
func (v *envValue) at(e *node.Env) *envValue {
	return &envValue{ctx: v.ctx, e: e, catalog: v.catalog}
}

// envFixed are the names of env that no member can have.
var envFixed = map[string]func(*envValue) (starlark.Value, error){
	"host":   (*envValue).host,
	"hosts":  (*envValue).hosts,
	"parent": (*envValue).parent,
	"root":   func(v *envValue) (starlark.Value, error) { return v.at(v.e.Root()), nil },
	"group": func(v *envValue) (starlark.Value, error) {
		return groupValue{g: v.e.Node().Group()}, nil
	},
	"console": func(v *envValue) (starlark.Value, error) { return consoleValue{env: v}, nil },
}

// envOwn are the names of env that a member of the node hides.
var envOwn = map[string]func(*envValue) (starlark.Value, error){
	"name": func(v *envValue) (starlark.Value, error) { return starlark.String(v.e.Node().Name()), nil },
	"path": func(v *envValue) (starlark.Value, error) { return starlark.String(v.String()), nil },
	"user": func(v *envValue) (starlark.Value, error) { return starlark.String(v.e.Run().User), nil },
	"sandbox": func(v *envValue) (starlark.Value, error) {
		return starlark.Bool(v.e.Run().Sandbox), nil
	},
	"run":        func(v *envValue) (starlark.Value, error) { return runValue{r: v.e.Run()}, nil },
	"log":        func(v *envValue) (starlark.Value, error) { return bound(v, "log", envLog), nil },
	"attempt":    func(v *envValue) (starlark.Value, error) { return bound(v, "attempt", attempt), nil },
	"initialize": func(v *envValue) (starlark.Value, error) { return bound(v, "initialize", initialize), nil },
	"defer":      func(v *envValue) (starlark.Value, error) { return bound(v, "defer", deferCall), nil },
	"sleep":      func(v *envValue) (starlark.Value, error) { return bound(v, "sleep", sleep), nil },
	"wait_for":   func(v *envValue) (starlark.Value, error) { return bound(v, "wait_for", waitFor), nil },
}

func bound(v starlark.Value, name string, fn builtinFunc) starlark.Value {
	return starlark.NewBuiltin(name, fn).BindReceiver(v)
}

// Attr implements starlark.HasAttrs.
func (v *envValue) Attr(name string) (starlark.Value, error) {
	found, err := v.find(name)
	if found == nil && err == nil {
		return nil, withHint(didYouMean(name, v.AttrNames()), "%s has no %s", v, name)
	}
	return found, err
}

// find is Attr that gives nil for what is not there. A name with dots goes on
// from each part to the next, for getattr.
func (v *envValue) find(name string) (starlark.Value, error) {
	first, rest, dotted := strings.Cut(name, ".")
	if _, alias := v.e.Node().Action(name); alias {
		first, dotted = name, false
	}
	found, err := v.one(first)
	if !dotted || found == nil || err != nil {
		return found, err
	}
	if next, ok := found.(*envValue); ok {
		return next.find(rest)
	}
	return findIn(found, rest)
}

// findIn goes on from a value that is no env, nil for what is not there.
func findIn(v starlark.Value, names string) (starlark.Value, error) {
	for name := range strings.SplitSeq(names, ".") {
		has, ok := v.(starlark.HasAttrs)
		if !ok {
			return nil, nil
		}
		next, err := has.Attr(name)
		if _, missing := err.(starlark.NoSuchAttrError); missing || next == nil && err == nil {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		v = next
	}
	return v, nil
}

// one finds a name without dots: what cannot be hidden, the node's members,
// then the rest of what an env says.
func (v *envValue) one(name string) (starlark.Value, error) {
	if get, ok := envFixed[name]; ok {
		return get(v)
	}
	if child, ok := v.e.Child(name); ok {
		return v.at(child), nil
	}
	if a, ok := v.e.Node().Action(name); ok {
		return &actionValue{env: v, name: a.Name}, nil
	}
	value, ok, err := v.e.Attr(inForce(v.ctx), name)
	if err != nil {
		return nil, err
	}
	if ok {
		return fromGo(v.ctx, v.catalog, value)
	}
	if get, ok := envOwn[name]; ok {
		return get(v)
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (v *envValue) AttrNames() []string {
	n := v.e.Node()
	var names []string
	for _, c := range n.Children(true) {
		names = append(names, c.Name())
	}
	for _, a := range n.Actions(true) {
		names = append(names, a.Name)
		for _, alias := range a.Aliases {
			if !strings.Contains(alias, ".") {
				names = append(names, alias)
			}
		}
	}
	for _, a := range n.Attributes(true) {
		names = append(names, a.Name)
	}
	for name := range envFixed {
		names = append(names, name)
	}
	for name := range envOwn {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (v *envValue) parent() (starlark.Value, error) {
	p := v.e.Parent()
	if p == nil {
		return starlark.None, nil
	}
	return v.at(p), nil
}

func (v *envValue) hosts() (starlark.Value, error) {
	if err := v.e.Node().Usable(); err != nil {
		return nil, err
	}
	return &containerValue{g: v.e.Hosts()}, nil
}

func (v *envValue) host() (starlark.Value, error) {
	h, err := v.e.Host()
	if err != nil {
		return nil, err
	}
	return &handleValue{h: h}, nil
}

// Get implements starlark.Mapping: the cells of an array, by host name, by
// number, or by a tuple of them.
func (v *envValue) Get(key starlark.Value) (starlark.Value, bool, error) {
	keys, err := cellKeys(key)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", v, err)
	}
	cell, err := v.e.Cell(keys...)
	if err != nil {
		return nil, false, err
	}
	return v.at(cell), true, nil
}

// cellKeys are the keys of a cell: one, or a tuple of one per dimension.
func cellKeys(key starlark.Value) ([]node.CellKey, error) {
	parts, ok := key.(starlark.Tuple)
	if !ok {
		parts = starlark.Tuple{key}
	}
	keys := make([]node.CellKey, len(parts))
	for i, part := range parts {
		k, err := cellKey(part)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	return keys, nil
}

// cellKey is a host, its name, or a cell's number.
func cellKey(v starlark.Value) (node.CellKey, error) {
	switch v := v.(type) {
	case starlark.String:
		if v == "" {
			return node.CellKey{}, errors.New("a cell's name is empty")
		}
		return node.CellKey{Host: string(v)}, nil
	case hostValue:
		return node.CellKey{Host: v.h.Name()}, nil
	case *handleValue:
		return node.CellKey{Host: v.h.Host().Name()}, nil
	case starlark.Int:
		if v.Sign() < 0 {
			return node.CellKey{}, fmt.Errorf("cells are numbered from 0, and %v is negative", v)
		}
		n, err := starlark.AsInt32(v)
		if err != nil {
			return node.CellKey{}, fmt.Errorf("no array has a cell %v", v)
		}
		return node.CellKey{Number: n}, nil
	}
	return node.CellKey{}, fmt.Errorf("a cell is named by a host's name or a number, not a %s", v.Type())
}

// Iterate implements starlark.Iterable: an array's cells; any other place is
// its own and only one.
func (v *envValue) Iterate() starlark.Iterator {
	places := starlark.Tuple{v}
	if v.e.Node().IsArray() {
		places = nil
		for _, cell := range v.e.Cells() {
			places = append(places, v.at(cell))
		}
	}
	return places.Iterate()
}

// runValue is env.run.
type runValue struct {
	inert
	r *node.Run
}

func (v runValue) String() string    { return v.r.ID }
func (runValue) Type() string        { return "run" }
func (runValue) AttrNames() []string { return []string{"id", "started"} }
func (v runValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "id":
		return starlark.String(v.r.ID), nil
	case "started":
		return starlark.String(v.r.Started.UTC().Format(time.RFC3339)), nil
	}
	return nil, nil
}

// envLog is env.log(text).
func envLog(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var text starlark.Value
	if err := arguments("log", args, kwargs, "text", &text); err != nil {
		return nil, err
	}
	b.Receiver().(*envValue).e.Log(shown(text))
	return starlark.None, nil
}

// getAttr is Starlark's getattr, that swallows no error of an env.
func getAttr(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, name, ok := attrOfEnv(args, kwargs)
	if !ok || len(args) > 3 {
		return starlark.Universe["getattr"].(*starlark.Builtin).CallInternal(thread, args, kwargs)
	}
	if len(args) == 2 {
		return v.Attr(name)
	}
	found, err := v.find(name)
	if found == nil && err == nil {
		found = args[2]
	}
	return found, err
}

// hasAttr is Starlark's hasattr, that swallows no error of an env.
func hasAttr(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, name, ok := attrOfEnv(args, kwargs)
	if !ok || len(args) > 2 {
		return starlark.Universe["hasattr"].(*starlark.Builtin).CallInternal(thread, args, kwargs)
	}
	found, err := v.find(name)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(found != nil), nil
}

// attrOfEnv says whether the arguments begin with an env and a name.
func attrOfEnv(args starlark.Tuple, kwargs []starlark.Tuple) (v *envValue, name string, ok bool) {
	if len(args) < 2 || len(kwargs) > 0 {
		return nil, "", false
	}
	v, isEnv := args[0].(*envValue)
	name, isString := starlark.AsString(args[1])
	return v, name, isEnv && isString
}
