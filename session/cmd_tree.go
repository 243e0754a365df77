package session

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/deployerd/deployerd/node"
)

func treeCommands() []command {
	const section = "The tree"
	return []command{
		{
			name: "cd", section: section, usage: "cd [path]",
			doc:     "go to a node; without a path to the root, with - to the last place",
			example: "cd production.web:web1", right: "see",
			takes: takesReason, do: doCd,
		},
		{
			name: "ls", section: section, usage: "ls [-l] [-R] [path]",
			doc:     "list children, cells and actions; -l with kind, group, hosts and docs, -R with all below",
			example: "ls -l production", right: "see",
			takes: takesJSON | takesReason, do: doLs,
		},
		{
			name: "pwd", section: section, usage: "pwd",
			doc:     "where you are",
			example: "pwd", right: "see",
			takes: takesJSON | takesReason, do: doPwd,
		},
		{
			name: "find", section: section, usage: "find [pattern]",
			doc:     "paths below, whose name (or with a / whole path) matches",
			example: "find 'web*'", right: "see",
			takes: takesJSON | takesReason, do: doFind,
		},
		{
			name: "--inspect", section: section, usage: "--inspect [path]",
			doc:     "all about a node, an action or an attribute",
			example: "--inspect production.web", right: "see",
			takes: takesJSON | takesReason, do: doInspect,
		},
		{
			name: "--source-code", section: section, usage: "--source-code [path]",
			doc:     "how a node, an action or an attribute is defined",
			example: "--source-code production.web deploy", right: "see",
			takes: takesReason, do: doSourceCode,
		},
	}
}

func doCd(c *invocation) error {
	words := c.args()
	if len(words) == 0 {
		words = []string{"/"}
	}
	n, _, err := c.look(words)
	if err != nil {
		return err
	}
	c.enter(n)
	return nil
}

func doPwd(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if _, err := c.maySee(c.here); err != nil {
		return err
	}
	if c.opts().json {
		return c.out.object(object{{"path", c.here.Path()}})
	}
	return c.out.answer(c.here.Path() + "\n")
}

// entry is one thing that ls and find list.
type entry struct {
	name  string
	path  string
	kind  string
	group string
	doc   string
	hosts []string
}

func nodeEntry(n *node.Node, name string, bare bool) entry {
	e := entry{name: name, path: n.Path(), kind: n.KindName()}
	if !bare {
		e.group, e.doc, e.hosts = n.Group().Name, n.Doc(), hostNames(n.Roles())
	}
	return e
}

func actionEntry(n *node.Node, a node.NamedAction) entry {
	return entry{
		name: a.Name, path: strings.TrimSuffix(n.Path(), "/") + "/" + a.Name,
		kind: "action", group: n.Group().Name, doc: a.Doc,
	}
}

// children are what ls lists of a node: nodes, then cells, then actions.
func (c *invocation) children(n *node.Node) []entry {
	var entries []entry
	for _, child := range n.Children(false) {
		if c.view.shows(child) {
			entries = append(entries, nodeEntry(child, child.Name(), !c.view.sees(child)))
		}
	}
	for _, cell := range n.Cells() {
		if c.view.sees(cell) {
			entries = append(entries, nodeEntry(cell, cellName(cell), false))
		}
	}
	return append(entries, c.actions(n)...)
}

func (c *invocation) actions(n *node.Node) []entry {
	var entries []entry
	for _, a := range n.Actions(false) {
		if c.view.action(n, a) {
			entries = append(entries, actionEntry(n, a))
		}
	}
	return entries
}

// below lists all that is below a node, cells left out, in the order of the
// tree.
func (c *invocation) below(n *node.Node) []entry {
	var entries []entry
	for _, child := range n.Children(false) {
		if !c.view.shows(child) {
			continue
		}
		e := nodeEntry(child, child.Path(), !c.view.sees(child))
		entries = append(append(entries, e), c.below(child)...)
	}
	for _, e := range c.actions(n) {
		e.name = e.path
		entries = append(entries, e)
	}
	return entries
}

func doLs(c *invocation) error {
	var words []string
	long, recursive := false, false
	for _, w := range c.args() {
		if len(w) < 2 || w[0] != '-' {
			words = append(words, w)
			continue
		}
		for _, flag := range w[1:] {
			switch flag {
			case 'l':
				long = true
			case 'R':
				recursive = true
			default:
				return wrongf("ls takes no -%c; usage: %s", flag, c.line.command.usage)
			}
		}
	}
	n, _, err := c.look(words)
	if err != nil {
		return err
	}
	entries := c.children(n)
	if recursive {
		entries = c.below(n)
	}
	return c.list(entries, long)
}

func doFind(c *invocation) error {
	words := c.args()
	if len(words) > 1 {
		return c.usage()
	}
	if _, err := c.maySee(c.here); err != nil {
		return err
	}
	entries := c.below(c.here)
	if len(words) == 1 {
		match, err := matcher(words[0])
		if err != nil {
			return err
		}
		kept := entries[:0]
		for _, e := range entries {
			if match(e.path) {
				kept = append(kept, e)
			}
		}
		entries = kept
	}
	return c.list(entries, false)
}

// matcher tells which paths a pattern means: by their last name, or with a
// slash in it by the whole path.
func matcher(pattern string) (func(string) bool, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, wrongf("%s is no pattern: * is any text within a name, ** any levels", pattern)
	}
	return func(p string) bool {
		if !strings.Contains(pattern, "/") {
			p = path.Base(p)
		}
		return doublestar.MatchUnvalidated(pattern, p)
	}, nil
}

// list shows entries, one a line.
func (c *invocation) list(entries []entry, long bool) error {
	if c.opts().json {
		return c.out.object(entryObjects(entries))
	}
	if !long {
		var text strings.Builder
		for _, e := range entries {
			text.WriteString(printable(e.name) + "\n")
		}
		return c.out.answer(text.String())
	}
	var rows [][]string
	for _, e := range entries {
		rows = append(rows, []string{e.name, e.kind, e.group, shortList(e.hosts), firstLine(e.doc)})
	}
	return c.out.answer(columns(rows))
}

func entryObjects(entries []entry) []object {
	objects := make([]object, len(entries))
	for i, e := range entries {
		objects[i] = object{{"path", e.path}, {"kind", e.kind}, {"group", e.group}, {"doc", e.doc}}
	}
	return objects
}
