package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
)

// containerValue is a hosts container: hosts by role, in a context.
type containerValue struct {
	inert
	g *host.Group
}

func (v *containerValue) String() string {
	list := make([]starlark.Value, 0, v.Len())
	for _, name := range v.g.Names() {
		list = append(list, starlark.String(name))
	}
	return "hosts" + starlark.NewList(list).String()
}

func (*containerValue) Type() string           { return "hosts" }
func (v *containerValue) Truth() starlark.Bool { return v.Len() > 0 }

// Len implements starlark.Sequence: each host counts once.
func (v *containerValue) Len() int { return len(v.g.Hosts()) }

// Iterate implements starlark.Iterable, over the hosts.
func (v *containerValue) Iterate() starlark.Iterator {
	handles := make(starlark.Tuple, 0, v.Len())
	for _, name := range v.g.Names() {
		if h, ok := v.g.Handle(name); ok {
			handles = append(handles, &handleValue{h: h})
		}
	}
	return handles.Iterate()
}

// Get implements starlark.Mapping: one host, by name or number.
func (v *containerValue) Get(key starlark.Value) (starlark.Value, bool, error) {
	name, err := elementName(key, v.g.Names())
	if err != nil {
		return nil, false, fmt.Errorf("hosts: %w", err)
	}
	h, ok := v.g.Handle(name)
	if !ok {
		return nil, false, withHint(didYouMean(name, v.g.Names()), "hosts: there is no host %s among %d", name, v.Len())
	}
	return &handleValue{h: h}, true, nil
}

// elementName finds what a key names: by name, or by number from 0.
func elementName(key starlark.Value, names []string) (string, error) {
	switch key := key.(type) {
	case starlark.String:
		return string(key), nil
	case *handleValue:
		return key.h.Host().Name(), nil
	case starlark.Int:
		n, ok := key.Int64()
		if !ok || n < 0 || n >= int64(len(names)) {
			return "", fmt.Errorf("there is no number %v, they are numbered from 0 and there are %d", key, len(names))
		}
		return names[n], nil
	}
	return "", fmt.Errorf("a host is named by its name or number, not a %s", key.Type())
}

var containerMethods = map[string]builtinFunc{
	"run": runCommand, "sudo": runCommand, "cd": inContext, "env": inContext, "prefix": inContext,
	"filter": filterHosts, "by_role": byRole,
}

// Attr implements starlark.HasAttrs.
func (v *containerValue) Attr(name string) (starlark.Value, error) {
	if name == "roles" {
		return v.roles(), nil
	}
	return method(v, name, containerMethods)
}

// AttrNames implements starlark.HasAttrs.
func (*containerValue) AttrNames() []string {
	return append(methodNames(containerMethods), "roles")
}

func method(v starlark.Value, name string, methods map[string]builtinFunc) (starlark.Value, error) {
	if fn, ok := methods[name]; ok {
		return bound(v, name, fn), nil
	}
	if fn, ok := fileMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	return nil, nil
}

func methodNames(methods map[string]builtinFunc) []string {
	names := slices.Concat(slices.Collect(maps.Keys(methods)), slices.Collect(maps.Keys(fileMethods)))
	slices.Sort(names)
	return names
}

func (v *containerValue) roles() starlark.Value {
	names := map[string]bool{}
	for _, r := range v.g.Roles() {
		names[r.Name] = true
	}
	var list []starlark.Value
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, starlark.String(name))
	}
	return starlark.NewList(list)
}

// byRole is .by_role(): role → host names.
func byRole(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	roles := new(starlark.Dict)
	for _, r := range b.Receiver().(*containerValue).g.Roles() {
		var names []starlark.Value
		for _, h := range r.Hosts {
			names = append(names, starlark.String(h.Name()))
		}
		if err := roles.SetKey(starlark.String(r.Name), starlark.NewList(names)); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// filterHosts is .filter("web", "db"), or .filter(function of a host).
func filterHosts(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v := b.Receiver().(*containerValue)
	if len(kwargs) > 0 || len(args) == 0 {
		return nil, withHint(`such as .filter("web", "db"), or .filter(lambda host: ...)`, "filter: names of roles or a function are wanted")
	}
	if fn, ok := args[0].(starlark.Callable); ok && len(args) == 1 {
		return v.filterFunc(thread, fn)
	}
	var roles []string
	for _, arg := range args {
		name, ok := starlark.AsString(arg)
		if !ok {
			return nil, fmt.Errorf("filter: got %s, want the names of roles, or one function", arg.Type())
		}
		roles = append(roles, name)
	}
	return &containerValue{g: v.g.Filter(roles...)}, nil
}

func (v *containerValue) filterFunc(thread *starlark.Thread, fn starlark.Callable) (starlark.Value, error) {
	keep := map[string]bool{}
	for _, name := range v.g.Names() {
		h, ok := v.g.Handle(name)
		if !ok {
			continue
		}
		yes, err := starlark.Call(thread, fn, starlark.Tuple{&handleValue{h: h}}, nil)
		if err != nil {
			return nil, err
		}
		keep[name] = bool(yes.Truth())
	}
	return &containerValue{g: v.g.FilterFunc(func(h host.Host) bool { return keep[h.Name()] })}, nil
}

// handleValue is one host in a context.
type handleValue struct {
	inert
	h *host.Handle
}

func (v *handleValue) String() string        { return v.h.Host().Name() }
func (*handleValue) Type() string            { return "host" }
func (v *handleValue) Hash() (uint32, error) { return hashName(v.String()) }

// CompareSameType implements starlark.Comparable: hosts are equal by name,
// whatever their context.
func (v *handleValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "host", v.String(), y.String())
}

var handleMethods = map[string]builtinFunc{
	"run": runCommand, "sudo": runCommand, "cd": inContext, "env": inContext, "prefix": inContext,
}

// Attr implements starlark.HasAttrs.
func (v *handleValue) Attr(name string) (starlark.Value, error) {
	if fact := hostFact(v.h.Host(), name); fact != nil {
		return fact, nil
	}
	return method(v, name, handleMethods)
}

// AttrNames implements starlark.HasAttrs.
func (*handleValue) AttrNames() []string {
	return append(methodNames(handleMethods), "address", "labels", "name")
}

// inContext is .cd, .env and .prefix: the same hosts in another context.
func inContext(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	g := groupOf(b.Receiver())
	c, err := changed(g.Context(), b.Name(), args, kwargs)
	if err != nil {
		return nil, err
	}
	g = g.With(c)
	one, ok := b.Receiver().(*handleValue)
	if !ok {
		return &containerValue{g: g}, nil
	}
	h, ok := g.Handle(one.String())
	if !ok {
		return nil, errors.New("the host is gone") // a group keeps its hosts
	}
	return &handleValue{h: h}, nil
}

func groupOf(v starlark.Value) *host.Group {
	if one, ok := v.(*handleValue); ok {
		return one.h.Group()
	}
	return v.(*containerValue).g
}

func changed(c host.Context, name string, args starlark.Tuple, kwargs []starlark.Tuple) (host.Context, error) {
	switch name {
	case "cd":
		var dir string
		var expand bool
		err := arguments("cd", args, kwargs, "path", &dir, "expand?", &expand)
		return c.Cd(dir, expand), err
	case "prefix":
		var command string
		err := arguments("prefix", args, kwargs, "command", &command)
		return c.Prefix(command), err
	}
	var variable string
	var value starlark.Value
	escape := true
	if err := arguments("env", args, kwargs, "name", &variable, "value", &value, "escape?", &escape); err != nil {
		return c, err
	}
	if s, ok := value.(*secretValue); ok {
		return withSecret(c, variable, s, escape)
	}
	word, err := wordOf(value)
	if err != nil {
		return c, fmt.Errorf("env %s: %w", variable, err)
	}
	return c.Setenv(variable, word, escape)
}
