package node

import (
	"errors"
	"os"
	"slices"

	"github.com/deployerd/deployerd/host"
)

// Hosts is the dictionary of role → hosts, in the order written.
type Hosts []HostsRole

// HostsRole is one role of Hosts. All (ALL_HOSTS) stands for every host of the
// parent, at its place in Hosts.
type HostsRole struct {
	Name  string
	Items []HostsItem
}

// HostsItem is a host, or with All every host of the parent.
type HostsItem struct {
	Host host.Host
	All  bool
}

// RoleMap takes roles from the parent's: map_roles. Those without Name land in
// the role "host". A From of AllHosts is every host of the parent.
type RoleMap struct {
	Entries []RoleMapEntry
}

// RoleMapEntry maps the parent's roles From to the role Name ("host" if "").
// Entries of one name add up.
type RoleMapEntry struct {
	Name string
	From []string
}

// AllHosts stands for every host of the parent in a RoleMapEntry.
const AllHosts = "\x00all"

// HostRole is the role whose hosts a parallel node has its cells of.
const HostRole = "host"

// Group is a group of nodes, such as production; equal by Name.
type Group struct {
	Name  string
	Color string
}

// The groups every tree has.
var (
	Production = Group{"production", "red"}
	Staging    = Group{"staging", "yellow"}
	Beta       = Group{"beta", "cyan"}
	LocalGroup = Group{"local", "green"}
	Utility    = Group{"utility", "magenta"}
	Other      = Group{"other", ""}
)

// hasRole says whether hosts (a Hosts or a *RoleMap) gives a role of that name.
func hasRole(hosts any, name string) bool {
	switch h := hosts.(type) {
	case Hosts:
		for _, role := range h {
			if role.Name == name {
				return true
			}
		}
	case *RoleMap:
		for _, entry := range h.Entries {
			if entry.role() == name {
				return true
			}
		}
	}
	return false
}

func (e RoleMapEntry) role() string {
	if e.Name == "" {
		return HostRole
	}
	return e.Name
}

// clone keeps a type's hosts out of reach of whoever gave them.
func (h Hosts) clone() Hosts {
	c := slices.Clone(h)
	for i := range c {
		c[i].Items = slices.Clone(c[i].Items)
	}
	return c
}

func (m *RoleMap) clone() *RoleMap {
	c := &RoleMap{Entries: slices.Clone(m.Entries)}
	for i := range c.Entries {
		c.Entries[i].From = slices.Clone(c.Entries[i].From)
	}
	return c
}

// Folder is the private folder of the person who started a run.
type Folder struct {
	Root *os.Root
	Room int64 // how many bytes may come into it now, at least 1; 0: host.GetLimit
}

var errFolder = errors.New("whoever started this run has no folder here")

// OpenFolder opens the person's folder; the caller closes its Root.
func (e *Env) OpenFolder() (Folder, error) {
	if e.run.OpenFolder == nil {
		return Folder{}, errFolder
	}
	return e.run.OpenFolder()
}

// LogHost writes a line into the run's log, in the name of a host.
func (e *Env) LogHost(host, text string) { e.run.trace().Log(e.node, host, text) }
