package node

import (
	"fmt"
	"slices"
	"strings"
)

// newName is the name of a node that is made on the spot.
const newName = "(new)"

// Initialize makes a node of a type on the spot, below this place and in this
// run. The tree does not change: nothing leads there but the Env. Its path is
// this one's and "/(new)". The errors are those of NewTree.
func (e *Env) Initialize(t *Type) (*Env, error) {
	n, err := e.node.make(t)
	if err != nil {
		return nil, fmt.Errorf("initialize: %w", err)
	}
	return e.at(n), nil
}

// OnTheSpot says whether the node was made by Initialize, or is below one that
// was.
func (n *Node) OnTheSpot() bool {
	for p := n.place; p != nil; p = p.parent {
		if p.name == newName {
			return true
		}
	}
	return false
}

func (n *Node) make(t *Type) (*Node, error) {
	b := newBuilder(n.Tree())
	b.maker = n
	depth := 1
	for p := n.place.parent; p != nil; p = p.parent {
		depth++
	}
	if depth > MaxNesting {
		b.refuse(t.pos, "depth", fmt.Sprintf("nodes nest more than %d deep at %s", MaxNesting, quoted(n.Path())), "")
		return nil, b.result()
	}
	b.nesting(n.place, Member{Name: newName, Value: t, Pos: t.pos}, t)
	made := b.place(t, newName, n.place, depth)
	b.compare(n.Tree().hosts)
	if err := b.result(); err != nil {
		return nil, err
	}
	return made.in(n.cell), nil
}

// compare refuses a host that has the name of another one in the tree.
func (b *builder) compare(known []HostUse) {
	for name, use := range b.hosts {
		i, ok := slices.BinarySearchFunc(known, name, func(u HostUse, name string) int {
			return strings.Compare(u.Host.Name(), name)
		})
		if ok && !sameHost(known[i].Host, use.host) {
			b.refuse(use.in[0].pos, "host "+name, fmt.Sprintf("two hosts are called %s: one is the tree's, in %s", quoted(name), known[i].Nodes[0]), "")
		}
	}
}
