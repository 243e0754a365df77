package host

import (
	"context"
	"slices"
	"time"
)

// Role is a named list of hosts.
type Role struct {
	Name  string
	Hosts []Host
}

// Group is the HostsContainer: hosts by role, in a context. It is immutable.
type Group struct {
	roles   []Role
	hosts   []Host
	names   []string
	index   map[string]int
	context Context
	hooks   Hooks
	limiter *Limiter
	timeout time.Duration
	batches func(ctx context.Context, hosts []string, checked bool) *Batches
}

// GroupOptions make a Group. Hooks and Limiter may be nil.
type GroupOptions struct {
	Roles   []Role
	Context Context
	Hooks   Hooks
	Limiter *Limiter
	Timeout time.Duration // upper bound for every command's time, per host; 0: none
	// Batches gives those of one call, made for it, on these hosts, which must
	// not be changed; nil, also as its result: there are none. checked says
	// whether a result that is not OK is an error.
	Batches func(ctx context.Context, hosts []string, checked bool) *Batches
}

// NewGroup makes a group. Order is role by role, each host once: hosts are
// told apart by their names.
func NewGroup(o GroupOptions) *Group {
	g := &Group{context: o.Context, hooks: o.Hooks, limiter: o.Limiter, timeout: o.Timeout, batches: o.Batches}
	if g.hooks == nil {
		g.hooks = noHooks{}
	}
	return g.with(o.Roles)
}

// with returns the group with other hosts.
func (g *Group) with(roles []Role) *Group {
	out := *g
	size := 0
	for _, r := range roles {
		size += len(r.Hosts)
	}
	out.roles = roles
	out.hosts = make([]Host, 0, size)
	out.names = make([]string, 0, size)
	out.index = make(map[string]int, size)
	for _, r := range roles {
		for _, h := range r.Hosts {
			out.add(h)
		}
	}
	return &out
}

func (g *Group) add(h Host) {
	name := h.Name()
	if _, ok := g.index[name]; ok {
		return
	}
	g.index[name] = len(g.hosts)
	g.hosts = append(g.hosts, h)
	g.names = append(g.names, name)
}

// Roles returns the roles as given. The caller must not change them.
func (g *Group) Roles() []Role { return g.roles }

// Hosts returns each host once, in order. The caller must not change it.
func (g *Group) Hosts() []Host { return g.hosts }

// Names returns the hosts' names, in order. The caller must not change it.
func (g *Group) Names() []string { return g.names }

// Context returns the context that commands run in.
func (g *Group) Context() Context { return g.context }

// With returns the same hosts in another context.
func (g *Group) With(c Context) *Group {
	out := *g
	out.context = c
	return &out
}

// Filter keeps the named roles; one that does not exist adds nothing.
func (g *Group) Filter(roles ...string) *Group {
	var keep []Role
	for _, r := range g.roles {
		if slices.Contains(roles, r.Name) {
			keep = append(keep, r)
		}
	}
	return g.with(keep)
}

// FilterFunc keeps the hosts for which keep is true, in their roles. It asks
// once per host. A role that no host is left in stays, empty.
func (g *Group) FilterFunc(keep func(Host) bool) *Group {
	kept := make(map[string]bool, len(g.hosts))
	for i, h := range g.hosts {
		kept[g.names[i]] = keep(h)
	}
	roles := make([]Role, len(g.roles))
	for i, r := range g.roles {
		roles[i].Name = r.Name
		for _, h := range r.Hosts {
			if kept[h.Name()] {
				roles[i].Hosts = append(roles[i].Hosts, h)
			}
		}
	}
	return g.with(roles)
}
