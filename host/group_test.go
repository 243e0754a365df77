package host

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// layout is a group's hosts by role, and its order.
func layout(g *Group) (roles map[string][]string, names []string) {
	roles = map[string][]string{}
	for _, r := range g.Roles() {
		roles[r.Name] = []string{}
		for _, h := range r.Hosts {
			roles[r.Name] = append(roles[r.Name], h.Name())
		}
	}
	return roles, g.Names()
}

func checkLayout(t *testing.T, g *Group, roles map[string][]string, names ...string) {
	t.Helper()
	gotRoles, gotNames := layout(g)
	if diff := cmp.Diff(roles, gotRoles); diff != "" {
		t.Errorf("roles: %s", diff)
	}
	if diff := cmp.Diff(append([]string{}, names...), gotNames); diff != "" {
		t.Errorf("names: %s", diff)
	}
	for i, h := range g.Hosts() {
		if h.Name() != gotNames[i] {
			t.Errorf("host %d is %s, its name %s", i, h.Name(), gotNames[i])
		}
	}
}

func sample(o GroupOptions) *Group {
	hosts := fakes("web1", "web2", "db1")
	o.Roles = []Role{
		{Name: "web", Hosts: []Host{hosts[1], hosts[0]}},
		{Name: "db", Hosts: []Host{hosts[2], hosts[0]}},
	}
	return NewGroup(o)
}

func TestGroupNamesEachHostOnceInOrder(t *testing.T) {
	t.Parallel()
	checkLayout(t, sample(GroupOptions{}), map[string][]string{"web": {"web2", "web1"}, "db": {"db1", "web1"}}, "web2", "web1", "db1")
	checkLayout(t, NewGroup(GroupOptions{}), map[string][]string{})
}

func TestGroupFilters(t *testing.T) {
	t.Parallel()
	g := sample(GroupOptions{})
	checkLayout(t, g.Filter("db", "none"), map[string][]string{"db": {"db1", "web1"}}, "db1", "web1")
	checkLayout(t, g.Filter(), map[string][]string{})
	asked := 0
	some := g.FilterFunc(func(h Host) bool { asked++; return h.Name() != "db1" })
	checkLayout(t, some, map[string][]string{"web": {"web2", "web1"}, "db": {"web1"}}, "web2", "web1")
	if asked != 3 {
		t.Errorf("asked %d times for 3 hosts", asked)
	}
	checkLayout(t, g, map[string][]string{"web": {"web2", "web1"}, "db": {"db1", "web1"}}, "web2", "web1", "db1")
}

func TestGroupWithLeavesTheOldContext(t *testing.T) {
	t.Parallel()
	g := sample(GroupOptions{Context: Context{}.Cd("old", false)})
	other := g.With(g.Context().Cd("new", false))
	if got := line(t, g.Context(), "x").String(); got != line(t, Context{}.Cd("old", false), "x").String() {
		t.Errorf("the old context became %q", got)
	}
	if got := line(t, other.Context(), "x").String(); got != line(t, Context{}.Cd("old", false).Cd("new", false), "x").String() {
		t.Errorf("the new context is %q", got)
	}
}

func TestHandleIsOneHostInItsRoles(t *testing.T) {
	t.Parallel()
	g := sample(GroupOptions{Context: Context{}.Cd("dir", false)})
	h, ok := g.Handle("web1")
	if !ok || h.Host().Name() != "web1" {
		t.Fatalf("web1: %v, %t", h, ok)
	}
	checkLayout(t, h.Group(), map[string][]string{"web": {"web1"}, "db": {"web1"}}, "web1")
	if line(t, h.Group().Context(), "x") != line(t, g.Context(), "x") {
		t.Error("it has another context")
	}
	if _, ok := g.Handle("none"); ok {
		t.Error("a host that is not there has a handle")
	}
}
