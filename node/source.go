package node

// Source is the text of a definition: whole lines of a file.
type Source struct {
	File string // relative to the tree's folder
	Line int    // of the first line, from 1
	Text string // several lines, without the indentation they share
}

// SetSources gives a tree what finds the text of a definition by its position.
// It is called before the tree is used, by whoever loaded it; find is called
// from several goroutines.
func (t *Tree) SetSources(find func(Position) (Source, bool)) { t.sources = find }

// Source is the text of the definition at a position: of a type, an action, a
// property or a member. A tree that was built in Go has none.
func (t *Tree) Source(pos Position) (Source, bool) {
	if t.sources == nil || pos == (Position{}) {
		return Source{}, false
	}
	return t.sources(pos)
}
