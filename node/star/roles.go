package star

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// allHosts is ALL_HOSTS.
type allHosts struct{ inert }

func (allHosts) String() string { return "ALL_HOSTS" }
func (allHosts) Type() string   { return "ALL_HOSTS" }

// roleMap is what map_roles gives.
type roleMap struct {
	inert
	m *node.RoleMap
}

func (roleMap) String() string { return "map_roles(...)" }
func (roleMap) Type() string   { return "map_roles" }

// mapRoles is map_roles(*roles, **roles_by_name).
func mapRoles(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	m := &node.RoleMap{}
	for _, arg := range args {
		from, err := parentRoles(arg)
		if err != nil {
			return nil, fmt.Errorf("map_roles: %w", err)
		}
		m.Entries = append(m.Entries, node.RoleMapEntry{From: from})
	}
	for _, kw := range kwargs {
		name := string(kw[0].(starlark.String))
		from, err := parentRoles(kw[1])
		if err != nil {
			return nil, fmt.Errorf("map_roles: %s: %w", name, err)
		}
		m.Entries = append(m.Entries, node.RoleMapEntry{Name: name, From: from})
	}
	return roleMap{m: m}, nil
}

// parentRoles reads a role's name, ALL_HOSTS, or a list of them.
func parentRoles(v starlark.Value) ([]string, error) {
	switch v := v.(type) {
	case starlark.String:
		return []string{string(v)}, nil
	case allHosts:
		return []string{node.AllHosts}, nil
	}
	var names []string
	for item := range listed(v) {
		if _, nested := item.(starlark.Iterable); nested {
			return nil, fmt.Errorf("got %s in a list, want a role's name", item.Type())
		}
		name, err := parentRoles(item)
		if err != nil {
			return nil, err
		}
		names = append(names, name...)
	}
	if !isListed(v) {
		return nil, fmt.Errorf("got %s, want a role's name, ALL_HOSTS, or a list of them", v.Type())
	}
	return names, nil
}

// listed iterates over a list, a tuple or a set; over anything else not at all.
func listed(v starlark.Value) iter.Seq[starlark.Value] {
	if !isListed(v) {
		return func(func(starlark.Value) bool) {}
	}
	return starlark.Elements(v.(starlark.Iterable))
}

func isListed(v starlark.Value) bool {
	switch v.(type) {
	case *starlark.List, starlark.Tuple, *starlark.Set:
		return true
	}
	return false
}

// toHosts reads what hosts= was given: nil, a node.Hosts or a *node.RoleMap.
func toHosts(v starlark.Value) (any, error) {
	const hint = `such as {"web": [web1, web2]}, or map_roles(...)`
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case roleMap:
		return v.m, nil
	case *starlark.Dict:
		return hostsOf(v)
	case hostValue, *starlark.List, starlark.Tuple:
		return nil, withHint(`name the role: {"host": [...]}`, "hosts is a dictionary of roles, not a %s", v.Type())
	}
	return nil, withHint(hint, "hosts is a dictionary of roles, not a %s", v.Type())
}

func hostsOf(d *starlark.Dict) (node.Hosts, error) {
	hosts := node.Hosts{}
	for _, item := range d.Items() {
		name, ok := starlark.AsString(item[0])
		if !ok {
			return nil, fmt.Errorf("hosts: a role's name is a text, not a %s", item[0].Type())
		}
		items, err := hostItems(item[1])
		if err != nil {
			return nil, fmt.Errorf("hosts: role %s: %w", name, err)
		}
		hosts = append(hosts, node.HostsRole{Name: name, Items: items})
	}
	return hosts, nil
}

// containedHosts are a container's hosts without its context.
func containedHosts(v *containerValue) []node.HostsItem {
	items := []node.HostsItem{}
	for _, h := range v.g.Hosts() {
		items = append(items, node.HostsItem{Host: h})
	}
	return items
}

// hostItems reads a host, ALL_HOSTS, a container, or a list of them.
func hostItems(v starlark.Value) ([]node.HostsItem, error) {
	switch v := v.(type) {
	case hostValue:
		return []node.HostsItem{{Host: v.h}}, nil
	case *handleValue:
		return []node.HostsItem{{Host: v.h.Host()}}, nil
	case *containerValue:
		return containedHosts(v), nil
	case allHosts:
		return []node.HostsItem{{All: true}}, nil
	case starlark.String:
		return nil, withHint("name the variable that ssh_host gave: "+string(v), "got the text %s, want a host", v)
	}
	if !isListed(v) {
		return nil, fmt.Errorf("got %s, want a host, a list of hosts or a container", v.Type())
	}
	items := []node.HostsItem{}
	for item := range listed(v) {
		if isListed(item) {
			return nil, errors.New("got a list in a list, want a host")
		}
		more, err := hostItems(item)
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}

func sorted(names iter.Seq[string]) []string { return slices.Sorted(names) }
