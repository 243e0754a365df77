package node

import "strings"

// indexAliases finds the aliases of a type's actions again, and refuses those
// that are something else already.
func (d *derivation) indexAliases() {
	d.made.aliases = nil // the base's
	for i, m := range d.made.members {
		a, ok := m.Value.(*Action)
		if !ok {
			continue
		}
		for _, alias := range a.Aliases {
			d.addAlias(normal(alias), i)
		}
	}
}

func (d *derivation) addAlias(alias string, i int) {
	m := d.made.members[i]
	if text, hint := d.aliasProblem(alias, m.Name); text != "" {
		d.refuse(d.culprit(m, alias).Pos, hint, "the alias %s of %s %s", quoted(alias), m.Name, text)
		return
	}
	if d.made.aliases == nil {
		d.made.aliases = map[string]int{}
	}
	d.made.aliases[alias] = i
}

// aliasProblem says why an action cannot have an alias, "" if it can.
func (d *derivation) aliasProblem(alias, action string) (text, hint string) {
	other, known := d.made.aliases[alias]
	_, member := d.made.index[alias]
	switch {
	case !isAlias(alias):
		return "is no name", "names are letters, digits and _, and do not begin with a digit; dots may join several"
	case taken[alias] != "" || isKey(alias):
		return "is a name of env itself", "choose another name"
	case alias == action:
		return "is the action's own name", "leave it out"
	case alias == DefaultAction:
		return "is the default action's name", "give the function as " + DefaultAction + " = ..."
	case member:
		return "is a member of the same node", "choose another name for one of them"
	case known && d.made.members[other].Name == action:
		return "is given twice", ""
	case known:
		return "is an alias of " + d.made.members[other].Name + " too", "choose another name for one of them"
	}
	return "", ""
}

// culprit is the member that this call gives: the action with the alias, or
// what has the name already.
func (d *derivation) culprit(m Member, alias string) Member {
	if d.given[m.Name] {
		return m
	}
	i, ok := d.made.index[alias]
	if !ok {
		i, ok = d.made.aliases[alias]
	}
	if !ok {
		return m
	}
	return d.made.members[i]
}

// isAlias says whether a name is identifiers joined with dots.
func isAlias(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if !isIdentifier(part) {
			return false
		}
	}
	return true
}

// isKey says whether a name is one under which a type is given something that
// is no member.
func isKey(name string) bool {
	switch name {
	case "hosts", "group", "doc", "forks", "serial", "max_fail":
		return true
	}
	return false
}
