package star

import (
	"maps"
	"unicode"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// What refused operators are told as, besides their own signs.
const (
	textFormat = "%"
	condition  = "if"
	slice      = "[:]"
)

const (
	compareHint = `compare what it gives: property(lambda env: env.parent.x == 1)`
	truthHint   = "write & for and, | for or, ~ for not; or property(lambda env: ...)"
	formatHint  = `begin with Q: Q("text %s") % Q.a`
	loopHint    = "property(lambda env: [... for x in env.a]) has the value"
)

var refusals = map[string]struct{ text, hint string }{
	"==": {"== cannot compare a query, which has no value yet", compareHint},
	"!=": {"!= cannot compare a query, which has no value yet", compareHint},
	"<":  {"< cannot compare a query, which has no value yet", compareHint},
	"<=": {"<= cannot compare a query, which has no value yet", compareHint},
	">":  {"> cannot compare a query, which has no value yet", compareHint},
	">=": {">= cannot compare a query, which has no value yet", compareHint},
	"in": {"in cannot look into or for a query, which has no value yet", compareHint},

	"not in": {"not in cannot look into or for a query, which has no value yet", compareHint},

	"and":      {"and does not work on a query, which has no value yet", truthHint},
	"or":       {"or does not work on a query, which has no value yet", truthHint},
	"not":      {"not does not work on a query, which has no value yet", truthHint},
	condition:  {"if cannot decide by a query, which has no value yet", truthHint},
	textFormat: {"a query cannot be put into a text, it has no value yet", formatHint},
	slice:      {"a query cannot be sliced, it has no value yet", "property(lambda env: env.names[1:]) has the value"},
	"for":      {"for cannot go over a query, which has no value yet", loopHint},
}

// refusedOperator is the error of an operator that queries do not have.
func refusedOperator(op string) error {
	if r, ok := refusals[op]; ok {
		return withHint(r.hint, "%s", r.text)
	}
	return withHint("queries have + - * / // % and & | ~", "%s does not work on a query", op)
}

// queryUse is what the interpreter wants of a query.
type queryUse int

const (
	asText queryUse = iota
	asOperand
	asCondition
)

// queryWatch sees what the language's operators do with the queries of one
// load, where Starlark lets no value object: == of two kinds is false, and
// everything is true or not. It looks where the thread stands.
type queryWatch struct {
	loader *loader // nil when the tree is loaded
	thread *starlark.Thread
}

// see refuses a use of a query.
func (w *queryWatch) see(q *queryValue, use queryUse) {
	if w == nil || w.loader == nil || w.thread == nil || w.thread.CallStackDepth() == 0 {
		return
	}
	frame := w.thread.CallFrame(0)
	op := ""
	switch use {
	case asCondition:
		op = condition
	case asOperand:
		op = w.loader.comparisons[placeOf(frame.Pos)]
	case asText:
		if frame.Name == "format" && frame.Pos.Line == 0 {
			op = textFormat
		}
	}
	if op != "" {
		w.loader.problem(innermost(w.thread.CallStack()), refusedOperator(op))
	}
}

// predeclared are the names that every file of one load sees: its Q is
// watched.
func (l *loader) predeclared() starlark.StringDict {
	names := maps.Clone(predeclared())
	names["Q"] = &queryValue{part: rootPart{}, size: 1, depth: 1, watch: l.watch}
	return names
}

// indexQueries remembers where a file compares, and what its types are called.
func (l *loader) indexQueries(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		if b, ok := n.(*syntax.BinaryExpr); ok && isComparison(b.Op) {
			l.comparisons[placeOf(b.OpPos)] = b.Op.String()
		}
		return true
	})
	for _, s := range file.Stmts {
		a, ok := s.(*syntax.AssignStmt)
		if !ok {
			continue
		}
		name, named := a.LHS.(*syntax.Ident)
		call, called := a.RHS.(*syntax.CallExpr)
		if named && called {
			l.catalog.typeNames[position(syntax.Start(call))] = name.Name
			l.catalog.typeNames[position(call.Lparen)] = name.Name
		}
	}
}

// typeName is what the tree calls a type: the name that it was given where it
// was made, if any.
func (c *catalog) typeName(v *typeValue) string {
	if v.t != nil {
		if name, ok := c.typeNames[v.t.Pos()]; ok {
			return name
		}
	}
	return v.String()
}

func isComparison(op syntax.Token) bool {
	switch op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.LE, syntax.GT, syntax.GE, syntax.IN, syntax.NOT_IN:
		return true
	}
	return false
}

func isIdentifier(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}
