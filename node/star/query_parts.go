package star

import (
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// queryPart is what a query is made of.
type queryPart interface {
	// write writes the part as it stands in the language.
	write(*queryText)
	// level is how tightly that text binds.
	level() int
	// parts are the queries and values it is made of.
	parts() []starlark.Value
	// eval evaluates it, its parts first.
	eval(*evaluator) (starlark.Value, error)
}

// How tightly the texts of parts bind.
const (
	levelOr = iota
	levelAnd
	levelSum
	levelProduct
	levelUnary
	levelPrimary
)

// binaryLevels are the operators between two values that a query has.
var binaryLevels = map[syntax.Token]int{
	syntax.PIPE: levelOr, syntax.AMP: levelAnd, syntax.PLUS: levelSum, syntax.MINUS: levelSum,
	syntax.STAR: levelProduct, syntax.SLASH: levelProduct, syntax.SLASHSLASH: levelProduct, syntax.PERCENT: levelProduct,
}

type (
	// rootPart is Q itself: the node on which the query stands.
	rootPart struct{}
	// heldPart is Q(value).
	heldPart struct{ value starlark.Value }
	// attrPart is of.name.
	attrPart struct {
		of   *queryValue
		name string
	}
	// indexPart is of[key].
	indexPart struct {
		of  *queryValue
		key starlark.Value
	}
	// callPart is of(args, named).
	callPart struct {
		of    *queryValue
		args  []starlark.Value
		named []namedPart
	}
	namedPart struct {
		name  starlark.String
		value starlark.Value
	}
	// unaryPart is -x, +x or ~x.
	unaryPart struct {
		op syntax.Token
		x  starlark.Value
	}
	// binaryPart is x op y, of which one at least is a query.
	binaryPart struct {
		op   syntax.Token
		x, y starlark.Value
	}
)

func (rootPart) level() int     { return levelPrimary }
func (heldPart) level() int     { return levelPrimary }
func (attrPart) level() int     { return levelPrimary }
func (indexPart) level() int    { return levelPrimary }
func (callPart) level() int     { return levelPrimary }
func (unaryPart) level() int    { return levelUnary }
func (p binaryPart) level() int { return binaryLevels[p.op] }

func (rootPart) parts() []starlark.Value     { return nil }
func (p heldPart) parts() []starlark.Value   { return []starlark.Value{p.value} }
func (p attrPart) parts() []starlark.Value   { return []starlark.Value{p.of} }
func (p indexPart) parts() []starlark.Value  { return []starlark.Value{p.of, p.key} }
func (p unaryPart) parts() []starlark.Value  { return []starlark.Value{p.x} }
func (p binaryPart) parts() []starlark.Value { return []starlark.Value{p.x, p.y} }
func (p callPart) parts() []starlark.Value {
	all := append([]starlark.Value{p.of}, p.args...)
	for _, n := range p.named {
		all = append(all, n.value)
	}
	return all
}

// queryText is the canonical text of a query: as few brackets as there can be,
// and texts in double quotes.
type queryText struct{ strings.Builder }

// value writes a query or another value, in brackets unless it binds at least
// as tightly as level.
func (t *queryText) value(v starlark.Value, level int) {
	switch v := v.(type) {
	case *queryValue:
		if v.part.level() < level {
			t.WriteByte('(')
			defer t.WriteByte(')')
		}
		v.part.write(t)
	case *queryList:
		v.write(t)
	case *typeValue:
		t.WriteString(v.catalog.typeName(v))
	case groupValue:
		t.WriteString(node.GroupText(v.g))
	default:
		t.WriteString(v.String())
	}
}

// list writes values with commas between them.
func (t *queryText) list(values []starlark.Value) {
	for i, v := range values {
		if i > 0 {
			t.WriteString(", ")
		}
		t.value(v, levelOr)
	}
}

func (rootPart) write(t *queryText) { t.WriteByte('Q') }

func (p heldPart) write(t *queryText) {
	t.WriteString("Q(")
	t.value(p.value, levelOr)
	t.WriteByte(')')
}

func (p attrPart) write(t *queryText) {
	t.value(p.of, levelPrimary)
	t.WriteString("." + p.name)
}

func (p indexPart) write(t *queryText) {
	t.value(p.of, levelPrimary)
	t.WriteByte('[')
	t.value(p.key, levelOr)
	t.WriteByte(']')
}

func (p callPart) write(t *queryText) {
	t.value(p.of, levelPrimary)
	t.WriteByte('(')
	t.list(p.args)
	for i, n := range p.named {
		if i > 0 || len(p.args) > 0 {
			t.WriteString(", ")
		}
		t.WriteString(string(n.name) + " = ")
		t.value(n.value, levelOr)
	}
	t.WriteByte(')')
}

func (p unaryPart) write(t *queryText) {
	t.WriteString(p.op.String())
	t.value(p.x, levelUnary)
}

func (p binaryPart) write(t *queryText) {
	t.value(p.x, p.level())
	t.WriteString(" " + p.op.String() + " ")
	t.value(p.y, p.level()+1)
}

func (v *queryList) write(t *queryText) {
	switch v.kind {
	case "tuple":
		t.WriteByte('(')
		t.list(v.items)
		if len(v.items) == 1 {
			t.WriteByte(',')
		}
		t.WriteByte(')')
	case "list":
		t.WriteByte('[')
		t.list(v.items)
		t.WriteByte(']')
	default:
		t.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				t.WriteString(", ")
			}
			t.value(key, levelOr)
			t.WriteString(": ")
			t.value(v.items[i], levelOr)
		}
		t.WriteByte('}')
	}
}
