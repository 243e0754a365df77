package node

import (
	"fmt"
	"strings"
)

// derivation applies members to a type that is being made.
type derivation struct {
	made     *Type
	given    map[string]bool // the members that this call gives
	problems []error
}

func (d *derivation) refuse(pos Position, hint, format string, args ...any) {
	d.problems = append(d.problems, &DefinitionError{pos, fmt.Sprintf(format, args...), hint})
}

// reached are the members of one call that reach into one child.
type reached struct {
	child   string
	members []Member
}

// apply sets the plain members first and then those that reach inside, so that
// what is said does not depend on the order of keywords.
func (d *derivation) apply(members []Member) {
	given := make(map[string]bool, len(members))
	var inner []Member
	for _, m := range members {
		m.Name = normal(m.Name)
		switch {
		case given[m.Name]:
			d.refuse(m.Pos, "", "%s is given twice", quoted(m.Name))
		case strings.Contains(m.Name, "__"):
			inner = append(inner, m)
		default:
			d.set(m)
		}
		given[m.Name] = true
	}
	for _, r := range d.byChild(inner, given) {
		d.reach(r)
	}
}

// byChild sorts members such as A__b by their child, in the order of their
// first use, and refuses those that have none.
func (d *derivation) byChild(inner []Member, given map[string]bool) []reached {
	var all []reached
	at := map[string]int{}
	for _, m := range inner {
		child, rest, _ := strings.Cut(m.Name, "__")
		if d.noChild(m, child, given[child]) {
			continue
		}
		if _, ok := at[child]; !ok {
			at[child] = len(all)
			all = append(all, reached{child: child})
		}
		all[at[child]].members = append(all[at[child]].members, Member{rest, m.Value, m.Pos})
	}
	return all
}

func (d *derivation) noChild(m Member, child string, replaced bool) bool {
	if replaced {
		d.refuse(m.Pos, "derive the new "+child+" with the member instead", "%s reaches into %s, which the same call replaces", m.Name, quoted(child))
		return true
	}
	found, ok := d.made.member(child)
	if !ok {
		d.refuse(m.Pos, didYouMean(near(child, d.made.childNames())), "%s reaches into %s, and there is no such child", m.Name, quoted(child))
		return true
	}
	if _, ok := found.Value.(*Type); !ok {
		d.refuse(m.Pos, "", "%s reaches into %s, which is no child", m.Name, quoted(child))
		return true
	}
	return false
}

func (d *derivation) reach(r reached) {
	i := d.made.index[r.child]
	inner, err := d.made.members[i].Value.(*Type).Derive(r.members, r.members[0].Pos)
	if err != nil {
		d.problems = append(d.problems, within(r.child, err)...)
		return
	}
	d.made.members[i].Value = inner
}

// within names the child that the errors of an inner type belong to.
func within(child string, err error) []error {
	all := DefinitionErrors(err)
	named := make([]error, len(all))
	for i, e := range all {
		named[i] = &DefinitionError{e.Pos, "in " + child + ": " + e.Text, e.Hint}
	}
	return named
}

// set gives the type one member or special key.
func (d *derivation) set(m Member) {
	switch m.Name {
	case "hosts":
		d.setHosts(m)
	case "group":
		d.setGroup(m)
	case "doc":
		d.setDoc(m)
	case "forks", "serial", "max_fail":
		d.setBound(m)
	default:
		d.setMember(m)
	}
}

func (d *derivation) setMember(m Member) {
	if err := refusal(m); err != nil {
		d.problems = append(d.problems, err)
		return
	}
	if d.given == nil {
		d.given = map[string]bool{}
	}
	d.given[m.Name] = true
	if i, ok := d.made.index[m.Name]; ok {
		d.made.members[i] = m
		return
	}
	d.made.index[m.Name] = len(d.made.members)
	d.made.members = append(d.made.members, m)
}

func (d *derivation) setGroup(m Member) {
	switch v := m.Value.(type) {
	case nil:
		d.made.group = nil
	case Group:
		if v.Name == "" {
			d.refuse(m.Pos, "", "a group needs a name")
		}
		d.made.group = &v
	default:
		d.refuse(m.Pos, "such as groups.production", "group must be a group, not %v", typeName(v))
	}
}

func (d *derivation) setDoc(m Member) {
	switch v := m.Value.(type) {
	case nil:
		d.made.doc = ""
	case string:
		d.made.doc = v
	default:
		d.refuse(m.Pos, "", "doc must be a text, not %v", typeName(v))
	}
}

func wholeNumber(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int64:
		return int(n), int64(int(n)) == n
	}
	return 0, false
}

// finish checks what depends on several members and indexes the children.
func (d *derivation) finish() {
	t := d.made
	if t.form != noForm && t.hosts != nil && !hasRole(t.hosts, HostRole) {
		d.refuse(t.hostsPos, t.form.String()+" stands for the hosts of its role host: {\""+HostRole+"\": ...}, or map_roles(\"...\")", "the hosts of %s have no role %s", t.form, quoted(HostRole))
	}
	d.indexAliases()
	t.widest = t.mostForks()
	t.children = map[string]int{}
	for _, m := range t.members {
		if _, ok := m.Value.(*Type); ok {
			t.children[m.Name] = len(t.children)
		}
	}
}

func (t *Type) childNames() []string {
	var names []string
	for _, m := range t.members {
		if _, ok := m.Value.(*Type); ok {
			names = append(names, m.Name)
		}
	}
	return names
}
