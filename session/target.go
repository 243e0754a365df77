package session

import (
	"errors"
	"strings"

	"github.com/deployerd/deployerd/node"
)

// maxAbove bounds the sub-shells of a session.
const maxAbove = 64

// byDefault makes the default action of the node that words name what they
// lead to, where it is no action by itself. A word that is no part of the path
// is its argument then. An attribute's name stays an error, and a cell that is
// not there too: both are places that the line got wrong.
func (c *invocation) byDefault(found node.Found, words []string) node.Found {
	var attribute *node.AttributeError
	if found.Action != nil || found.Words == 0 || errors.As(found.Next, &attribute) {
		return found
	}
	if found.Words < len(words) && strings.HasPrefix(words[found.Words], ":") {
		return found
	}
	if call, ok := found.Node.Default(); ok && c.view.action(found.Node, call) {
		found.Action, found.Next = &call, nil
	}
	return found
}

// goes says whether words only lead somewhere else, as cd does: at a prompt ..
// goes up, whatever the default action there is.
func (c *invocation) goes(words []string) bool {
	if c.shot || len(c.line.words) != 1 || len(words) != 1 {
		return false
	}
	last := strings.TrimRight(words[0], "/")
	switch last[strings.LastIndexByte(last, '/')+1:] {
	case "", ".", "..", "-":
		return true
	}
	return false
}

// confirmable refuses an action that asks before it runs where nobody answers.
func (c *invocation) confirmable(found node.Found) error {
	question := found.Action.Confirm
	if question == "" || c.opts().yes || c.answers() {
		return nil
	}
	return wrongf("%s asks before it runs: %q; --yes answers it", label(found.Node.Path(), found.Action.Name), question)
}

// answers says whether the line's user can answer questions.
func (c *invocation) answers() bool {
	o := c.opts()
	return c.s.shell != nil && !o.json && !o.nonInteractive && !o.detach
}

// taken goes where an action's result is a node: a sub-shell, which return
// leaves. A one-shot has printed its path, and that is all.
func (c *invocation) taken(value any) error {
	env, ok := value.(*node.Env)
	if !ok || c.shot {
		return nil
	}
	if _, err := c.maySee(env.Node()); err != nil {
		return err
	}
	if len(c.s.above) >= maxAbove {
		return wrongf("sub-shells nest more than %d deep: leave some with return", maxAbove)
	}
	c.s.above = append(c.s.above, c.here)
	c.s.last, c.s.place = c.here, env.Node()
	return c.out.say("you are at " + label(env.Node().Path(), "") + " now; return leaves it")
}

func doReturn(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	n := len(c.s.above)
	if n == 0 {
		return errExit
	}
	c.s.last, c.s.place = c.here, c.s.above[n-1]
	c.s.above = c.s.above[:n-1]
	return nil
}
