package star

import (
	"context"
	"errors"
	"fmt"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// query makes a member of a query, or of a list, tuple or dictionary with
// queries in it.
func (c *catalog) query(v starlark.Value) *node.Query {
	var text queryText
	text.value(v, levelOr)
	q := &node.Query{Text: text.String()}
	q.Eval = func(ctx context.Context, env *node.Env, trace func(string, any)) (any, error) {
		ctx = withAttempts(ctx)
		run := &queryRun{q: q, value: v, env: &envValue{ctx: ctx, e: env, catalog: c}, trace: trace}
		return c.call(ctx, env, run, nil, nil)
	}
	c.origins[q] = v
	return q
}

// queryRun is one evaluation of a query, as the interpreter calls it. With its
// position it stands in backtraces.
type queryRun struct {
	inert
	q     *node.Query
	value starlark.Value
	env   *envValue
	trace func(string, any)
}

func (r *queryRun) String() string { return r.q.Text }
func (*queryRun) Type() string     { return "query" }
func (r *queryRun) Name() string   { return r.q.Text }

// Position is where the query was written.
func (r *queryRun) Position() syntax.Position {
	return syntax.MakePosition(&r.q.Pos.File, int32(r.q.Pos.Line), int32(r.q.Pos.Col))
}

// CallInternal evaluates the query.
func (r *queryRun) CallInternal(thread *starlark.Thread, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	e := &evaluator{thread: thread, run: r}
	return e.value(r.value)
}

// evaluator is a query while it is evaluated.
type evaluator struct {
	thread *starlark.Thread
	run    *queryRun
	failed error // of the part that failed
}

// value evaluates what a query is made of.
func (e *evaluator) value(v starlark.Value) (starlark.Value, error) {
	switch v := v.(type) {
	case *queryValue:
		return e.query(v)
	case *queryList:
		return e.list(v)
	}
	return v, nil
}

func (e *evaluator) query(q *queryValue) (starlark.Value, error) {
	ctx := e.run.env.ctx
	e.thread.Steps++
	var v starlark.Value
	err := context.Cause(ctx)
	if err == nil {
		v, err = q.part.eval(e)
	}
	if err != nil {
		return nil, e.fail(q, err)
	}
	if e.run.trace != nil {
		e.run.trace(q.text(), toGo(v))
	}
	return v, nil
}

// fail keeps the error of the part that failed first: the innermost one.
func (e *evaluator) fail(q *queryValue, err error) error {
	if e.failed == nil {
		var eval *starlark.EvalError
		if errors.As(err, &eval) {
			err = failed(eval)
		}
		e.failed = &node.QueryError{Text: e.run.q.Text, Part: q.text(), Err: err}
	}
	return e.failed
}

func (e *evaluator) list(l *queryList) (starlark.Value, error) {
	items, err := e.values(l.items)
	if err != nil {
		return nil, err
	}
	switch l.kind {
	case "tuple":
		return starlark.Tuple(items), nil
	case "list":
		return starlark.NewList(items), nil
	}
	d := starlark.NewDict(len(items))
	for i, key := range l.keys {
		if err := d.SetKey(key, items[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (e *evaluator) values(list []starlark.Value) ([]starlark.Value, error) {
	values := make([]starlark.Value, len(list))
	for i, item := range list {
		v, err := e.value(item)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (rootPart) eval(e *evaluator) (starlark.Value, error)   { return e.run.env, nil }
func (p heldPart) eval(e *evaluator) (starlark.Value, error) { return e.value(p.value) }

func (p attrPart) eval(e *evaluator) (starlark.Value, error) {
	of, err := e.value(p.of)
	if err != nil {
		return nil, err
	}
	return attributeOf(of, p.name)
}

// attributeOf is of.name.
func attributeOf(of starlark.Value, name string) (starlark.Value, error) {
	has, ok := of.(starlark.HasAttrs)
	if of == starlark.None {
		return nil, fmt.Errorf("there is no %s in None, which is the root's parent, or a value that nobody gave", name)
	}
	if !ok {
		return nil, fmt.Errorf("a %s has no %s", of.Type(), name)
	}
	v, err := has.Attr(name)
	if v == nil && err == nil {
		return nil, withHint(didYouMean(name, has.AttrNames()), "a %s has no %s", of.Type(), name)
	}
	return v, err
}

func (p indexPart) eval(e *evaluator) (starlark.Value, error) {
	of, err := e.value(p.of)
	if err != nil {
		return nil, err
	}
	key, err := e.value(p.key)
	if err != nil {
		return nil, err
	}
	return itemOf(of, key)
}

// itemOf is of[key].
func itemOf(of, key starlark.Value) (starlark.Value, error) {
	switch of := of.(type) {
	case starlark.Mapping:
		v, found, err := of.Get(key)
		if !found && err == nil {
			err = fmt.Errorf("there is no key %v in the %s", key, of.Type())
		}
		return v, err
	case starlark.Indexable:
		i, err := starlark.AsInt32(key)
		if err != nil {
			return nil, fmt.Errorf("a %s is indexed by a number, not %v", of.Type(), key)
		}
		n := of.Len()
		at := i
		if at < 0 {
			at += n
		}
		if at < 0 || at >= n {
			return nil, fmt.Errorf("there is no item %d in a %s of %d", i, of.Type(), n)
		}
		return of.Index(at), nil
	}
	return nil, fmt.Errorf("a %s has no items", of.Type())
}

func (p callPart) eval(e *evaluator) (starlark.Value, error) {
	fn, above, err := p.function(e)
	if err != nil {
		return nil, err
	}
	args, err := e.values(p.args)
	if err != nil {
		return nil, err
	}
	var kwargs []starlark.Tuple
	for _, n := range p.named {
		v, err := e.value(n.value)
		if err != nil {
			return nil, err
		}
		kwargs = append(kwargs, starlark.Tuple{n.name, v})
	}
	if above != nil {
		return ancestor(above, args, kwargs)
	}
	return starlark.Call(e.thread, fn, args, kwargs)
}

// function evaluates what is called. Of x.parent(...), where x is a node, it
// gives x: there is nothing called parent to evaluate.
func (p callPart) function(e *evaluator) (fn starlark.Value, above *envValue, err error) {
	attr, ok := p.of.part.(attrPart)
	if !ok || attr.name != "parent" {
		fn, err = e.value(p.of)
		return fn, nil, err
	}
	of, err := e.value(attr.of)
	if err != nil {
		return nil, nil, err
	}
	if env, ok := of.(*envValue); ok {
		return nil, env, nil
	}
	fn, err = attributeOf(of, attr.name)
	return fn, nil, err
}

// ancestor is env.parent("name") or env.parent(Type) in a query: the nearest
// node above of that name or type.
func ancestor(env *envValue, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var wanted starlark.Value
	if err := arguments("parent", args, kwargs, "name", &wanted); err != nil {
		return nil, err
	}
	var found *node.Env
	var err error
	switch w := wanted.(type) {
	case starlark.String:
		found, err = env.e.AncestorNamed(string(w))
	case *typeValue:
		if found, err = env.e.AncestorOf(w.t); err != nil {
			err = fmt.Errorf("%s has no parent of the type %s", env, w.catalog.typeName(w))
		}
	default:
		err = fmt.Errorf("parent: got %s, want the name of a node or a node type", wanted.Type())
	}
	if err != nil {
		return nil, err
	}
	return env.at(found), nil
}

func (p unaryPart) eval(e *evaluator) (starlark.Value, error) {
	x, err := e.value(p.x)
	if err != nil {
		return nil, err
	}
	if p.op == syntax.TILDE {
		return !x.Truth(), nil
	}
	return starlark.Unary(p.op, x)
}

func (p binaryPart) eval(e *evaluator) (starlark.Value, error) {
	x, err := e.value(p.x)
	if err != nil {
		return nil, err
	}
	y, err := e.value(p.y)
	if err != nil {
		return nil, err
	}
	switch p.op {
	case syntax.AMP:
		return x.Truth() && y.Truth(), nil
	case syntax.PIPE:
		return x.Truth() || y.Truth(), nil
	}
	if fn, ok := operators[p.op]; ok { // it bounds what it makes
		return fn(e.thread, nil, starlark.Tuple{x, y}, nil)
	}
	return starlark.Binary(p.op, x, y)
}
