package node

import (
	"sync"

	"github.com/deployerd/deployerd/host"
)

// place is a node's place in a tree, whatever cells of it are chosen.
type place struct {
	tree     *Tree
	typ      *Type
	name     string
	path     string // without cells
	parent   *place
	children []*place
	group    *Group // its own or the nearest ancestor's
	// arrays are the arrays from the root down to here, itself included: one
	// for each dimension of its cells.
	arrays []*place
	node   Node // with no cell chosen

	once  sync.Once
	roles []host.Role // with no cell chosen; computed once, when first asked for
}

// isDimension says whether the place adds a dimension to its cells.
func (p *place) isDimension() bool { return p.typ.array }

// sharesCells says whether the place is a parallel node in a parallel node,
// which has its parent's isolation.
func (p *place) sharesCells() bool {
	return p.typ.kind == Parallel && p.parent != nil && p.parent.typ.kind == Parallel
}

// forks is how many cells of the place may be worked on at once and the place
// that says so; 0 when none does. Nodes that share a dimension share it.
func (p *place) forks() (int, *place) {
	dimensions := len(p.arrays)
	for q := p; q != nil && len(q.arrays) == dimensions; q = q.parent {
		if q.typ.forks > 0 {
			return q.typ.forks, q
		}
	}
	if dimensions > 0 {
		return 0, p.arrays[dimensions-1]
	}
	return 0, p
}

func (p *place) child(name string) (*place, bool) {
	i, ok := p.typ.children[normal(name)]
	if !ok {
		return nil, false
	}
	return p.children[i], true
}
