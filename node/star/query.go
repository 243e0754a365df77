package star

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Bounds of one query: a loop can make any, and so can q + q, over and over.
const (
	maxQueryParts = 5000
	maxQueryDepth = 200
)

// queryValue is a query: an expression over the node where it will stand. What
// the tree does with it makes a larger one.
type queryValue struct {
	part  queryPart
	size  int // parts, those that are used twice counted twice
	depth int
	watch *queryWatch // nil: nobody looks
}

// newQuery makes a query of parts, that grows from one it was made of.
func newQuery(part queryPart) (*queryValue, error) {
	q := &queryValue{part: part, size: 1, depth: 1}
	for _, v := range part.parts() {
		q.include(v)
	}
	if q.size > maxQueryParts || q.depth > maxQueryDepth {
		return nil, withHint("write a function, and property(fn)", "a query of %d parts, %d deep, is too large: at most %d and %d", q.size, q.depth, maxQueryParts, maxQueryDepth)
	}
	return q, nil
}

func (q *queryValue) include(v starlark.Value) {
	switch v := v.(type) {
	case *queryValue:
		q.size += v.size
		q.depth = max(q.depth, v.depth+1)
		if q.watch == nil {
			q.watch = v.watch
		}
	case *queryList:
		for _, item := range v.items {
			q.include(item)
		}
	}
}

// String is the query as the language writes it.
func (q *queryValue) String() string {
	q.watch.see(q, asText)
	return q.text()
}

func (q *queryValue) text() string {
	var t queryText
	t.value(q, levelOr)
	return t.String()
}

// Type implements starlark.Value. The interpreter asks for it when it compares
// values of two kinds.
func (q *queryValue) Type() string {
	q.watch.see(q, asOperand)
	return "query"
}

// Freeze implements starlark.Value.
func (q *queryValue) Freeze() {
	for _, v := range q.part.parts() {
		v.Freeze()
	}
}

// Truth implements starlark.Value, which cannot fail.
func (q *queryValue) Truth() starlark.Bool {
	q.watch.see(q, asCondition)
	return true
}

// Hash implements starlark.Value.
func (q *queryValue) Hash() (uint32, error) {
	q.watch.see(q, asOperand)
	return 0, errors.New("a query cannot be a key of a dictionary")
}

// Attr implements starlark.HasAttrs: Q.a, with dots for getattr(Q, "a.b").
func (q *queryValue) Attr(name string) (starlark.Value, error) {
	last := q
	for piece := range strings.SplitSeq(name, ".") {
		if !isIdentifier(piece) {
			return nil, fmt.Errorf("%s: %q is no name of an attribute", q.text(), name)
		}
		next, err := newQuery(attrPart{of: last, name: piece})
		if err != nil {
			return nil, err
		}
		last = next
	}
	return last, nil
}

// AttrNames implements starlark.HasAttrs: any name will do.
func (*queryValue) AttrNames() []string { return nil }

// Get implements starlark.Mapping: Q.a[key].
func (q *queryValue) Get(key starlark.Value) (starlark.Value, bool, error) {
	held, err := hold(key)
	if err != nil {
		return nil, false, err
	}
	item, err := newQuery(indexPart{of: q, key: held})
	if err != nil {
		return nil, false, err
	}
	return item, true, nil
}

// Has implements starlark.Container: key in Q.a.
func (q *queryValue) Has(starlark.Value) (bool, error) { return false, refusedOperator("in") }

// CompareSameType implements starlark.Comparable.
func (q *queryValue) CompareSameType(op syntax.Token, _ starlark.Value, _ int) (bool, error) {
	return false, refusedOperator(op.String())
}

// formatted implements unformatted: "text" % Q.a.
func (q *queryValue) formatted() error { return refusedOperator(textFormat) }

// Name implements starlark.Callable.
func (q *queryValue) Name() string { return "query" }

// CallInternal is Q(value), and Q.a(...).
func (q *queryValue) CallInternal(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if _, ok := q.part.(rootPart); ok {
		var v starlark.Value
		if err := arguments("Q", args, kwargs, "value", &v); err != nil {
			return nil, err
		}
		return q.holding(v)
	}
	call := callPart{of: q}
	for _, arg := range args {
		held, err := hold(arg)
		if err != nil {
			return nil, err
		}
		call.args = append(call.args, held)
	}
	for _, kw := range kwargs {
		held, err := hold(kw[1])
		if err != nil {
			return nil, err
		}
		call.named = append(call.named, namedPart{kw[0].(starlark.String), held})
	}
	return made(newQuery(call))
}

// made is a query as a value; a nil one would be none.
func made(q *queryValue, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	return q, nil
}

// holding is Q(value).
func (q *queryValue) holding(v starlark.Value) (starlark.Value, error) {
	held, err := hold(v)
	if err != nil {
		return nil, err
	}
	holder, err := newQuery(heldPart{held})
	if err != nil {
		return nil, err
	}
	holder.watch = q.watch
	return holder, nil
}

// Binary implements starlark.HasBinary.
func (q *queryValue) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	if _, ok := binaryLevels[op]; !ok {
		return nil, refusedOperator(op.String())
	}
	held, err := hold(other)
	if err != nil {
		return nil, err
	}
	if side == starlark.Left {
		return made(newQuery(binaryPart{op: op, x: q, y: held}))
	}
	return made(newQuery(binaryPart{op: op, x: held, y: q}))
}

// Unary implements starlark.HasUnary.
func (q *queryValue) Unary(op syntax.Token) (starlark.Value, error) {
	return made(newQuery(unaryPart{op: op, x: q}))
}
