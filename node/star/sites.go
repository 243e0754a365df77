package star

import (
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// callSite is where a call and its keywords stand. The interpreter knows of a
// call only its bracket.
type callSite struct {
	start    syntax.Position
	keywords map[string]syntax.Position
}

// indexCalls remembers the calls of a file that have keywords.
func (l *loader) indexCalls(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		site := callSite{start: syntax.Start(call), keywords: map[string]syntax.Position{}}
		for _, arg := range call.Args {
			if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
				id := b.X.(*syntax.Ident)
				site.keywords[id.Name] = id.NamePos
			}
		}
		if len(site.keywords) > 0 {
			l.calls[placeOf(call.Lparen)] = site
		}
		return true
	})
}

func placeOf(pos syntax.Position) place3 {
	return place3{pos.Filename(), place{int(pos.Line), int(pos.Col)}}
}

// site returns where the running builtin or type was called from.
func (l *loader) site(thread *starlark.Thread) callSite {
	if thread.CallStackDepth() < 2 {
		return callSite{}
	}
	pos := thread.CallFrame(1).Pos
	if site, ok := l.calls[placeOf(pos)]; ok {
		return site
	}
	return callSite{start: pos}
}

// of returns the keyword's place, or the call's when it came by **.
func (s callSite) of(keyword string) syntax.Position {
	if pos, ok := s.keywords[keyword]; ok {
		return pos
	}
	return s.start
}

func position(pos syntax.Position) node.Position {
	if !pos.IsValid() {
		return node.Position{}
	}
	return node.Position{File: pos.Filename(), Line: int(pos.Line), Col: int(pos.Col)}
}

// exports are the names that a file defines for those that load it.
func exports(file *syntax.File) map[string]bool {
	names := map[string]bool{}
	for _, s := range file.Stmts {
		if _, ok := s.(*syntax.LoadStmt); ok {
			continue // what it loads stays its own
		}
		boundNames(s, func(id *syntax.Ident) { names[id.Name] = true })
	}
	return names
}

// definedAt is where a file first binds a name of the module; {1, 1} if nowhere.
func definedAt(file *syntax.File, name string) place {
	var at *syntax.Ident
	for _, s := range file.Stmts {
		boundNames(s, func(id *syntax.Ident) {
			if at == nil && id.Name == name {
				at = id
			}
		})
	}
	if at == nil {
		return place{1, 1}
	}
	return place{int(at.NamePos.Line), int(at.NamePos.Col)}
}
