package host

// Handle is one host in a group's context.
type Handle struct {
	group *Group
	host  Host
}

// Handle returns the named host, or false.
func (g *Group) Handle(name string) (*Handle, bool) {
	i, ok := g.index[name]
	if !ok {
		return nil, false
	}
	return &Handle{group: g, host: g.hosts[i]}, true
}

// Host returns the handle's host.
func (h *Handle) Host() Host { return h.host }

// Group returns a group of this one host, in the roles that it has, with the
// context, hooks and limits.
func (h *Handle) Group() *Group {
	name := h.host.Name()
	var roles []Role
	for _, r := range h.group.roles {
		for _, member := range r.Hosts {
			if member.Name() == name {
				roles = append(roles, Role{Name: r.Name, Hosts: []Host{h.host}})
				break
			}
		}
	}
	return h.group.with(roles)
}
