package session

import (
	"io"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
)

// command is a row of the table of commands.
type command struct {
	name    string
	section string
	usage   string
	doc     string
	example string
	right   string // as SHELL.md's column
	takes   optionSet
	raw     bool                      // what follows -- is one text, byte for byte
	names   bool                      // its words may be names such as --run
	do      func(c *invocation) error // nil: not in this version
}

// table returns the commands in the order of help.
func commands() []command {
	var all []command
	all = append(all, treeCommands()...)
	all = append(all, runCommands()...)
	all = append(all, infoCommands()...)
	all = append(all, peopleCommands()...)
	all = append(all, shellCommands()...)
	return append(all, laterCommands()...)
}

// laterCommands are those of SHELL.md that this version does not have. Their
// names are taken all the same, so that no line changes its meaning later.
func laterCommands() []command {
	names := []string{
		"--scp", "jobs", "fg", "cancel", "attach", "wait",
		"runs", "show", "replay", "rerun", "compare", "watch", "join", "msg", "wall", "kick",
		"lock", "unlock", "park", "unpark", "approve", "deny", "requests", "hostkeys", "trust",
		"who-can", "monitor", "set-option", "show-options",
	}
	list := make([]command, len(names))
	for i, name := range names {
		list[i] = command{name: name}
	}
	return list
}

func findCommand(name string) (*command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return &c, true
		}
	}
	return nil, false
}

// invocation is one line being done.
type invocation struct {
	s     *Session
	state *State
	view  *view
	here  *node.Node
	line  *line
	out   *output
	stdin io.Reader // nil when it holds lines
	shot  bool      // a one-shot, not a line of several
}

func (c *invocation) opts() *options { return &c.line.opts }

// authorize asks for a verb at a node with the line's reason.
func (c *invocation) authorize(verb auth.Verb, n *node.Node) error {
	q := request(verb, n, hostNames(n.Roles()))
	q.Reason = c.opts().reason
	return c.s.rights.authorize(q)
}

// maySee asks whether the node may be looked at. With bare it may not be seen
// itself, and is shown only for what is below it.
func (c *invocation) maySee(n *node.Node) (bare bool, err error) {
	if !c.view.sees(n) && c.view.shows(n) {
		return true, nil
	}
	return false, c.authorize(auth.See, n)
}

// seesAnything asks for see anywhere in the tree, for what is about all of it.
func (c *invocation) seesAnything() error {
	_, err := c.maySee(c.state.Tree.Root())
	return err
}

// usage is the error of arguments that a command does not take.
func (c *invocation) usage() error { return wrongf("usage: %s", c.line.command.usage) }

// args are the words after the command. none refuses any.
func (c *invocation) args() []string { return texts(c.line.words) }

func (c *invocation) none() error {
	if len(c.line.words) > 0 {
		return c.usage()
	}
	return nil
}
