package session

import (
	"fmt"

	"github.com/deployerd/deployerd/node"
)

// Shadowed tells, a line each, the names in a tree that are a command's too:
// where such a node or action stands, a line that begins with its name is the
// command.
func Shadowed(tree *node.Tree) []string {
	s := shadows{commands: make(map[string]bool), places: make(map[string][]string)}
	for _, c := range commands() {
		s.commands[c.name] = true
	}
	s.below(tree.Root())
	var list []string
	for _, name := range s.names {
		more := ""
		if n := len(s.places[name]) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		list = append(list, fmt.Sprintf("%s%s has the name of a command: where it stands, ./%s reaches it", s.places[name][0], more, name))
	}
	return list
}

// shadows collects the names that are a command's.
type shadows struct {
	commands map[string]bool
	names    []string            // in the order of the tree
	places   map[string][]string // where each is
}

func (s *shadows) below(n *node.Node) {
	for _, a := range n.Actions(true) {
		s.add(a.Name, actionEntry(n, a).path)
		for _, alias := range a.Aliases {
			s.add(alias, actionEntry(n, a).path)
		}
	}
	for _, child := range n.Children(true) {
		s.add(child.Name(), child.Path())
		s.below(child)
	}
}

func (s *shadows) add(name, path string) {
	switch {
	case !s.commands[name]:
		return
	case s.places[name] == nil:
		s.names = append(s.names, name)
	}
	s.places[name] = append(s.places[name], path)
}
