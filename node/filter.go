package node

import (
	"context"
	"fmt"
)

// Filter tells which nodes of a [Walk] are wanted. It prints as the tree's
// language writes it.
type Filter struct {
	text  string
	level int // how tightly the text binds
	match func(context.Context, *Env) (bool, error)
}

// How tightly the operators of a filter bind.
const (
	levelOr = iota
	levelAnd
	levelNot
	levelOne
)

// NewFilter makes a filter of any function; text is what it prints as.
func NewFilter(text string, match func(context.Context, *Env) (bool, error)) *Filter {
	return &Filter{text: text, level: levelOne, match: match}
}

// nodeFilter is a filter that asks the place alone.
func nodeFilter(text string, match func(*Node) bool) *Filter {
	return NewFilter(text, func(_ context.Context, e *Env) (bool, error) { return match(e.node), nil })
}

// PublicOnly and PrivateOnly tell nodes by whether their own name begins with
// an underscore.
var (
	PublicOnly  = nodeFilter("public_only", func(n *Node) bool { return !isPrivate(n.Name()) })
	PrivateOnly = nodeFilter("private_only", func(n *Node) bool { return isPrivate(n.Name()) })
)

// IsInstance wants the nodes whose type is t or derived from it; name is what
// the type is called.
func IsInstance(t *Type, name string) *Filter {
	return nodeFilter("is_instance("+name+")", func(n *Node) bool { return n.Type().Is(t) })
}

// HasAction wants the nodes that have an action of that name or alias.
func HasAction(name string) *Filter {
	return nodeFilter(fmt.Sprintf("has_action(%q)", name), func(n *Node) bool {
		_, ok := n.Action(name)
		return ok
	})
}

// InGroup wants the nodes of a group, their own or inherited.
func InGroup(g Group) *Filter {
	return nodeFilter("in_group("+GroupText(g)+")", func(n *Node) bool { return n.Group().Name == g.Name })
}

// GroupText is a group as the tree's language writes it.
func GroupText(g Group) string {
	for _, known := range []Group{Production, Staging, Beta, LocalGroup, Utility, Other} {
		if known == g {
			return "groups." + g.Name
		}
	}
	if g.Color == "" {
		return fmt.Sprintf("group(%q)", g.Name)
	}
	return fmt.Sprintf("group(%q, color = %q)", g.Name, g.Color)
}

// String is the filter as the tree's language writes it, with as few brackets
// as there can be.
func (f *Filter) String() string { return f.text }

// Match says whether a node is wanted.
func (f *Filter) Match(ctx context.Context, e *Env) (bool, error) { return f.match(ctx, e) }

// And wants what both want. The second is not asked when the first says no.
func (f *Filter) And(g *Filter) *Filter {
	return &Filter{
		text: f.within(levelAnd) + " & " + g.within(levelAnd+1), level: levelAnd,
		match: func(ctx context.Context, e *Env) (bool, error) {
			if ok, err := f.match(ctx, e); !ok || err != nil {
				return false, err
			}
			return g.match(ctx, e)
		},
	}
}

// Or wants what any of the two wants. The second is not asked when the first
// says yes.
func (f *Filter) Or(g *Filter) *Filter {
	return &Filter{
		text: f.within(levelOr) + " | " + g.within(levelOr+1), level: levelOr,
		match: func(ctx context.Context, e *Env) (bool, error) {
			if ok, err := f.match(ctx, e); ok || err != nil {
				return ok, err
			}
			return g.match(ctx, e)
		},
	}
}

// Not wants what f does not want.
func (f *Filter) Not() *Filter {
	return &Filter{
		text: "~" + f.within(levelNot), level: levelNot,
		match: func(ctx context.Context, e *Env) (bool, error) {
			ok, err := f.match(ctx, e)
			return !ok && err == nil, err
		},
	}
}

func (f *Filter) within(level int) string {
	if f.level < level {
		return "(" + f.text + ")"
	}
	return f.text
}
