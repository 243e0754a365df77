package node

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// Query is an attribute that points at others: an expression that is evaluated
// when it is read, on the node where it stands. No command reaches a host
// meanwhile.
type Query struct {
	Text string // the expression, as it is told to people
	Pos  Position
	// Eval evaluates it at env. It tells trace of every part that it has
	// evaluated, with its value, in order, itself last; trace may be nil.
	// Eval is called from several goroutines at once.
	Eval func(ctx context.Context, env *Env, trace func(text string, value any)) (any, error)
}

// String is the expression.
func (q *Query) String() string { return q.Text }

// QueryStep is one part of a query that was evaluated.
type QueryStep struct {
	Text  string
	Value any
}

// QueryError says which part of a query failed.
type QueryError struct {
	Text string // the whole query
	Part string // the part that failed; the whole one may be its own part
	Err  error
}

func (e *QueryError) Error() string {
	if e.Part == e.Text {
		return fmt.Sprintf("query %s: %v", e.Text, e.Err)
	}
	return fmt.Sprintf("query %s: %s: %v", e.Text, e.Part, e.Err)
}

// Unwrap returns the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// TraceQuery evaluates the query of that name and gives its value and every
// part that was evaluated, in order. With an error come the steps before it. A
// name that is no query's gives a *NotFoundError; a query that fails an
// *ActionError with its name.
func (e *Env) TraceQuery(ctx context.Context, name string) (value any, steps []QueryStep, err error) {
	a, ok := e.node.attribute(name)
	if !ok || a.Query == nil {
		return nil, nil, &NotFoundError{Word: name, In: e.node.Path(), Suggestions: near(normal(name), e.node.queryNames())}
	}
	value, err = e.query(ctx, a, func(text string, v any) {
		steps = append(steps, QueryStep{text, v})
	})
	return value, steps, err
}

func (n *Node) queryNames() []string {
	var names []string
	for _, a := range n.Attributes(false) {
		if a.Query != nil {
			names = append(names, a.Name)
		}
	}
	return names
}

// query evaluates an attribute that is one.
func (e *Env) query(ctx context.Context, a Attribute, trace func(string, any)) (any, error) {
	return e.invoke(ctx, a.Name, 0, func(ctx context.Context, inner *Env) (any, error) {
		now := &evaluation{text: a.Query.Text, outer: evaluating(ctx)}
		defer now.over.Store(true)
		return a.Query.Eval(context.WithValue(ctx, evaluationKey{}, now), inner, trace)
	})
}

// evaluation is a query that is being evaluated. What it gave may live on, and
// its context with it: then it is over, and hosts may be reached.
type evaluation struct {
	text  string
	outer *evaluation
	over  atomic.Bool
}

type evaluationKey struct{}

// evaluating is the query that ctx is evaluated for; nil for none.
func evaluating(ctx context.Context) *evaluation {
	now, _ := ctx.Value(evaluationKey{}).(*evaluation)
	for now != nil && now.over.Load() {
		now = now.outer
	}
	return now
}

// errInQuery refuses a command while a query is evaluated; nil outside one.
func errInQuery(ctx context.Context) error {
	now := evaluating(ctx)
	if now == nil {
		return nil
	}
	return fmt.Errorf("a query reaches no host, and %s is being evaluated: the command is refused", now.text)
}

// Is says whether t is the type other, or was derived from it.
func (t *Type) Is(other *Type) bool {
	for ; t != nil; t = t.base {
		if t == other {
			return true
		}
	}
	return false
}

// AncestorNamed returns the nearest node above of that name; an error when
// there is none.
func (e *Env) AncestorNamed(name string) (*Env, error) {
	var names []string
	for up := e.Parent(); up != nil; up = up.Parent() {
		if up.node.Name() == normal(name) {
			return up, nil
		}
		names = append(names, up.node.Name())
	}
	text := fmt.Sprintf("%s has no parent called %s", dottedOrRoot(e.node.Path()), quoted(name))
	if hint := didYouMean(near(normal(name), slices.DeleteFunc(names, func(n string) bool { return n == "" }))); hint != "" {
		text += "; " + hint
	}
	return nil, fmt.Errorf("%s", text)
}

// AncestorOf returns the nearest node above whose type is t or derived from
// it; an error when there is none.
func (e *Env) AncestorOf(t *Type) (*Env, error) {
	for up := e.Parent(); up != nil; up = up.Parent() {
		if up.node.Type().Is(t) {
			return up, nil
		}
	}
	return nil, fmt.Errorf("%s has no parent of that type", dottedOrRoot(e.node.Path()))
}
