package star

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// walkValue is a list of nodes: inspect(env).walk(), and what is left of it.
type walkValue struct {
	inert
	env *envValue // where it began
	w   *node.Walk
}

func (v *walkValue) String() string {
	paths := make([]string, 0, v.Len())
	for _, e := range v.w.Envs() {
		paths = append(paths, e.Node().Path())
	}
	return "walk[" + strings.Join(paths, ", ") + "]"
}

func (*walkValue) Type() string           { return "walk" }
func (v *walkValue) Truth() starlark.Bool { return v.Len() > 0 }

// Len implements starlark.Sequence.
func (v *walkValue) Len() int { return v.w.Len() }

// Index implements starlark.Indexable.
func (v *walkValue) Index(i int) starlark.Value { return v.env.at(v.w.Envs()[i]) }

// Iterate implements starlark.Iterable.
func (v *walkValue) Iterate() starlark.Iterator {
	envs := make(starlark.Tuple, 0, v.Len())
	for _, e := range v.w.Envs() {
		envs = append(envs, v.env.at(e))
	}
	return envs.Iterate()
}

var walkMethods = map[string]builtinFunc{
	"filter": filterWalk, "prefer_isolation": preferIsolation, "call_action": callWalk,
}

// Attr implements starlark.HasAttrs.
func (v *walkValue) Attr(name string) (starlark.Value, error) {
	if fn, ok := walkMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (*walkValue) AttrNames() []string { return []string{"call_action", "filter", "prefer_isolation"} }

// makeWalk is inspect(env).walk(filter = None).
func makeWalk(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var filter starlark.Value
	if err := arguments(b.Name(), args, kwargs, "filter?", &filter); err != nil {
		return nil, err
	}
	env := inspected(b).env
	v := &walkValue{env: env, w: env.e.Walk()}
	if filter == nil {
		return v, nil
	}
	return v.filtered(thread, filter)
}

// filterWalk is .filter(f).
func filterWalk(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var filter starlark.Value
	if err := arguments(b.Name(), args, kwargs, "f", &filter); err != nil {
		return nil, err
	}
	return b.Receiver().(*walkValue).filtered(thread, filter)
}

// filtered asks the filter at once: what iterates later could not fail.
func (v *walkValue) filtered(thread *starlark.Thread, filter starlark.Value) (starlark.Value, error) {
	f, err := filterOf(filter)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	w, err := v.w.Filter(withThread(v.env.ctx, thread), f)
	if err != nil {
		return nil, err
	}
	return &walkValue{env: v.env, w: w}, nil
}

// preferIsolation is .prefer_isolation(host): the cell of that host where
// there are cells.
func preferIsolation(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var key starlark.Value
	if err := arguments(b.Name(), args, kwargs, "host", &key); err != nil {
		return nil, err
	}
	keys, err := cellKeys(key)
	if err != nil {
		return nil, fmt.Errorf("prefer_isolation: %w", err)
	}
	v := b.Receiver().(*walkValue)
	return &walkValue{env: v.env, w: v.w.PreferIsolation(keys...)}, nil
}

// callWalk is .call_action(name, ...).
func callWalk(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) == 0 {
		return nil, withHint(`such as .call_action("deploy", "v1")`, "call_action: the name of an action is missing")
	}
	name, ok := starlark.AsString(args[0])
	if !ok {
		return nil, fmt.Errorf("call_action: got %s, want the name of an action", args[0].Type())
	}
	if err := freezeAll(args, kwargs); err != nil {
		return nil, err
	}
	given := node.Args{}
	for _, arg := range args[1:] {
		given.Pos = append(given.Pos, arg)
	}
	for _, kw := range kwargs {
		given.Named = append(given.Named, node.Keyword{Name: string(kw[0].(starlark.String)), Value: kw[1]})
	}
	k := callOf(thread)
	results, err := b.Receiver().(*walkValue).w.CallAction(k.ctx, name, given)
	if err != nil {
		return nil, err
	}
	list := make([]starlark.Value, len(results))
	for i, result := range results {
		if list[i], err = fromGo(k.ctx, k.catalog, result); err != nil {
			return nil, err
		}
	}
	return starlark.NewList(list), nil
}
