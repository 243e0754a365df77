package node

import (
	"fmt"
	"strings"

	"github.com/deployerd/deployerd/host"
)

// JustOneError says that a just_one was used that has not exactly one host.
type JustOneError struct {
	Path  string
	Hosts []string // those of its role host
}

func (e *JustOneError) Error() string {
	const shown = 5
	text := fmt.Sprintf("%s is a just_one and has %d hosts in its role %s, not one", dottedOrRoot(e.Path), len(e.Hosts), quoted(HostRole))
	switch {
	case len(e.Hosts) > shown:
		return text + " (" + strings.Join(e.Hosts[:shown], ", ") + ", ...)"
	case len(e.Hosts) > 0:
		return text + " (" + strings.Join(e.Hosts, ", ") + ")"
	}
	return text
}

// Usable says whether something can be done at the node: a just_one, and what
// is below it, needs its one host. The error is a *JustOneError. Where cells
// are not chosen yet it is left to each of them.
func (n *Node) Usable() error {
	for p := n.place; p != nil; p = p.parent {
		if p.typ.form != justOne || len(p.arrays) > len(n.cell) {
			continue
		}
		at := p.in(n.cell)
		if hosts := hostsOf(at.Roles(), HostRole); len(hosts) != 1 {
			return &JustOneError{Path: at.Path(), Hosts: namesOf(hosts)}
		}
	}
	return nil
}

// Isolated are the names of the hosts that a chosen cell, a just_one, or what
// is below one, is isolated to; nil where it is not.
func (n *Node) Isolated() []string {
	if n.IsArray() {
		return nil
	}
	if h, ok := n.alone(); ok {
		return []string{h.Name()}
	}
	return n.Keys()
}

// alone is the one host of the nearest just_one without an array below it.
func (n *Node) alone() (host.Host, bool) {
	for p := n.place; p != nil && !p.isDimension(); p = p.parent {
		if p.typ.form != justOne {
			continue
		}
		hosts := hostsOf(p.in(n.cell).Roles(), HostRole)
		if len(hosts) != 1 {
			return nil, false
		}
		return hosts[0], true
	}
	return nil, false
}
