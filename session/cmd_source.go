package session

import (
	"errors"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
)

// doSourceCode shows the definition of a node, an action, a property, a query
// or an attribute.
func doSourceCode(c *invocation) error {
	found := c.resolve(c.args(), c.view.watching(c.s.last))
	var attribute *node.AttributeError
	switch {
	case errors.As(found.Next, &attribute):
		return c.attributeSource(attribute)
	case found.Next != nil:
		return found.Next
	case found.Action != nil && found.Words < len(c.line.words):
		return c.usage()
	}
	if found.Action != nil {
		return c.source(found.Node, found.Action.Pos, label(found.Node.Path(), found.Action.Name))
	}
	return c.source(found.Node, found.Node.Type().Pos(), label(found.Node.Path(), ""))
}

func (c *invocation) attributeSource(at *node.AttributeError) error {
	n, ok := c.at(at.In)
	if !ok {
		return at
	}
	for _, a := range n.Attributes(true) {
		if a.Name == at.Word {
			return c.source(n, definedAt(a), label(n.Path(), a.Name))
		}
	}
	return at
}

// definedAt is where an attribute was written: a property's function, or else
// the member.
func definedAt(a node.Attribute) node.Position {
	if a.Property != nil && a.Property.Pos != (node.Position{}) {
		return a.Property.Pos
	}
	return a.Pos
}

// source shows the definition at a position. Whoever may run an action may not
// therefore read how it is done.
func (c *invocation) source(n *node.Node, pos node.Position, what string) error {
	if err := c.authorize(auth.See, n); err != nil {
		return err
	}
	source, ok := n.Tree().Source(pos)
	if !ok {
		return wrongf("%s was not written in a file of the tree", what)
	}
	if c.out.display == nil || c.out.display.plain {
		return c.out.answer(sourceLines(source.Text))
	}
	return c.out.answer(highlighted(source.Text, c.out.display.colour))
}
