package session

import (
	"errors"
	"strings"

	"github.com/deployerd/deployerd/node"
)

// resolve follows words from where the session is.
func (c *invocation) resolve(words []string, lookup node.Lookup) node.Found {
	found := c.here.Resolve(words, lookup)
	found.Next = c.conceal(found, lookup)
	return found
}

// conceal makes what the user may not see look like what is not there, to the
// byte.
func (c *invocation) conceal(found node.Found, lookup node.Lookup) error {
	var attribute *node.AttributeError
	var missing *node.NotFoundError
	switch {
	case errors.As(found.Next, &missing) && missing.Word == "-":
		return &missingError{"-: there is no last place yet"}
	case errors.As(found.Next, &attribute):
		at, ok := c.at(attribute.In)
		if ok && c.view.sees(at) {
			return found.Next
		}
		missing = &node.NotFoundError{Word: attribute.Word, In: attribute.In}
	case errors.As(found.Next, &missing):
		missing = &node.NotFoundError{Word: missing.Word, In: missing.In}
	default:
		return found.Next
	}
	if at, ok := c.at(missing.In); ok {
		missing.Suggestions = suggest(missing.Word, c.names(at))
	}
	if found.Words == 0 && len(c.line.words) > 0 && c.line.command == nil && len(missing.Suggestions) == 0 {
		missing.Suggestions = suggest(missing.Word, commandNames())
	}
	if missing.In == c.here.Path() {
		missing.In = ""
	}
	return missing
}

// at is the node of an absolute path, whoever may see it.
func (c *invocation) at(path string) (*node.Node, bool) {
	if path == c.here.Path() {
		return c.here, true // which may be one that an action has made
	}
	return nodeAt(c.state.Tree, path)
}

func nodeAt(tree *node.Tree, path string) (*node.Node, bool) {
	found := tree.Root().Resolve([]string{path}, node.Lookup{})
	return found.Node, found.Next == nil && found.Action == nil
}

// names are what the user may know to be at a node: children, actions, cells.
func (c *invocation) names(n *node.Node) []string {
	var names []string
	for _, child := range n.Children(false) {
		if c.view.knows(child) {
			names = append(names, child.Name())
		}
	}
	for _, a := range n.Actions(false) {
		if c.view.action(n, a) {
			names = append(append(names, a.Name), a.Aliases...)
		}
	}
	for _, cell := range n.Cells() {
		if c.view.knows(cell) {
			names = append(names, cellName(cell))
		}
	}
	return names
}

// cellName is the part of a cell's path that chooses it: ":web1".
func cellName(cell *node.Node) string {
	path := cell.Path()
	last := path[strings.LastIndexByte(path, '/')+1:]
	if at := strings.IndexByte(last, ':'); at >= 0 {
		return last[at:]
	}
	return last
}

// place is the node that a command's path names, or where the session is.
// Naming an action is an error, and so is an attribute.
func (c *invocation) place(words []string, lookup node.Lookup) (*node.Node, error) {
	found := c.resolve(words, lookup)
	switch {
	case found.Next != nil:
		return nil, found.Next
	case found.Action != nil:
		return nil, wrongf("%s is an action, not a node", label(found.Node.Path(), found.Action.Name))
	}
	return found.Node, nil
}

// look is place for a command that shows it. What may not be seen is not
// there, except for the place where one is: that one knows.
func (c *invocation) look(words []string) (n *node.Node, bare bool, err error) {
	if n, err = c.place(words, c.view.watching(c.s.last)); err != nil {
		return nil, false, err
	}
	bare, err = c.maySee(n)
	return n, bare, err
}

// enter goes to a node.
func (c *invocation) enter(n *node.Node) {
	if n.Path() != c.here.Path() {
		c.s.last, c.s.place = c.here, n
	}
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		if c.do != nil && !strings.HasPrefix(c.name, "--") {
			names = append(names, c.name)
		}
	}
	return names
}
