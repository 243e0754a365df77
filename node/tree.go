package node

import (
	"slices"
	"strings"

	"github.com/deployerd/deployerd/host"
)

// Bounds of a tree. They are far above what anybody writes and below what
// would hurt the daemon: a few lines can describe a tree of any size.
const (
	MaxNodes   = 200_000
	MaxNesting = 64
	MaxCells   = 100_000 // of one array, over all its dimensions
)

// Tree is a loaded tree: immutable and safe for concurrent use.
type Tree struct {
	root    *place
	version string
	size    int
	forks   int // the highest of its types, 0 without any
	hosts   []HostUse
	sources func(Position) (Source, bool) // nil: none
}

// NewTree checks a whole tree (nesting rules, hosts of one name, collisions)
// and returns every error joined, each a *DefinitionError; of more than a
// hundred the rest is counted. version names the tree's content (a hash).
func NewTree(root *Type, version string) (*Tree, error) {
	t := &Tree{version: version}
	b := newBuilder(t)
	b.build(root)
	if err := b.result(); err != nil {
		return nil, err
	}
	t.hosts, t.size, t.forks = b.hostUses(), b.size, b.forks
	return t, nil
}

// Root returns the root node, path "/".
func (t *Tree) Root() *Node { return &t.root.node }

// Version names the tree's content.
func (t *Tree) Version() string { return t.version }

// HostUse is a host of the tree and the nodes whose own hosts name it.
type HostUse struct {
	Host  host.Host
	Nodes []string // paths, without cells
}

// Hosts lists every host of the tree, by name.
func (t *Tree) Hosts() []HostUse { return slices.Clone(t.hosts) }

// Size counts the nodes (cells left out).
func (t *Tree) Size() int { return t.size }

func (b *builder) hostUses() []HostUse {
	uses := make([]HostUse, 0, len(b.hosts))
	for _, use := range b.hosts {
		uses = append(uses, HostUse{Host: use.host, Nodes: use.nodes()})
	}
	slices.SortFunc(uses, func(a, b HostUse) int { return strings.Compare(a.Host.Name(), b.Host.Name()) })
	return uses
}

func (u *hostUse) nodes() []string {
	if len(u.in) == 1 {
		return u.in[0].nodes
	}
	var nodes []string
	for _, w := range u.in {
		nodes = append(nodes, w.nodes...)
	}
	return nodes
}
