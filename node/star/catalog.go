package star

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// catalog is what stays of a load while its tree is in use. But for the names
// of secrets it is not changed after the load.
type catalog struct {
	sources   map[string][]string               // file → lines, for backtraces
	origins   map[any]starlark.Value            // *node.Action, *node.Property, *node.Query → what it was made of
	typeNames map[node.Position]string          // what types are called that were made there
	base      *catalog                          // of a type made in an action: what the tree left; else nil
	held      []starlark.Value                  // what such a type was given
	folder    string                            // the tree's, absolute
	secrets   func(name string) ([]byte, error) // nil: there are none
	named     *sync.Map                         // the names of the secrets that were made; grows while the tree is in use
}

// member turns a type's member back into what the tree gave.
func (c *catalog) member(m any) (starlark.Value, error) {
	for from := c; from != nil; from = from.base {
		if v, ok := from.origins[m]; ok {
			return v, nil
		}
	}
	if t, ok := m.(*node.Type); ok {
		return &typeValue{t: t, catalog: c}, nil
	}
	return fromGo(context.Background(), c, m)
}

// action makes an action of a function; origin is what the tree gave for it.
// What is wrong with the function is told where it stands.
func (c *catalog) action(l *loader, fn *starlark.Function, origin starlark.Value, options node.Action) (*node.Action, error) {
	if fn.NumParams() == 0 || positional(fn) == 0 && !fn.HasVarargs() {
		l.problem(fn.Position(), withHint("write (env) or (env, ...) behind its name", "the function %s is an action and has no first parameter env", fn.Name()))
		return nil, errReported
	}
	a := &options
	a.Doc, a.Params, a.Pos = cleanDoc(fn.Doc()), parameters(fn), position(fn.Position())
	a.Fn = func(ctx context.Context, env *node.Env, args node.Args) (any, error) {
		ctx = withAttempts(ctx)
		pos, named, err := callArguments(ctx, c, args)
		if err != nil {
			return nil, err
		}
		pos = append(starlark.Tuple{&envValue{ctx: ctx, e: env, catalog: c}}, pos...)
		return c.call(ctx, env, fn, pos, named)
	}
	c.origins[a] = origin
	return a, nil
}

// positional counts the parameters that can be given by place.
func positional(fn *starlark.Function) int {
	n := fn.NumParams() - fn.NumKwonlyParams()
	if fn.HasVarargs() {
		n--
	}
	if fn.HasKwargs() {
		n--
	}
	return n
}

// parameters lists a function's parameters but the env.
func parameters(fn *starlark.Function) []node.Param {
	places := positional(fn)
	named := places + fn.NumKwonlyParams()
	var params []node.Param
	for i := range fn.NumParams() {
		if i == 0 && places > 0 {
			continue
		}
		name, _ := fn.Param(i)
		p := node.Param{Name: name}
		switch {
		case i < places:
		case i < named:
			p.Kind = node.KeywordOnly
		case i == named && fn.HasVarargs():
			p.Kind = node.VarArgs
		default:
			p.Kind = node.KwArgs
		}
		if d := fn.ParamDefault(i); d != nil {
			p.HasDefault, p.Default = true, toGo(d)
		}
		params = append(params, p)
	}
	return params
}

// callArguments turns an action's arguments into Starlark's.
func callArguments(ctx context.Context, c *catalog, args node.Args) (starlark.Tuple, []starlark.Tuple, error) {
	pos := make(starlark.Tuple, len(args.Pos))
	for i, arg := range args.Pos {
		v, err := fromGo(ctx, c, arg)
		if err != nil {
			return nil, nil, err
		}
		pos[i] = v
	}
	named := make([]starlark.Tuple, len(args.Named))
	for i, kw := range args.Named {
		v, err := fromGo(ctx, c, kw.Value)
		if err != nil {
			return nil, nil, err
		}
		named[i] = starlark.Tuple{starlark.String(kw.Name), v}
	}
	return pos, named, nil
}

// propertyValue is what property(fn) gives.
type propertyValue struct {
	inert
	p *node.Property
}

func (propertyValue) String() string { return "property(...)" }
func (propertyValue) Type() string   { return "property" }

// makeProperty is property(fn).
func makeProperty(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var fn *starlark.Function
	if err := arguments("property", args, kwargs, "fn", &fn); err != nil {
		return nil, err
	}
	for _, p := range parameters(fn) {
		if !p.HasDefault && p.Kind < node.VarArgs {
			return nil, fmt.Errorf("property: the function %s is given env alone, and wants %s too", fn.Name(), p.Name)
		}
	}
	if positional(fn) == 0 {
		return nil, fmt.Errorf("property: the function %s has no parameter env", fn.Name())
	}
	l := defining(thread, nil)
	return l.made(l.catalog.property(l, fn))
}

func (c *catalog) property(l *loader, fn *starlark.Function) propertyValue {
	p := &node.Property{Doc: cleanDoc(fn.Doc()), Pos: position(fn.Position())}
	p.Fn = func(ctx context.Context, env *node.Env) (any, error) {
		ctx = withAttempts(ctx)
		return c.call(ctx, env, fn, starlark.Tuple{&envValue{ctx: ctx, e: env, catalog: c}}, nil)
	}
	v := propertyValue{p: p}
	c.origins[p] = v
	l.held = append(l.held, fn)
	return v
}

// cleanDoc takes the indentation of the source out of a docstring.
func cleanDoc(doc string) string {
	lines := strings.Split(strings.TrimSpace(doc), "\n")
	margin := -1
	for _, line := range lines[1:] {
		if text := strings.TrimLeft(line, " \t"); text != "" && (margin < 0 || len(line)-len(text) < margin) {
			margin = len(line) - len(text)
		}
	}
	for i, line := range lines[1:] {
		lines[i+1] = strings.TrimRight(line[min(len(line), max(0, margin)):], " \t\r")
	}
	lines[0] = strings.TrimRight(lines[0], " \t\r")
	return strings.Join(lines, "\n")
}
