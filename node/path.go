package node

import (
	"fmt"
	"strings"
)

// Lookup narrows a Resolve to what somebody may know of. Nil functions allow
// all. What is not visible is treated as what is not there.
type Lookup struct {
	Last   *Node // what "-" means; nil: an error says there is none
	Node   func(*Node) bool
	Action func(*Node, NamedAction) bool
}

// Found is what a path led to.
type Found struct {
	Node   *Node
	Action *NamedAction // nil: the path names a node
	Words  int          // how many words the path took
	// Next is nil when all words were taken or an action was reached, else
	// why words[Words] is no part of the path: a *NotFoundError or an
	// *AttributeError.
	Next error
}

// Resolve follows words from n as SHELL.md's "Paths" says, up to the first
// action, or the first word that is no part of a path. A word is taken whole
// or not at all. Only the first word may begin with "/" or be "-".
func (n *Node) Resolve(words []string, l Lookup) Found {
	w := walk{lookup: l, node: n}
	for i, word := range words {
		before := w.node
		if err := w.word(word, i == 0); err != nil {
			return Found{Node: before, Words: i, Next: err}
		}
		if w.action != nil {
			return Found{Node: w.node, Action: w.action, Words: i + 1}
		}
	}
	return Found{Node: w.node, Words: len(words)}
}

// walk is a path that is being followed.
type walk struct {
	lookup Lookup
	node   *Node
	action *NamedAction
}

func (w *walk) word(word string, first bool) error {
	if word == "" {
		return w.missing(word, nil)
	}
	rest, absolute := strings.CutPrefix(word, "/")
	if absolute && !first {
		return w.missing(word, nil)
	}
	if absolute {
		w.node = w.node.Tree().Root()
	}
	for i, part := range strings.Split(rest, "/") {
		if err := w.part(part, first && i == 0 && !absolute); err != nil {
			return err
		}
	}
	return nil
}

// part follows what stands between slashes; an empty one is no step, as in a
// shell.
func (w *walk) part(part string, first bool) error {
	switch {
	case part == "" || part == ".":
		return nil
	case part == "..":
		return w.up()
	case part == "-" && first:
		return w.last()
	}
	name, cells, chosen := strings.Cut(part, ":")
	if err := w.dotted(name); err != nil {
		return err
	}
	if !chosen {
		return nil
	}
	return w.cell(strings.Split(cells, ":"))
}

func (w *walk) up() error {
	if w.action != nil {
		return w.missing("..", nil)
	}
	if parent := w.node.Parent(); parent != nil {
		w.node = parent
	}
	return nil
}

func (w *walk) last() error {
	last := w.lookup.Last
	if last == nil || !w.sees(last) {
		return w.missing("-", fmt.Errorf("there is no last place yet"))
	}
	w.node = last
	return nil
}

// dotted looks a name up whole and, if there is none, cut at its dots: after
// each piece what is left may be a name again, such as an alias with dots.
func (w *walk) dotted(name string) error {
	for rest := name; rest != ""; {
		piece, later, cut := strings.Cut(rest, ".")
		if !cut || w.isAlias(rest) {
			return w.step(rest, name)
		}
		if err := w.step(piece, name); err != nil {
			return err
		}
		if later == "" {
			return w.step("", name)
		}
		rest = later
	}
	return nil
}

// isAlias says whether a name with dots is an alias of an action here.
func (w *walk) isAlias(name string) bool {
	if w.action != nil {
		return false
	}
	action, ok := w.node.Action(name)
	return ok && w.mayRun(action)
}

// step goes to a child or an action.
func (w *walk) step(name, whole string) error {
	if name == "" {
		return w.missing(whole, nil)
	}
	if w.action != nil {
		return w.missing(name, nil)
	}
	if child, ok := w.node.Child(name); ok && w.sees(child) {
		w.node = child
		return nil
	}
	if action, ok := w.node.Action(name); ok && w.mayRun(action) {
		w.action = &action
		return nil
	}
	if a, ok := w.node.attribute(name); ok {
		return &AttributeError{Word: name, In: w.node.Path(), Kind: a.KindName()}
	}
	return w.missing(name, nil)
}

func (w *walk) cell(keys []string) error {
	word := ":" + strings.Join(keys, ":")
	if w.action != nil {
		return w.missing(word, nil)
	}
	cell, err := w.node.Cell(keys...)
	if err == nil && !w.sees(cell) {
		err = fmt.Errorf("%s: %w", w.node.indexed(keys), noHost(keys[len(keys)-1]))
	}
	if err != nil {
		return &NotFoundError{Word: word, In: w.node.Path(), Suggestions: w.nearCells(keys), Cause: err}
	}
	w.node = cell
	return nil
}

func (w *walk) sees(n *Node) bool { return w.lookup.Node == nil || w.lookup.Node(n) }

func (w *walk) mayRun(a NamedAction) bool {
	return w.lookup.Action == nil || w.lookup.Action(w.node, a)
}

// missing says that a word is not there, with what it may have been.
func (w *walk) missing(word string, cause error) error {
	if w.action != nil {
		cause = fmt.Errorf("%s is an action, and nothing is below it: no %s there", quoted(w.action.Name), quoted(word))
	}
	err := &NotFoundError{Word: word, In: w.node.Path(), Cause: cause}
	if cause == nil {
		err.Suggestions = near(normal(word), w.visible())
	}
	return err
}

// visible are the names that may be suggested.
func (w *walk) visible() []string {
	var names []string
	for _, child := range w.node.Children(false) {
		if w.sees(child) {
			names = append(names, child.Name())
		}
	}
	for _, action := range w.node.Actions(false) {
		if w.mayRun(action) {
			names = append(append(names, action.Name), action.Aliases...)
		}
	}
	return names
}

// nearCells suggests cells for a single key.
func (w *walk) nearCells(keys []string) []string {
	if len(keys) != 1 || len(w.node.place.arrays)-len(w.node.cell) != 1 {
		return nil
	}
	var names []string
	for _, cell := range w.node.Cells() {
		if w.sees(cell) {
			names = append(names, cell.cell[len(cell.cell)-1].Name())
		}
	}
	suggested := near(keys[0], names)
	for i := range suggested {
		suggested[i] = ":" + suggested[i]
	}
	return suggested
}
