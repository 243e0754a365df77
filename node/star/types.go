package star

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// typeValue is a node type. Its t is nil when its definition has problems,
// which are told then; so that others are found as well, loading goes on.
type typeValue struct {
	inert
	t       *node.Type
	catalog *catalog
}

func (v *typeValue) String() string {
	if v.t != nil && v.t.Kind() == node.Parallel {
		return "parallel_node(...)"
	}
	return "node(...)"
}

func (*typeValue) Type() string   { return "node type" }
func (v *typeValue) Name() string { return v.String() }

// CompareSameType implements starlark.Comparable: a type equals itself.
func (v *typeValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	same := v.t == y.(*typeValue).t
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("node types have no order")
}

// Attr gives what a type's members are: functions, inner types and values.
func (v *typeValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "array", "just_one":
		return bound(v, name, makeForm), nil
	}
	if v.t == nil {
		return nil, errReported
	}
	m, ok := v.t.Member(name)
	if !ok {
		return nil, nil
	}
	if missing, ok := m.(node.Required); ok {
		return nil, fmt.Errorf("%s has no %s, which is required: %s", v, name, missing.For)
	}
	return v.catalog.member(m)
}

// AttrNames implements starlark.HasAttrs.
func (v *typeValue) AttrNames() []string {
	if v.t == nil {
		return nil
	}
	return append([]string{"array", "just_one"}, v.t.MemberNames()...)
}

// CallInternal derives a type.
func (v *typeValue) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return makeType(thread, "a node type", args, kwargs, v)
}

// makeNode is node(...) and parallel_node(...).
func makeNode(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return makeType(thread, b.Name(), args, kwargs, nil)
}

// makeType makes a type of its keywords, of base's kind if there is one.
func makeType(thread *starlark.Thread, name string, args starlark.Tuple, kwargs []starlark.Tuple, base *typeValue) (starlark.Value, error) {
	l := defining(thread, base)
	if len(args) > 0 {
		return nil, withHint("such as port = 80", "%s takes its members by name", name)
	}
	site := l.site(thread)
	made := &typeValue{catalog: l.catalog}
	members, whole := l.members(site, kwargs)
	if base != nil && base.t == nil {
		return l.made(made)
	}
	var err error
	pos := position(site.start)
	if base != nil {
		made.t, err = base.t.Derive(members, pos)
	} else {
		made.t, err = node.NewType(kindOf(name), members, pos)
	}
	l.definition(err, pos)
	if err != nil || !whole {
		made.t = nil
	}
	return l.made(made)
}

func kindOf(builtin string) node.Kind {
	if builtin == "parallel_node" {
		return node.Parallel
	}
	return node.Plain
}

// makeForm is Type.array(hosts = None) and Type.just_one(hosts = None).
func makeForm(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var given starlark.Value = starlark.None
	if err := arguments(b.Name(), args, kwargs, "hosts?", &given); err != nil {
		return nil, err
	}
	base := b.Receiver().(*typeValue)
	l := defining(thread, base)
	made := &typeValue{catalog: l.catalog}
	site := l.site(thread)
	hosts, err := toHosts(given)
	if err != nil {
		l.problem(site.of("hosts"), err)
	}
	if err != nil || base.t == nil {
		return l.made(made)
	}
	form, pos := base.t.Array, position(site.start)
	if b.Name() == "just_one" {
		form = base.t.JustOne
	}
	if made.t, err = form(hosts, pos); err != nil {
		made.t = nil
		l.definition(err, pos)
	}
	return l.made(made)
}

// members turns keywords into members; false after telling what is wrong.
func (l *loader) members(site callSite, kwargs []starlark.Tuple) ([]node.Member, bool) {
	members := make([]node.Member, 0, len(kwargs))
	whole := true
	for _, kw := range kwargs {
		name, pos := string(kw[0].(starlark.String)), site.of(string(kw[0].(starlark.String)))
		l.held = append(l.held, kw[1])
		v, err := l.memberValue(name, kw[1])
		switch {
		case err == errReported:
			whole = false
		case err != nil:
			l.problem(pos, err)
			whole = false
		default:
			if q, ok := v.(*node.Query); ok {
				q.Pos = position(pos)
			}
			members = append(members, node.Member{Name: name, Value: v, Pos: position(pos)})
		}
	}
	return members, whole
}

// memberValue is what the node package knows a member's value as.
func (l *loader) memberValue(name string, v starlark.Value) (any, error) {
	leaf := name
	for _, inner, reaches := strings.Cut(leaf, "__"); reaches; _, inner, reaches = strings.Cut(leaf, "__") {
		leaf = inner
	}
	switch leaf {
	case "hosts":
		return toHosts(v)
	case "forks", "serial", "max_fail":
		return amounts(v), nil
	}
	switch v := v.(type) {
	case *typeValue:
		if v.t == nil {
			return nil, errReported
		}
		return v.t, nil
	case *starlark.Function:
		return l.catalog.action(l, v, v, node.Action{})
	case *actionDef:
		return l.catalog.action(l, v.fn, v, v.options)
	case requiredValue:
		return v.r, nil
	case *starlark.Builtin:
		if _, form := v.Receiver().(*typeValue); form {
			return nil, withHint("write ."+v.Name()+"()", "%s is not called", v.Name())
		}
	case propertyValue:
		return v.p, nil
	case *queryValue:
		return l.catalog.query(v), nil
	case *starlark.List, starlark.Tuple, *starlark.Dict:
		return l.listOfQueries(v)
	case groupValue:
		if leaf == "group" {
			return v.g, nil
		}
	}
	return toGo(v), nil
}
