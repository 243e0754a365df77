package node

import (
	"strings"

	"github.com/deployerd/deployerd/host"
)

// Node is a place in a tree: a node, or one cell of an array. The same place
// may come as different *Node; compare paths.
type Node struct {
	place *place
	// cell holds the hosts of the chosen cells, one per dimension from the
	// outermost; it may be shorter than the place has dimensions.
	cell []host.Host
}

// in gives a place in the cell, as far as it has its dimensions.
func (p *place) in(cell []host.Host) *Node {
	cell = p.cut(cell)
	if len(cell) == 0 {
		return &p.node
	}
	return &Node{place: p, cell: cell}
}

// Name is the node's name, "" for the root.
func (n *Node) Name() string { return n.place.name }

// Path is where it is, cells included: /production/web:web1. The keys of a cell
// stand behind the last node that is wholly chosen: /a/b:web1:db2, and
// /a/x:web1/b for an array in a chosen cell.
func (n *Node) Path() string {
	switch {
	case len(n.cell) <= n.place.chosen:
		return n.place.path
	case n.IsArray():
		return below(n.Parent().Path(), n.place.name)
	}
	return n.place.path + ":" + cellName(n.cell[n.place.chosen:])
}

func cellName(cell []host.Host) string { return strings.Join(namesOf(cell), ":") }

func namesOf(hosts []host.Host) []string {
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name())
	}
	return names
}

// RulePath is Path without cells, as rules see it.
func (n *Node) RulePath() string { return n.place.rule }

// Parent is nil for the root. From a cell it stays in that cell as long as the
// parent has it.
func (n *Node) Parent() *Node {
	if n.place.parent == nil {
		return nil
	}
	return n.place.parent.in(n.cell)
}

// Tree returns the tree it belongs to.
func (n *Node) Tree() *Tree { return n.place.tree }

// Type returns the node's type.
func (n *Node) Type() *Type { return n.place.typ }

// KindName is "node", "array" (cells not chosen) or "cell".
func (n *Node) KindName() string {
	switch {
	case n.IsArray():
		return "array"
	case n.isCell():
		return "cell"
	}
	return "node"
}

// Doc is the node's documentation.
func (n *Node) Doc() string { return n.place.typ.doc }

// Group is its own group or the nearest ancestor's; Other without one.
func (n *Node) Group() Group {
	if n.place.group == nil {
		return Other
	}
	return *n.place.group
}

// Children lists the children in order; private (_x) ones only if asked. A
// cell's children are in that cell.
func (n *Node) Children(private bool) []*Node {
	children := make([]*Node, 0, len(n.place.children))
	for _, child := range n.place.children {
		if private || !isPrivate(child.name) {
			children = append(children, child.in(n.cell))
		}
	}
	return children
}

// Child returns the child of that exact name.
func (n *Node) Child(name string) (*Node, bool) {
	child, ok := n.place.child(name)
	if !ok {
		return nil, false
	}
	return child.in(n.cell), true
}

// Roles returns the node's hosts by role; in a cell the role host is one host.
func (n *Node) Roles() []host.Role { return n.place.rolesIn(n.cell) }

// NamedAction is an action at a node.
type NamedAction struct {
	Name string
	*Action
}

// Actions lists the actions in order; private ones only if asked.
func (n *Node) Actions(private bool) []NamedAction {
	var actions []NamedAction
	for _, m := range n.place.typ.members {
		if a, ok := m.Value.(*Action); ok && (private || !isPrivate(m.Name)) {
			actions = append(actions, NamedAction{m.Name, a})
		}
	}
	return actions
}

// Action returns the action of that exact name, or alias: under its own name.
func (n *Node) Action(name string) (NamedAction, bool) {
	m, ok := n.place.typ.member(name)
	if !ok {
		m, _ = n.place.typ.aliased(name)
	}
	a, ok := m.Value.(*Action)
	if !ok {
		return NamedAction{}, false
	}
	return NamedAction{m.Name, a}, true
}

// Default returns the default action, that runs when the node itself is named
// as a command.
func (n *Node) Default() (NamedAction, bool) { return n.Action(DefaultAction) }

// Attribute is an attribute (Value, which may be Required), a property
// (Property not nil) or a query (Query not nil).
type Attribute struct {
	Name     string
	Value    any
	Property *Property
	Query    *Query
	Pos      Position // of the member, as it was written last
}

// KindName is "attribute", "property" or "query".
func (a Attribute) KindName() string {
	switch {
	case a.Property != nil:
		return "property"
	case a.Query != nil:
		return "query"
	}
	return "attribute"
}

// Attributes lists attributes, properties and queries in order; private ones
// only if asked.
func (n *Node) Attributes(private bool) []Attribute {
	var attributes []Attribute
	for _, m := range n.place.typ.members {
		if a, ok := attribute(m); ok && (private || !isPrivate(m.Name)) {
			attributes = append(attributes, a)
		}
	}
	return attributes
}

func attribute(m Member) (Attribute, bool) {
	switch v := m.Value.(type) {
	case *Type, *Action:
		return Attribute{}, false
	case *Property:
		return Attribute{Name: m.Name, Property: v, Pos: m.Pos}, true
	case *Query:
		return Attribute{Name: m.Name, Query: v, Pos: m.Pos}, true
	}
	return Attribute{Name: m.Name, Value: m.Value, Pos: m.Pos}, true
}

func (n *Node) attribute(name string) (Attribute, bool) {
	m, ok := n.place.typ.member(name)
	if !ok {
		return Attribute{}, false
	}
	return attribute(m)
}
