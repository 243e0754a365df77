package star

import (
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// queryCheck finds what a file does with queries that they do not have, also
// in functions that are not called while it is read.
type queryCheck struct {
	globals map[*syntax.Ident]bool // names of the module that are queries
	found   []finding
}

// misusedQueries looks at a file whose names are resolved.
func misusedQueries(file *syntax.File) []finding {
	c := &queryCheck{globals: map[*syntax.Ident]bool{}}
	for _, s := range file.Stmts {
		a, ok := s.(*syntax.AssignStmt)
		if !ok || a.Op != syntax.EQ || !c.isQuery(a.RHS) {
			continue
		}
		if name, ok := a.LHS.(*syntax.Ident); ok {
			c.globals[name] = true // globals are bound once
		}
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if n != nil {
			c.node(n)
		}
		return true
	})
	return c.found
}

// isQuery says whether an expression can be seen to be a query.
func (c *queryCheck) isQuery(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.Ident:
		b, ok := e.Binding.(*resolve.Binding)
		return ok && (b.Scope == resolve.Predeclared && e.Name == "Q" || b.Scope == resolve.Global && c.globals[b.First])
	case *syntax.ParenExpr:
		return c.isQuery(e.X)
	case *syntax.DotExpr:
		return c.isQuery(e.X)
	case *syntax.IndexExpr:
		return c.isQuery(e.X)
	case *syntax.CallExpr:
		if x, y, op := operands(e); op != 0 {
			return c.isQuery(x) || !isText(x) && c.isQuery(y)
		}
		return c.isQuery(e.Fn)
	case *syntax.UnaryExpr:
		return e.Op != syntax.NOT && e.X != nil && c.isQuery(e.X)
	case *syntax.BinaryExpr:
		_, ours := binaryLevels[e.Op]
		return ours && (c.isQuery(e.X) || c.isQuery(e.Y))
	}
	return false
}

// operands takes apart the call that stands for x % y or x * y.
func operands(call *syntax.CallExpr) (x, y syntax.Expr, op syntax.Token) {
	id, ok := call.Fn.(*syntax.Ident)
	if !ok || len(call.Args) != 2 {
		return nil, nil, 0
	}
	for op := range operators {
		if id.Name == op.String() {
			return call.Args[0], call.Args[1], op
		}
	}
	return nil, nil, 0
}

// isText says whether an expression is a text that is written out.
func isText(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.Literal:
		return e.Token == syntax.STRING
	case *syntax.ParenExpr:
		return isText(e.X)
	case *syntax.BinaryExpr:
		return e.Op == syntax.PLUS && isText(e.X) && isText(e.Y)
	}
	return false
}

// holdsQuery says whether an expression is a query or a tuple, list or
// dictionary with one in it.
func (c *queryCheck) holdsQuery(e syntax.Expr) bool {
	any := func(list []syntax.Expr) bool {
		for _, x := range list {
			if c.holdsQuery(x) {
				return true
			}
		}
		return false
	}
	switch e := e.(type) {
	case *syntax.ParenExpr:
		return c.holdsQuery(e.X)
	case *syntax.TupleExpr:
		return any(e.List)
	case *syntax.ListExpr:
		return any(e.List)
	case *syntax.DictExpr:
		return any(e.List)
	case *syntax.DictEntry:
		return c.holdsQuery(e.Value)
	}
	return c.isQuery(e)
}

func (c *queryCheck) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.BinaryExpr:
		if (isComparison(n.Op) || n.Op == syntax.AND || n.Op == syntax.OR) && (c.isQuery(n.X) || c.isQuery(n.Y)) {
			c.refuse(n.OpPos, n.Op.String())
		}
	case *syntax.UnaryExpr:
		if n.Op == syntax.NOT && c.isQuery(n.X) {
			c.refuse(n.OpPos, "not")
		}
	case *syntax.CallExpr:
		c.call(n)
	case *syntax.SliceExpr:
		if c.isQuery(n.X) {
			c.refuse(n.Lbrack, slice)
		}
	case *syntax.CondExpr:
		c.decides(n.Cond)
	case *syntax.IfStmt:
		c.decides(n.Cond)
	case *syntax.WhileStmt:
		c.decides(n.Cond)
	case *syntax.IfClause:
		c.decides(n.Cond)
	case *syntax.ForStmt:
		c.loops(n.X)
	case *syntax.ForClause:
		c.loops(n.X)
	}
}

// call looks at "text" % Q.a and "text".format(Q.a).
func (c *queryCheck) call(n *syntax.CallExpr) {
	if x, y, op := operands(n); op != 0 {
		if op == syntax.PERCENT && isText(x) && c.holdsQuery(y) {
			c.refuse(n.Lparen, textFormat)
		}
		return
	}
	dot, ok := n.Fn.(*syntax.DotExpr)
	if !ok || dot.Name.Name != "format" || !isText(dot.X) {
		return
	}
	for _, arg := range n.Args {
		if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			arg = b.Y
		}
		if c.isQuery(arg) {
			c.refuse(syntax.Start(arg), textFormat)
		}
	}
}

func (c *queryCheck) decides(e syntax.Expr) {
	if c.isQuery(e) {
		c.refuse(syntax.Start(e), condition)
	}
}

func (c *queryCheck) loops(e syntax.Expr) {
	if c.isQuery(e) {
		c.refuse(syntax.Start(e), "for")
	}
}

func (c *queryCheck) refuse(pos syntax.Position, op string) {
	text, hint := textAndHint(refusedOperator(op))
	c.found = append(c.found, finding{at: place{int(pos.Line), int(pos.Col)}, text: text, hint: hint})
}
