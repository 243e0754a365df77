package star

import (
	"context"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// resultsValue are the results of several hosts, or of several cells, in their
// order. It prints as a line for each, marked with its name; the results of
// one host alone print unmarked.
type resultsValue struct {
	keys   starlark.Tuple // a string, or a tuple of one string per dimension
	values starlark.Tuple
	names  []string // the keys as text
	index  map[string]int
}

func newResults(n int) *resultsValue {
	return &resultsValue{index: make(map[string]int, n)}
}

func (v *resultsValue) add(key, value starlark.Value) {
	name := keyName(key)
	v.index[name] = len(v.keys)
	v.keys, v.values, v.names = append(v.keys, key), append(v.values, value), append(v.names, name)
}

// keyName is a cell's name: its hosts joined with colons.
func keyName(key starlark.Value) string {
	t, ok := key.(starlark.Tuple)
	if !ok {
		return shown(key)
	}
	parts := make([]string, len(t))
	for i, part := range t {
		parts[i] = shown(part)
	}
	return strings.Join(parts, ":")
}

// cellName is a cell's key: a host's name, a tuple with several dimensions.
func cellName(keys []string) starlark.Value {
	if len(keys) == 1 {
		return starlark.String(keys[0])
	}
	t := make(starlark.Tuple, len(keys))
	for i, k := range keys {
		t[i] = starlark.String(k)
	}
	return t
}

func hostResults(results []host.Result, quiet bool) *resultsValue {
	v := newResults(len(results))
	for _, r := range results {
		v.add(starlark.String(r.Host), &resultValue{r: r, quiet: quiet})
	}
	return v
}

// cellResults are the results of a split call, frozen: each was made by a
// thread of its own.
func cellResults(ctx context.Context, c *catalog, all *node.CellResults) (starlark.Value, error) {
	v := newResults(len(all.Cells))
	for _, cell := range all.Cells {
		value, err := fromGo(ctx, c, cell.Value)
		if err != nil {
			return nil, err
		}
		if err := freeze(value); err != nil {
			return nil, err
		}
		v.add(cellName(cell.Keys), value)
	}
	return v, nil
}

func (v *resultsValue) String() string {
	if len(v.values) == 1 {
		return shown(v.values[0])
	}
	lines := make([]string, len(v.values))
	for i, value := range v.values {
		lines[i] = prefixed(v.names[i], shown(value))
	}
	return strings.Join(lines, "\n")
}

func (*resultsValue) Type() string           { return "results" }
func (v *resultsValue) Freeze()              { v.values.Freeze() }
func (v *resultsValue) Truth() starlark.Bool { return len(v.values) > 0 }
func (*resultsValue) Hash() (uint32, error)  { return inert{}.Hash() }

// Len implements starlark.Sequence.
func (v *resultsValue) Len() int { return len(v.values) }

// Iterate implements starlark.Iterable, over the values.
func (v *resultsValue) Iterate() starlark.Iterator { return v.values.Iterate() }

// Get implements starlark.Mapping: by name, by number, or by a tuple of names.
func (v *resultsValue) Get(key starlark.Value) (starlark.Value, bool, error) {
	name := ""
	if t, ok := key.(starlark.Tuple); ok {
		name = keyName(t)
	} else {
		n, err := elementName(key, v.names)
		if err != nil {
			return nil, false, fmt.Errorf("results: %w", err)
		}
		name = n
	}
	i, ok := v.index[name]
	if !ok {
		return nil, false, withHint(didYouMean(name, v.names), "results: there is none of %s", name)
	}
	return v.values[i], true, nil
}

// AttrNames implements starlark.HasAttrs.
func (*resultsValue) AttrNames() []string { return []string{"items", "keys", "values"} }

// Attr implements starlark.HasAttrs.
func (v *resultsValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "items", "keys", "values":
		return bound(v, name, listResults), nil
	}
	return nil, nil
}

// listResults is .items(), .keys() and .values().
func listResults(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	v := b.Receiver().(*resultsValue)
	list := make([]starlark.Value, len(v.keys))
	for i, key := range v.keys {
		switch b.Name() {
		case "keys":
			list[i] = key
		case "values":
			list[i] = v.values[i]
		default:
			list[i] = starlark.Tuple{key, v.values[i]}
		}
	}
	return starlark.NewList(list), nil
}

// named are the results by their names as text.
func (v *resultsValue) named() []starlark.Tuple {
	items := make([]starlark.Tuple, len(v.values))
	for i, value := range v.values {
		items[i] = starlark.Tuple{starlark.String(v.names[i]), value}
	}
	return items
}
