package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	gotemplate "text/template"
	syntaxtree "text/template/parse"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Bounds of template(): it is one step, which no cancel ends.
const (
	maxFilled  = 16 << 20 // bytes of the result, and of what a function in it gives
	maxFilling = 50_000   // passes through loops and inner templates
)

// fillTemplate is template(text, **values).
func fillTemplate(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) != 1 {
		return nil, withHint("such as template(file(\"nginx.conf.tmpl\"), port = 80)", "template: got %d texts, want one; values are given by name", len(args))
	}
	source, ok := starlark.AsString(args[0])
	if !ok {
		return nil, fmt.Errorf("template: got %s, want a text", args[0].Type())
	}
	f := &filling{values: map[string]any{}}
	for _, kw := range kwargs {
		v, err := f.take(kw[1], 0)
		if err != nil {
			return nil, fmt.Errorf("template: %s: %w", string(kw[0].(starlark.String)), err)
		}
		f.values[string(kw[0].(starlark.String))] = v
	}
	var err error
	if f.parsed, err = f.parse(source); err != nil {
		return nil, fmt.Errorf("template: %w", templateError(err))
	}
	filled, passes, err := f.fill(func(s *secretValue) (string, error) { return s.String(), nil })
	if err != nil {
		return nil, fmt.Errorf("template: %w", f.unknown(err))
	}
	thread.Steps += uint64(len(filled)/10 + f.taken + passes)
	if len(f.secrets) == 0 {
		return starlark.String(filled), nil
	}
	return &secretValue{name: strings.Join(f.secrets, ", "), read: func() (string, error) {
		filled, _, err := f.fill((*secretValue).reveal)
		if err != nil {
			return "", fmt.Errorf("template: %w", err)
		}
		return filled, nil
	}}, nil
}

// filling is one template with its values, which are Go's own and not changed
// any more. One with secrets is filled anew each time it is read.
type filling struct {
	parsed  *gotemplate.Template
	values  map[string]any
	secrets []string // names of those among the values, in order
	taken   int      // values
}

// take gives a value the form that a template knows. A secret stays.
func (f *filling) take(v starlark.Value, depth int) (any, error) {
	switch f.taken++; {
	case depth > maxNesting:
		return nil, fmt.Errorf("it nests more than %d deep", maxNesting)
	case f.taken > MaxElements:
		return nil, fmt.Errorf("there are more than %d values", MaxElements)
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return (*noneText)(nil), nil
	case starlark.String, starlark.Bool, starlark.Float:
		return toGo(v), nil
	case starlark.Bytes:
		return string(v), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n, nil
		}
		return v.String(), nil // a *big.Int has methods, which a template could call
	case *secretValue:
		if name := v.name; name != "" && !slices.Contains(f.secrets, name) || len(f.secrets) == 0 {
			f.secrets = append(f.secrets, v.name)
		}
		return v, nil
	case *queryValue:
		return nil, errors.New("a query has no value yet: read what it gives, in an action or a property")
	case *starlark.Dict:
		return f.mapping(v.Items(), depth)
	case *starlarkstruct.Struct, *handleValue, hostValue, *resultValue:
		return f.attributes(v.(starlark.HasAttrs), depth)
	case *starlark.List, starlark.Tuple, *starlark.Set, *containerValue:
		return f.list(v.(starlark.Iterable), depth)
	}
	if numbers, ok := v.(starlark.Iterable); ok && v.Type() == "range" {
		return f.list(numbers, depth)
	}
	return shown(v), nil
}

func (f *filling) list(items starlark.Iterable, depth int) (any, error) {
	list := []any{}
	for item := range starlark.Elements(items) {
		one, err := f.take(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func (f *filling) mapping(items []starlark.Tuple, depth int) (any, error) {
	m := make(map[string]any, len(items))
	for _, item := range items {
		v, err := f.take(item[1], depth+1)
		if err != nil {
			return nil, err
		}
		m[shown(item[0])] = v
	}
	return m, nil
}

// templateFields are a struct's or a host's; by itself it is its text.
type templateFields map[string]any

func (f templateFields) String() string { return fmt.Sprint(f[""]) }

// attributes takes the fields of a struct or a result, or what the tree says of
// a host.
func (f *filling) attributes(v starlark.HasAttrs, depth int) (any, error) {
	names := v.AttrNames()
	switch v.(type) {
	case *handleValue, hostValue:
		names = []string{"name", "address", "labels"}
	}
	fields := templateFields{"": v.String()}
	for _, name := range names {
		attr, err := v.Attr(name)
		if err != nil {
			return nil, err
		}
		if fields[name], err = f.take(attr, depth+1); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// noneText is None: false, and None where it is printed.
type noneText struct{}

func (*noneText) String() string { return "None" }

// reveal is the text of a secret.
func (v *secretValue) reveal() (string, error) { return v.read() }

// revealed replaces the secrets among values.
func revealed(v any, read func(*secretValue) (string, error)) (any, error) {
	var err error
	each := func(in, out map[string]any) {
		for k := range in {
			var failed error
			if out[k], failed = revealed(in[k], read); failed != nil {
				err = failed
			}
		}
	}
	switch v := v.(type) {
	case *secretValue:
		return read(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		each(v, out)
		return out, err
	case templateFields:
		out := make(templateFields, len(v))
		each(v, out)
		return out, err
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if out[i], err = revealed(v[i], read); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// passName is the function that counts passes.
const passName = "deployerd_pass"

var errFilling = fmt.Errorf("it takes more than %d passes through its loops", maxFilling)

// functions are the template's own, within bounds.
func templateFunctions(pass func() (string, error)) gotemplate.FuncMap {
	bounded := func(s string) (string, error) {
		if len(s) > maxFilled {
			return "", errFilled
		}
		return s, nil
	}
	return gotemplate.FuncMap{
		passName:  pass,
		"index":   indexed,
		"print":   func(a ...any) (string, error) { return bounded(fmt.Sprint(a...)) },
		"println": func(a ...any) (string, error) { return bounded(fmt.Sprintln(a...)) },
		"printf": func(format string, a ...any) (string, error) {
			if len(format) > 1000 {
				return "", errors.New("printf: the format is longer than 1000 bytes")
			}
			return bounded(fmt.Sprintf(format, a...))
		},
		"html":     func(a ...any) (string, error) { return bounded(gotemplate.HTMLEscaper(a...)) },
		"js":       func(a ...any) (string, error) { return bounded(gotemplate.JSEscaper(a...)) },
		"urlquery": func(a ...any) (string, error) { return bounded(gotemplate.URLQueryEscaper(a...)) },
	}
}

func (f *filling) parse(source string) (*gotemplate.Template, error) {
	t, err := gotemplate.New("text").Option("missingkey=error").Funcs(templateFunctions(nil)).Parse(source)
	if err != nil {
		return nil, err
	}
	for _, one := range t.Templates() {
		if one.Tree != nil && one.Root != nil {
			countPasses(one.Tree, one.Root)
			count(one.Tree, one.Root)
		}
	}
	return t, nil
}

// countPasses makes each loop in a list count its passes.
func countPasses(t *syntaxtree.Tree, list *syntaxtree.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *syntaxtree.RangeNode:
			countPasses(t, n.List)
			countPasses(t, n.ElseList)
			count(t, n.List)
		case *syntaxtree.IfNode:
			countPasses(t, n.List)
			countPasses(t, n.ElseList)
		case *syntaxtree.WithNode:
			countPasses(t, n.List)
			countPasses(t, n.ElseList)
		}
	}
}

// count puts a call of the function that counts before a list.
func count(t *syntaxtree.Tree, list *syntaxtree.ListNode) {
	call := &syntaxtree.CommandNode{NodeType: syntaxtree.NodeCommand, Pos: list.Pos, Args: []syntaxtree.Node{
		syntaxtree.NewIdentifier(passName).SetPos(list.Pos).SetTree(t),
	}}
	pipe := &syntaxtree.PipeNode{NodeType: syntaxtree.NodePipe, Pos: list.Pos, Cmds: []*syntaxtree.CommandNode{call}}
	action := &syntaxtree.ActionNode{NodeType: syntaxtree.NodeAction, Pos: list.Pos, Pipe: pipe}
	list.Nodes = append([]syntaxtree.Node{action}, list.Nodes...)
}

// fill fills the template with what read makes of its secrets. It may be called
// from several goroutines at once.
func (f *filling) fill(read func(*secretValue) (string, error)) (filled string, passes int, err error) {
	values, err := revealed(f.values, read)
	if err != nil {
		return "", 0, err
	}
	t, err := f.parsed.Clone()
	if err != nil {
		return "", 0, err
	}
	t.Funcs(templateFunctions(func() (string, error) {
		if passes++; passes > maxFilling {
			return "", errFilling
		}
		return "", nil
	}))
	var out boundedText
	err = t.Execute(&out, values)
	return out.String(), passes, templateError(err)
}

var errFilled = fmt.Errorf("the result is larger than %d MiB", maxFilled>>20)

// boundedText is a text of at most maxFilled bytes.
type boundedText struct{ strings.Builder }

func (b *boundedText) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFilled {
		return 0, errFilled
	}
	return b.Builder.Write(p)
}

// templateError is an error of Go's package without its name in front.
func templateError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errFilling):
		return errFilling
	case errors.Is(err, errFilled):
		return errFilled
	}
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "text:"))
}

// unknown adds a hint to the error of a name that has no value.
func (f *filling) unknown(err error) error {
	const said = "map has no entry for key "
	_, quoted, ok := strings.Cut(err.Error(), said)
	if !ok {
		return err
	}
	names := slices.Sorted(maps.Keys(f.values))
	return withHint(didYouMean(strings.Trim(quoted, `"`), names), "%v", err)
}
