package session

import (
	"strings"

	"github.com/deployerd/deployerd/node"
)

// prompt is who is where: alice@deploy-box production.web:web1 >
func (sh *shell) prompt() string {
	s := sh.s
	who := printable(s.rights.client.Identity.User) + "@" + s.m.o.HostName
	place := s.place
	if place == nil {
		place = s.m.state.Load().Tree.Root()
	}
	d := sh.out.display
	return d.colour(bold, who) + " " + coloured(d, place) + " > "
}

// coloured is a place's path, each part in the colour of its group.
func coloured(d *display, n *node.Node) string {
	colour := groupColour(n.Group().Color)
	parent := n.Parent()
	if parent == nil {
		return d.colour(colour, "/")
	}
	path, above := n.Path(), strings.TrimSuffix(parent.Path(), "/")
	own, below := strings.CutPrefix(path, above+"/")
	switch {
	case !below: // a cell that is written further left
		return d.colour(colour, printable(label(path, "")))
	case above == "":
		return d.colour(colour, printable(own))
	}
	return coloured(d, parent) + "." + d.colour(colour, printable(own))
}

// groupColour is a colour's SGR parameter; "" for one that terminals lack.
func groupColour(name string) string {
	switch name {
	case "red":
		return red
	case "green":
		return green
	case "yellow":
		return "33"
	case "blue":
		return "34"
	case "magenta":
		return "35"
	case "cyan":
		return "36"
	}
	return ""
}
