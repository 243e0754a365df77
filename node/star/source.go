package star

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// sourceIndex knows where the definitions of a tree end that begin at a place.
type sourceIndex struct {
	files map[string][]string // lines
	spans map[node.Position]span
}

// span are the lines of a definition.
type span struct{ from, to int }

func newSourceIndex(files map[string][]string) *sourceIndex {
	return &sourceIndex{files: files, spans: map[node.Position]span{}}
}

// add indexes what can be defined in a file: functions, calls that make types,
// and keywords that make members.
func (x *sourceIndex) add(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			x.put(n.Def, n)
			x.put(n.Name.NamePos, n)
		case *syntax.LambdaExpr:
			x.put(n.Lambda, n)
		case *syntax.CallExpr:
			x.put(syntax.Start(n), n)
			x.put(n.Lparen, n)
			for _, arg := range n.Args {
				if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
					x.put(syntax.Start(b), b)
				}
			}
		}
		return true
	})
}

// put notes the longest definition that begins at a place: of Web.array(), not
// of Web.
func (x *sourceIndex) put(at syntax.Position, n syntax.Node) {
	start, end := n.Span()
	found := span{int(start.Line), int(end.Line)}
	if known, ok := x.spans[position(at)]; !ok || known.to < found.to {
		x.spans[position(at)] = found
	}
}

// source is the text of the definition at a place.
func (x *sourceIndex) source(at node.Position) (node.Source, bool) {
	lines, ok := x.files[at.File]
	if !ok || at.Line < 1 || at.Line > len(lines) {
		return node.Source{}, false
	}
	s, ok := x.spans[at]
	if !ok {
		s = span{at.Line, at.Line}
	}
	s.to = min(s.to, len(lines))
	text := unindented(lines[s.from-1 : s.to])
	return node.Source{File: at.File, Line: s.from, Text: strings.Join(text, "\n") + "\n"}, true
}

// unindented takes the indentation off that the first line has; a member's
// text stands in a call.
func unindented(lines []string) []string {
	first := lines[0]
	margin := first[:len(first)-len(strings.TrimLeft(first, " \t"))]
	shorter := make([]string, len(lines))
	for i, line := range lines {
		shorter[i] = strings.TrimRight(strings.TrimPrefix(line, margin), " \t\r")
	}
	return shorter
}
