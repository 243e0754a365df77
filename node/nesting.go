package node

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/deployerd/deployerd/host"
)

// builder makes the places of a tree and collects what is wrong with it.
type builder struct {
	tree     *Tree
	maker    *Node // of a node made on the spot, else nil
	size     int   // places made
	forks    int   // the highest of their types
	hosts    map[string]*hostUse
	written  map[*HostsRole]*written
	problems []error
	told     map[DefinitionError]bool
	full     bool // the tree is too large; nothing is added any more
}

// hostUse is a host and the dictionaries that name it.
type hostUse struct {
	host host.Host
	in   []*written
}

// written is a dictionary of hosts that is written once and stands in every
// node of its type and of those derived from it.
type written struct {
	pos   Position
	nodes []string
}

const maxProblems = 100

func newBuilder(t *Tree) *builder {
	return &builder{tree: t, hosts: map[string]*hostUse{}, written: map[*HostsRole]*written{}, told: map[DefinitionError]bool{}}
}

// refuse tells a problem once: a type that is used in many places has its
// problem in all of them.
func (b *builder) refuse(pos Position, key, text, hint string) {
	told := DefinitionError{Pos: pos, Text: key}
	if b.told[told] {
		return
	}
	b.told[told] = true
	b.problems = append(b.problems, &DefinitionError{pos, text, hint})
}

func (b *builder) result() error {
	if more := len(b.problems) - maxProblems; more > 0 {
		b.problems = append(b.problems[:maxProblems], &DefinitionError{Text: fmt.Sprintf("and %d more", more)})
	}
	return errors.Join(b.problems...)
}

func (b *builder) build(root *Type) {
	if root == nil {
		b.refuse(Position{}, "root", "the tree has no root", "")
		return
	}
	if root.kind != Plain {
		b.refuse(root.pos, "root", "the root must be a plain node, not a parallel one", "make root with node(...)")
		return
	}
	b.tree.root = b.place(root, "", nil, 0)
}

// place makes a place and everything below it.
func (b *builder) place(typ *Type, name string, parent *place, depth int) *place {
	p := b.newPlace(typ, name, parent)
	b.check(p)
	if depth >= MaxNesting || b.full {
		b.tooLarge(p, depth)
		return p
	}
	p.children = make([]*place, 0, len(typ.children))
	for _, m := range typ.members {
		child, ok := m.Value.(*Type)
		if !ok {
			continue
		}
		b.nesting(p, m, child)
		p.children = append(p.children, b.place(child, m.Name, p, depth+1))
		if b.full {
			break
		}
	}
	return p
}

func (b *builder) newPlace(typ *Type, name string, parent *place) *place {
	p := &place{tree: b.tree, typ: typ, name: name, parent: parent, path: "/", rule: "/", group: typ.group}
	p.node = Node{place: p}
	if parent != nil {
		p.path, p.rule = below(parent.path, name), below(parent.rule, name)
		p.arrays, p.chosen = parent.arrays, parent.chosen
		if b.maker != nil && b.maker.place == parent {
			p.path, p.chosen = below(b.maker.Path(), name), len(b.maker.cell)
		}
		if p.group == nil {
			p.group = parent.group
		}
	}
	if typ.form == array {
		// The capacity is cut so that siblings do not share what they append.
		p.arrays = append(p.arrays[:len(p.arrays):len(p.arrays)], p)
	}
	b.size++
	b.forks = max(b.forks, typ.widest)
	b.full = b.full || b.size > MaxNodes
	return p
}

func below(path, name string) string {
	if path == "/" {
		return "/" + name
	}
	return path + "/" + name
}

func (b *builder) tooLarge(p *place, depth int) {
	if b.full {
		b.refuse(Position{}, "size", fmt.Sprintf("the tree has more than %d nodes", MaxNodes), "")
		return
	}
	if len(p.typ.children) > 0 || depth > MaxNesting {
		b.refuse(p.typ.pos, "depth", fmt.Sprintf("nodes nest more than %d deep at %s", depth, quoted(p.path)), "")
	}
}

// nesting checks which types of nodes stand in which.
func (b *builder) nesting(parent *place, m Member, child *Type) {
	path := below(parent.path, m.Name)
	switch {
	case child.kind == Plain:
	case parent.typ.kind == Plain && child.form == noForm:
		b.refuse(m.Pos, "plain "+m.Name, path+" is a parallel node in a plain node, and it is not said for which hosts",
			"write .array() for one cell per host, or .just_one() for exactly one host")
	case parent.typ.kind == Parallel && child.form != noForm:
		b.refuse(m.Pos, "array "+m.Name, path+" is "+child.form.String()+" in a parallel node",
			"leave the form out: it shares the cells of its parent; a plain node in between adds a dimension")
	case parent.typ.kind == Parallel && child.hosts != nil && !keepsHost(child.hosts):
		b.refuse(child.hostsPos, "host "+m.Name, path+" shares the cells of its parent, and its hosts give another role "+quoted(HostRole),
			"leave the role host out, or put a plain node in between and write .array() or .just_one()")
	}
}

// keepsHost says whether hosts leave the role host what it is in the parent.
func keepsHost(hosts any) bool {
	m, ok := hosts.(*RoleMap)
	if !ok {
		return !hasRole(hosts, HostRole)
	}
	for _, e := range m.Entries {
		if e.role() == HostRole && (len(e.From) != 1 || e.From[0] != HostRole) {
			return false
		}
	}
	return true
}

// check looks at a place's own hosts and at the number of its cells.
func (b *builder) check(p *place) {
	if hosts, ok := p.typ.hosts.(Hosts); ok && len(hosts) > 0 {
		b.use(hosts, p)
	}
	// One dimension cannot have more cells than there are hosts.
	if p.isDimension() && len(p.arrays) > 1 && p.count(nil, MaxCells) > MaxCells {
		b.refuse(p.typ.pos, "cells", fmt.Sprintf("%s has more than %d cells in %d dimensions", p.path, MaxCells, len(p.arrays)), "")
	}
}

// use notes where hosts are used. A dictionary is gone through once, however
// many nodes have it.
func (b *builder) use(hosts Hosts, p *place) {
	if w, ok := b.written[&hosts[0]]; ok {
		w.nodes = append(w.nodes, p.path)
		return
	}
	w := &written{pos: p.typ.hostsPos, nodes: []string{p.path}}
	b.written[&hosts[0]] = w
	for _, role := range hosts {
		for _, item := range role.Items {
			if !item.All {
				b.useHost(item.Host, w)
			}
		}
	}
}

func (b *builder) useHost(h host.Host, w *written) {
	use, ok := b.hosts[h.Name()]
	switch {
	case !ok:
		b.hosts[h.Name()] = &hostUse{host: h, in: []*written{w}}
	case !sameHost(use.host, h):
		first := use.in[0]
		b.refuse(w.pos, "host "+h.Name(), fmt.Sprintf("two hosts are called %s: one in %s%s, another in %s", quoted(h.Name()), first.nodes[0], at(first.pos), w.nodes[0]),
			"make each host once and use that value everywhere")
	case use.in[len(use.in)-1] != w:
		use.in = append(use.in, w)
	}
}

func at(pos Position) string {
	if pos.File == "" {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", pos.File, pos.Line)
}

// sameHost compares two hosts; values that cannot be compared are different.
func sameHost(a, b host.Host) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}
