package star

import (
	"fmt"

	"go.starlark.net/starlark"
)

// queryList is a list, tuple or dictionary with queries in it. It stands only
// in queries.
type queryList struct {
	inert
	kind  string // "list", "tuple" or "dict"
	keys  []starlark.Value
	items []starlark.Value
}

func (v *queryList) String() string { return v.kind }
func (v *queryList) Type() string   { return v.kind }

// maxHeldDepth bounds how deep lists nest in a query, and ends those that hold
// themselves.
const maxHeldDepth = 50

// holding copies what queries are made of. It counts, because a few lists that
// hold each other several times are as large as any.
type holding struct{ seen int }

// hold makes a value a part of a query: lists, tuples and dictionaries with
// queries in them are copied, all others are frozen.
func hold(v starlark.Value) (starlark.Value, error) { return new(holding).value(v, 0) }

func (h *holding) value(v starlark.Value, depth int) (starlark.Value, error) {
	found, err := h.finds(v, depth)
	if err != nil {
		return nil, err
	}
	if _, ok := v.(*queryValue); ok || !found {
		return v, freeze(v)
	}
	list := &queryList{kind: v.Type()}
	if d, ok := v.(*starlark.Dict); ok {
		for _, key := range d.Keys() {
			if err := freeze(key); err != nil {
				return nil, err
			}
			list.keys = append(list.keys, key)
		}
	}
	for _, item := range inside(v) {
		held, err := h.value(item, depth+1)
		if err != nil {
			return nil, err
		}
		list.items = append(list.items, held)
	}
	return list, nil
}

// finds says whether a value is a query, or a list, tuple or dictionary with
// one in it.
func (h *holding) finds(v starlark.Value, depth int) (bool, error) {
	if h.seen++; depth > maxHeldDepth || h.seen > MaxElements {
		return false, fmt.Errorf("a list in a query is too large, or holds itself: at most %d elements, nested %d deep", MaxElements, maxHeldDepth)
	}
	if _, ok := v.(*queryValue); ok {
		return true, nil
	}
	for _, item := range inside(v) {
		if found, err := h.finds(item, depth+1); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// inside are the elements of a list or tuple, or the values of a dictionary.
func inside(v starlark.Value) []starlark.Value {
	var items []starlark.Value
	switch v := v.(type) {
	case *starlark.List:
		for i := range v.Len() {
			items = append(items, v.Index(i))
		}
	case starlark.Tuple:
		return v
	case *starlark.Dict:
		for _, item := range v.Items() {
			items = append(items, item[1])
		}
	}
	return items
}

// listOfQueries makes a member of a list, tuple or dictionary: with queries in
// it, one query of them all.
func (l *loader) listOfQueries(v starlark.Value) (any, error) {
	if found, err := new(holding).finds(v, 0); !found || err != nil {
		return toGo(v), nil // where too much is to be looked through, there is none
	}
	held, err := hold(v)
	if err != nil {
		return nil, err
	}
	return l.catalog.query(held), nil
}
