package node

import "github.com/deployerd/deployerd/host"

// baseRoles are the place's hosts by role with no cell chosen.
func (p *place) baseRoles() []host.Role {
	p.once.Do(func() {
		if p.parent == nil {
			p.roles = p.ownRoles(nil)
			return
		}
		p.roles = p.ownRoles(p.parent.baseRoles())
	})
	return p.roles
}

// rolesIn are the place's hosts by role in the cell of these hosts, of which
// there may be fewer than the place has dimensions.
func (p *place) rolesIn(cell []host.Host) []host.Role {
	if len(cell) == 0 {
		return p.baseRoles()
	}
	if p.isDimension() && len(cell) == len(p.arrays) {
		last := len(cell) - 1
		return withHost(p.rolesIn(cell[:last]), []host.Host{cell[last]})
	}
	return p.ownRoles(p.parent.rolesIn(p.parent.cut(cell)))
}

// cut keeps as many of a cell's hosts as the place has dimensions.
func (p *place) cut(cell []host.Host) []host.Host {
	n := min(len(cell), len(p.arrays))
	return cell[:n:n]
}

// ownRoles applies the type's hosts to the parent's roles.
func (p *place) ownRoles(parent []host.Role) []host.Role {
	var roles []host.Role
	switch hosts := p.typ.hosts.(type) {
	case Hosts:
		roles = hosts.roles(parent)
	case *RoleMap:
		roles = hosts.roles(parent)
	default:
		if p.typ.form != noForm {
			return []host.Role{{Name: HostRole, Hosts: allOf(parent)}}
		}
		return parent
	}
	if p.sharesCells() {
		return withHost(roles, hostsOf(parent, HostRole))
	}
	return roles
}

// withHost gives the roles with these hosts in the role host, which stands
// where it stood, or else first.
func withHost(roles []host.Role, hosts []host.Host) []host.Role {
	changed := make([]host.Role, 0, len(roles)+1)
	found := false
	for _, role := range roles {
		if role.Name == HostRole {
			role.Hosts = hosts
			found = true
		}
		changed = append(changed, role)
	}
	if !found {
		changed = append([]host.Role{{Name: HostRole, Hosts: hosts}}, changed...)
	}
	return changed
}

func hostsOf(roles []host.Role, name string) []host.Host {
	for _, role := range roles {
		if role.Name == name {
			return role.Hosts
		}
	}
	return nil
}

func (h Hosts) roles(parent []host.Role) []host.Role {
	roles := make([]host.Role, 0, len(h))
	for _, role := range h {
		var list hostList
		for _, item := range role.Items {
			if item.All {
				list.add(allOf(parent))
			} else {
				list.add([]host.Host{item.Host})
			}
		}
		roles = append(roles, host.Role{Name: role.Name, Hosts: list.hosts})
	}
	return roles
}

func (m *RoleMap) roles(parent []host.Role) []host.Role {
	from := map[string]map[string]bool{}
	var names []string
	for _, entry := range m.Entries {
		name := entry.role()
		if from[name] == nil {
			from[name] = map[string]bool{}
			names = append(names, name)
		}
		for _, f := range entry.From {
			from[name][f] = true
		}
	}
	roles := make([]host.Role, 0, len(names))
	for _, name := range names {
		roles = append(roles, host.Role{Name: name, Hosts: pick(parent, from[name])})
	}
	return roles
}

// pick takes the hosts of some roles, in the order of the parent's roles. A
// role that the parent does not have gives none.
func pick(parent []host.Role, from map[string]bool) []host.Host {
	var list hostList
	for _, role := range parent {
		if from[role.Name] || from[AllHosts] {
			list.add(role.Hosts)
		}
	}
	return list.hosts
}

func allOf(roles []host.Role) []host.Host {
	return pick(roles, map[string]bool{AllHosts: true})
}

// hostList is a list that takes each host once. Hosts of one tree are told
// apart by their names.
type hostList struct {
	hosts []host.Host
	seen  map[string]bool
}

func (l *hostList) add(hosts []host.Host) {
	if l.seen == nil {
		l.seen = make(map[string]bool, len(hosts))
	}
	for _, h := range hosts {
		if !l.seen[h.Name()] {
			l.seen[h.Name()] = true
			l.hosts = append(l.hosts, h)
		}
	}
}
