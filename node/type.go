package node

import (
	"errors"
	"slices"
)

// Kind tells plain and parallel node types apart.
type Kind int

// The kinds.
const (
	Plain Kind = iota
	Parallel
)

// form is how a parallel type stands in a plain node.
type form int

const (
	noForm  form = iota
	array        // a cell per host
	justOne      // exactly one host
)

func (f form) String() string {
	return [...]string{"a parallel node", "an array", "a just_one"}[f]
}

// Position is where something was written; the zero value is unknown.
type Position struct {
	File      string // relative to the tree's folder
	Line, Col int    // from 1
}

// Member is one named value given to a type. What it becomes is decided by
// Value: *Type a child, *Action an action, *Property or *Query a computed
// attribute;
// under the name "hosts" a Hosts or *RoleMap, under "group" a Group, under
// "doc" a string, of parallel types also under "forks" an int, under "serial"
// what ParseSerial and under "max_fail" what ParseMaxFail reads; anything else
// is an attribute. Under these names nil is what no member would give. A name
// with double underscores reaches inside (A__b__x).
type Member struct {
	Name  string
	Value any
	Pos   Position
}

// Type is a node type. It is immutable; Derive makes a new one.
type Type struct {
	kind     Kind
	form     form
	base     *Type          // what it was derived from
	members  []Member       // children, actions, properties, queries, attributes
	index    map[string]int // name → place in members
	aliases  map[string]int // alias of an action → its place in members
	children map[string]int // name → number among the children
	hosts    any            // nil, Hosts or *RoleMap
	hostsPos Position
	group    *Group
	doc      string
	forks    int // 0: not said
	widest   int // the highest forks of it and its actions
	serial   Serial
	maxFail  *MaxFail
	pos      Position
}

// NewType makes a type. The errors name the member and its position; several
// are joined (errors.Join), each a *DefinitionError.
func NewType(kind Kind, members []Member, pos Position) (*Type, error) {
	return (&Type{kind: kind}).Derive(members, pos)
}

// Derive makes a type that overrides or adds members. Overrides keep the
// base's place in the order. Its errors are those of NewType.
func (t *Type) Derive(members []Member, pos Position) (*Type, error) {
	d := derivation{made: t.clone(pos)}
	d.apply(members)
	d.finish()
	if len(d.problems) > 0 {
		return nil, errors.Join(d.problems...)
	}
	return d.made, nil
}

// Array makes the one-cell-per-host form of a parallel type. hosts is nil (the
// type's own, else all of the parent's), a Hosts or a *RoleMap.
func (t *Type) Array(hosts any, pos Position) (*Type, error) {
	return t.formed(array, "array", hosts, pos)
}

// JustOne makes the form of a parallel type that has exactly one host, which
// is checked when the node is used. hosts is as Array has it.
func (t *Type) JustOne(hosts any, pos Position) (*Type, error) {
	return t.formed(justOne, "just_one", hosts, pos)
}

func (t *Type) formed(f form, name string, hosts any, pos Position) (*Type, error) {
	if t.kind != Parallel {
		return nil, &DefinitionError{pos, "only a parallel node has the form " + name, "make the type with parallel_node"}
	}
	if t.form != noForm {
		return nil, &DefinitionError{pos, "this type is " + t.form.String() + " already", "array and just_one apply once"}
	}
	made := t.clone(pos)
	made.form = f
	d := derivation{made: made}
	if hosts != nil {
		d.setHosts(Member{Name: "hosts", Value: hosts, Pos: pos})
	}
	d.finish()
	if len(d.problems) > 0 {
		return nil, errors.Join(d.problems...)
	}
	return made, nil
}

// clone copies a type so that the copy's members can be changed.
func (t *Type) clone(pos Position) *Type {
	c := *t
	c.members = slices.Clone(t.members)
	c.index = make(map[string]int, len(t.members))
	for i, m := range t.members {
		c.index[m.Name] = i
	}
	c.base, c.pos = t, pos
	return &c
}

// Kind returns the type's kind.
func (t *Type) Kind() Kind { return t.kind }

// IsArray says whether the type was made by Array, or derived from one.
func (t *Type) IsArray() bool { return t.form == array }

// IsJustOne says whether the type was made by JustOne, or derived from one.
func (t *Type) IsJustOne() bool { return t.form == justOne }

// Member returns what the dot on a type gives: the *Action, *Type, *Property,
// *Query or attribute's value of that name, own or inherited.
func (t *Type) Member(name string) (any, bool) {
	m, ok := t.member(name)
	return m.Value, ok
}

func (t *Type) member(name string) (Member, bool) {
	i, ok := t.index[normal(name)]
	if !ok {
		return Member{}, false
	}
	return t.members[i], true
}

// aliased is the action that has the alias.
func (t *Type) aliased(alias string) (Member, bool) {
	i, ok := t.aliases[normal(alias)]
	if !ok {
		return Member{}, false
	}
	return t.members[i], true
}

// MemberNames lists the members in order, private ones too.
func (t *Type) MemberNames() []string {
	names := make([]string, len(t.members))
	for i, m := range t.members {
		names[i] = m.Name
	}
	return names
}

// Pos is where the type was made.
func (t *Type) Pos() Position { return t.pos }
