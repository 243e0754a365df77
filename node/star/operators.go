package star

import (
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Bounds of what one operator builds: it is one step, which no cancel ends.
const (
	maxText     = 64 << 20 // bytes
	maxIntegers = 1 << 20  // bits
)

// operators are the builtins that stand for the operators of a file: its % and
// * become calls of them, so that what they are given can be refused. No file
// can have their names.
var operators = map[syntax.Token]builtinFunc{
	syntax.PERCENT: percent,
	syntax.STAR:    times,
}

// loopRange is the builtin that stands for range where a loop goes over it: the
// loop takes a step for each element, so that a range there may be of any
// length. No file can have its name.
const loopRange = "for range"

// rangeOfLoop is range(...) behind for. Its first argument is what range is in
// the file.
func rangeOfLoop(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if b, ok := args[0].(*starlark.Builtin); ok && b.Name() == "range" {
		return starlark.Universe["range"].(*starlark.Builtin).CallInternal(thread, args[1:], kwargs)
	}
	return starlark.Call(thread, args[0], args[1:], kwargs)
}

// unformatted is a value that % does not put into a text.
type unformatted interface {
	// formatted says why.
	formatted() error
}

// percent is x % y.
func percent(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if _, ok := args[0].(starlark.String); ok {
		if err := formattable(args[1]); err != nil {
			return nil, err
		}
		if err := hasText(args[1]); err != nil {
			return nil, err
		}
	}
	return starlark.Binary(syntax.PERCENT, args[0], args[1])
}

// formattable refuses what % would put into a text, itself or in a tuple, list
// or dictionary.
func formattable(v starlark.Value) error {
	if u, ok := v.(unformatted); ok {
		return u.formatted()
	}
	switch v := v.(type) {
	case starlark.Tuple, *starlark.List:
		for item := range starlark.Elements(v.(starlark.Iterable)) {
			if u, ok := item.(unformatted); ok {
				return u.formatted()
			}
		}
	case *starlark.Dict:
		for _, item := range v.Items() {
			if u, ok := item[1].(unformatted); ok {
				return u.formatted()
			}
		}
	}
	return nil
}

// times is x * y.
func times(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	x, y := args[0], args[1]
	n, number := y.(starlark.Int)
	if other, ok := x.(starlark.Int); ok {
		if number && other.BigInt().BitLen()+n.BigInt().BitLen() > maxIntegers {
			return nil, fmt.Errorf("the product has more than %d bits", maxIntegers)
		}
		x, y, n, number = y, x, other, !number
	}
	if size := starlark.Len(x); number && size > 0 {
		most := MaxElements
		switch x.(type) {
		case starlark.String, starlark.Bytes:
			most = maxText
		}
		if count, ok := n.Int64(); ok && count > int64(most/size) || !ok && n.Sign() > 0 {
			return nil, fmt.Errorf("a %s of %d, repeated %v times, is too large: at most %d", x.Type(), size, n, most)
		}
	}
	return starlark.Binary(syntax.STAR, args[0], args[1])
}

// rewriteOperators makes the operators of a file calls of the builtins that
// stand for them. An x %= y stays as it is unless x is a name.
func rewriteOperators(stmts []syntax.Stmt) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *syntax.AssignStmt:
			rewrite(&s.LHS, &s.RHS)
			augmented(s)
		case *syntax.DefStmt:
			rewriteAll(s.Params)
			rewriteOperators(s.Body)
		case *syntax.ExprStmt:
			rewrite(&s.X)
		case *syntax.ForStmt:
			rewriteLoop(&s.X)
			rewriteOperators(s.Body)
		case *syntax.WhileStmt:
			rewrite(&s.Cond)
			rewriteOperators(s.Body)
		case *syntax.IfStmt:
			rewrite(&s.Cond)
			rewriteOperators(s.True)
			rewriteOperators(s.False)
		case *syntax.ReturnStmt:
			rewrite(&s.Result)
		}
	}
}

// rewriteLoop rewrites what a loop goes over.
func rewriteLoop(e *syntax.Expr) {
	rewrite(e)
	call, ok := (*e).(*syntax.CallExpr)
	if !ok {
		return
	}
	if id, ok := call.Fn.(*syntax.Ident); ok && id.Name == "range" {
		call.Args = append([]syntax.Expr{id}, call.Args...)
		call.Fn = &syntax.Ident{NamePos: id.NamePos, Name: loopRange}
	}
}

func augmented(s *syntax.AssignStmt) {
	name, ok := s.LHS.(*syntax.Ident)
	op := map[syntax.Token]syntax.Token{syntax.PERCENT_EQ: syntax.PERCENT, syntax.STAR_EQ: syntax.STAR}[s.Op]
	if !ok || op == 0 {
		return
	}
	read := &syntax.Ident{NamePos: name.NamePos, Name: name.Name}
	s.Op, s.RHS = syntax.EQ, operation(op, s.OpPos, read, s.RHS)
}

func operation(op syntax.Token, pos syntax.Position, x, y syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{
		Fn: &syntax.Ident{NamePos: pos, Name: op.String()}, Lparen: pos, Args: []syntax.Expr{x, y}, Rparen: pos,
	}
}

func rewriteAll(list []syntax.Expr) {
	for i := range list {
		rewrite(&list[i])
	}
}

func rewrite(all ...*syntax.Expr) {
	for _, e := range all {
		rewriteParts(*e)
		if b, ok := (*e).(*syntax.BinaryExpr); ok && operators[b.Op] != nil {
			*e = operation(b.Op, b.OpPos, b.X, b.Y)
		}
	}
}

// rewriteParts rewrites what an expression is made of.
func rewriteParts(e syntax.Expr) {
	switch e := e.(type) {
	case *syntax.BinaryExpr:
		rewrite(&e.X, &e.Y)
	case *syntax.CallExpr:
		rewrite(&e.Fn)
		rewriteAll(e.Args)
	case *syntax.Comprehension:
		rewrite(&e.Body)
		rewriteClauses(e.Clauses)
	case *syntax.CondExpr:
		rewrite(&e.Cond, &e.True, &e.False)
	case *syntax.DictEntry:
		rewrite(&e.Key, &e.Value)
	case *syntax.DictExpr:
		rewriteAll(e.List)
	case *syntax.DotExpr:
		rewrite(&e.X)
	case *syntax.IndexExpr:
		rewrite(&e.X, &e.Y)
	case *syntax.LambdaExpr:
		rewriteAll(e.Params)
		rewrite(&e.Body)
	case *syntax.ListExpr:
		rewriteAll(e.List)
	case *syntax.ParenExpr:
		rewrite(&e.X)
	case *syntax.SliceExpr:
		rewrite(&e.X, &e.Lo, &e.Hi, &e.Step)
	case *syntax.TupleExpr:
		rewriteAll(e.List)
	case *syntax.UnaryExpr:
		rewrite(&e.X)
	}
}

func rewriteClauses(clauses []syntax.Node) {
	for _, c := range clauses {
		switch c := c.(type) {
		case *syntax.ForClause:
			rewriteLoop(&c.X)
		case *syntax.IfClause:
			rewrite(&c.Cond)
		}
	}
}
