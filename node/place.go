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
	path     string // without cells, except for those of made's maker
	rule     string // without any cells
	parent   *place
	children []*place
	group    *Group // its own or the nearest ancestor's
	// arrays are the arrays from the root down to here, itself included: one
	// for each dimension of its cells.
	arrays []*place
	node   Node // with no cell chosen
	// chosen is how many hosts of a cell stand in path already: those of the
	// cell in which a node made on the spot was made.
	chosen int

	once  sync.Once
	roles []host.Role // with no cell chosen; computed once, when first asked for
}

// isDimension says whether the place adds a dimension to its cells.
func (p *place) isDimension() bool { return p.typ.form == array }

// sharesCells says whether the place is a parallel node in a parallel node,
// which has its parent's isolation.
func (p *place) sharesCells() bool {
	return p.typ.kind == Parallel && p.parent != nil && p.parent.typ.kind == Parallel
}

func (p *place) child(name string) (*place, bool) {
	i, ok := p.typ.children[normal(name)]
	if !ok {
		return nil, false
	}
	return p.children[i], true
}
