package node

import (
	"fmt"
	"regexp"
	"unicode"

	"github.com/deployerd/deployerd/host"
)

// setHosts takes a type's hosts. The last that was given stands, so map_roles
// wins over an inherited dictionary.
func (d *derivation) setHosts(m Member) {
	switch v := m.Value.(type) {
	case nil:
		d.made.hosts = nil
		return
	case Hosts:
		d.checkHosts(v, m.Pos)
		d.made.hosts = v.clone()
	case *RoleMap:
		d.checkRoleMap(v, m.Pos)
		d.made.hosts = v.clone()
	default:
		d.refuse(m.Pos, `such as {"web": [web1, web2]}, or map_roles(...)`, "hosts must be a dictionary of roles, not %v", typeName(v))
		return
	}
	d.made.hostsPos = m.Pos
}

func (d *derivation) checkHosts(hosts Hosts, pos Position) {
	seen := map[string]bool{}
	for _, role := range hosts {
		d.checkRole(role.Name, pos)
		if seen[role.Name] {
			d.refuse(pos, "", "the role %s is given twice", quoted(role.Name))
		}
		seen[role.Name] = true
		for _, item := range role.Items {
			d.checkHost(item, role.Name, pos)
		}
	}
}

func (d *derivation) checkHost(item HostsItem, role string, pos Position) {
	switch {
	case item.All:
	case item.Host == nil:
		d.refuse(pos, "", "the role %s holds something that is no host", quoted(role))
	case !hostName.MatchString(item.Host.Name()):
		d.refuse(pos, "letters, digits, '.', '_' and '-', beginning with a letter or digit", "%s is no name for a host", quoted(item.Host.Name()))
	}
}

var hostName = regexp.MustCompile(host.NamePattern)

func (d *derivation) checkRoleMap(m *RoleMap, pos Position) {
	for _, entry := range m.Entries {
		d.checkRole(entry.role(), pos)
		for _, from := range entry.From {
			if from != AllHosts {
				d.checkRole(from, pos)
			}
		}
	}
}

// checkRole keeps what a terminal or a line cannot show out of roles' names.
func (d *derivation) checkRole(name string, pos Position) {
	bad := name == "" || len(name) > 255
	for _, r := range name {
		bad = bad || r == unicode.ReplacementChar || !unicode.IsGraphic(r)
	}
	if bad {
		d.refuse(pos, "", "%s is no name for a role", quoted(name))
	}
}

// typeName is what kind of value something is, in the words of a tree.
func typeName(v any) string {
	switch v := v.(type) {
	case interface{ TypeName() string }: // a tree's own
		return v.TypeName()
	case *Type:
		return "node type"
	case *Action:
		return "function"
	case *Property:
		return "property"
	case *Query:
		return "query"
	case Required:
		return "required"
	case int64:
		return "int"
	case float64:
		return "float"
	}
	return fmt.Sprintf("%T", v)
}
