package star

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// dialect is what of Starlark is switched on.
var dialect = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true}

// parsed is a file after parsing. A file with errors has parts: its statements
// at the top level that are right, so that what they load is read as well.
type parsed struct {
	file     *syntax.File // nil with errors
	parts    []*syntax.File
	findings []finding
}

// parse parses a file and finds as many syntax errors as can be told apart.
func parse(name, source string) parsed {
	if f := unreadable(source); f != nil {
		return parsed{findings: []finding{*f}}
	}
	file, err := dialect.Parse(name, source, 0)
	if err == nil {
		return parsed{file: file, parts: []*syntax.File{file}}
	}
	all := tokens(source)
	p := parsed{findings: pythonisms(all)}
	for _, c := range chunks(source, all) {
		if len(p.findings) < maxProblems {
			p.chunk(name, c, all)
		}
	}
	if len(p.findings) == 0 {
		p.findings = append(p.findings, syntaxFinding(err, all))
	}
	return p
}

// unreadable finds what the scanner would pass over: it takes a NUL for the
// end of the file.
func unreadable(source string) *finding {
	bad := strings.IndexByte(source, 0)
	text := "a NUL byte"
	if bad < 0 {
		bad, text = invalidUTF8(source), "a byte that is not UTF-8"
	}
	if bad < 0 {
		return nil
	}
	l := &lexer{rest: source, at: place{1, 1}}
	l.advance(bad)
	return &finding{at: l.at, text: text, hint: "a tree is text in UTF-8; is the file half written?"}
}

func invalidUTF8(source string) int {
	if utf8.ValidString(source) {
		return -1
	}
	for i := 0; i < len(source); {
		r, size := utf8.DecodeRuneInString(source[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// chunk is a statement of the top level.
type chunk struct {
	line int // its first
	text string
	last bool
}

// chunks cuts a file at each line that begins a statement at the top level.
func chunks(source string, all []token) []chunk {
	lines := splitLines(source)
	var starts []int
	for _, t := range all {
		continues := t.text == "else" || t.text == "elif" || t.text == "except" || t.text == "finally"
		if t.first && t.col == 1 && t.depth == 0 && !continues {
			starts = append(starts, t.line)
		}
	}
	var cut []chunk
	for i, from := range starts {
		to := len(lines) + 1
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		cut = append(cut, chunk{line: from, text: strings.Join(lines[from-1:to-1], "\n") + "\n", last: i+1 == len(starts)})
	}
	return cut
}

// splitLines splits as Starlark counts lines: at CR, LF or both.
func splitLines(source string) []string {
	source = strings.ReplaceAll(source, "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(source, "\r", "\n"), "\n")
}

// chunk parses one statement. Its error is told unless something that was
// found before it in the same statement is its cause.
func (p *parsed) chunk(name string, c chunk, all []token) {
	portion := syntax.FilePortion{Content: []byte(c.text), FirstLine: int32(c.line), FirstCol: 1}
	file, err := dialect.Parse(name, portion, 0)
	if err == nil {
		p.parts = append(p.parts, file)
		return
	}
	f := syntaxFinding(err, all)
	for _, known := range p.findings {
		if known.at.line >= c.line && known.at.line <= f.at.line {
			return
		}
	}
	p.findings = append(p.findings, f)
}

// syntaxFinding puts a parser's error where it belongs: the parser names the
// end of the token it stumbled over, which for a line's end is the next line.
func syntaxFinding(err error, all []token) finding {
	var bad syntax.Error
	if !errors.As(err, &bad) {
		return finding{at: place{1, 1}, text: err.Error()}
	}
	f := finding{at: place{int(bad.Pos.Line), int(bad.Pos.Col)}, text: bad.Msg, hint: syntaxHint(bad.Msg)}
	open := openBracket(all, f.at)
	switch {
	case open != nil && strings.HasPrefix(f.text, "got end of file"):
		return finding{at: place{open.line, open.col}, text: open.text + " is never closed"}
	case open != nil && open.line < f.at.line && strings.Contains(f.text, "want"):
		f.hint = fmt.Sprintf("the %s of line %d is not closed", open.text, open.line)
	}
	f.at = tokenStart(all, f)
	return f
}

// endsToken says whether the parser's error is at the end of a token.
func endsToken(text string) bool {
	for _, prefix := range [...]string{"got ", "not an identifier", "first operand of load", "load operand", "original name of", "keyword argument must"} {
		if strings.HasPrefix(text, prefix) {
			return !strings.Contains(text, "want primary expression")
		}
	}
	return strings.Contains(text, "does not associate")
}

// tokenStart finds where the token begins that a finding names the end of. The
// end of a line, and of the file, is behind its last token.
func tokenStart(all []token, f finding) place {
	ends, newline := endsToken(f.text), strings.HasPrefix(f.text, "got newline") && !strings.Contains(f.text, "want primary")
	for i, t := range all {
		last := i+1 == len(all)
		switch {
		case ends && t.end == f.at:
			return place{t.line, t.col}
		case last && t.line < f.at.line, newline && t.line < f.at.line && all[i+1].line >= f.at.line:
			return t.end
		}
	}
	return f.at
}

// openBracket returns the innermost bracket that is open at a place.
func openBracket(all []token, at place) *token {
	var open []*token
	for i := range all {
		t := &all[i]
		if t.line > at.line || t.line == at.line && t.col >= at.col {
			break
		}
		switch {
		case t.kind != operatorToken:
		case strings.Contains("([{", t.text):
			open = append(open, t)
		case strings.Contains(")]}", t.text) && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[len(open)-1]
}

// bind resolves a file's names and compiles it; the findings are all names
// that are wrong.
func (p *parsed) bind(names starlark.StringDict) (*starlark.Program, []finding) {
	taken := shadowed(p.file)
	rewriteOperators(p.file.Stmts)
	program, err := starlark.FileProgram(p.file, names.Has)
	var list resolve.ErrorList
	if errors.As(err, &list) {
		for _, e := range list {
			taken = append(taken, nameFindingOf(e, p.file, names))
		}
		return nil, taken
	}
	if err != nil {
		return nil, append(taken, finding{at: place{1, 1}, text: err.Error()})
	}
	return program, append(taken, misusedQueries(p.file)...)
}

// nameFindingOf adds to a resolver's error what it does not know: the names of
// the tree language, and what Python people look for.
func nameFindingOf(e resolve.Error, file *syntax.File, names starlark.StringDict) finding {
	f := finding{at: place{int(e.Pos.Line), int(e.Pos.Col)}, text: e.Msg}
	if before, after, ok := strings.Cut(e.Msg, " (did you mean "); ok {
		f.text, f.hint = before, "did you mean "+strings.TrimSuffix(after, ")")
	}
	name, undefined := strings.CutPrefix(f.text, "undefined: ")
	switch {
	case strings.HasPrefix(f.text, "cannot reassign"):
		f.hint = "globals are bound once"
	case undefined && nameHints[name] != "":
		f.hint = nameHints[name]
	case undefined && f.hint == "":
		f.hint = didYouMean(name, append(names.Keys(), starlark.Universe.Keys()...))
	}
	return f
}

// shadowed finds names of the module that are the tree language's own.
func shadowed(file *syntax.File) []finding {
	var found []finding
	tell := func(id *syntax.Ident) {
		if languageNames[id.Name] {
			found = append(found, finding{
				at:   place{int(id.NamePos.Line), int(id.NamePos.Col)},
				text: fmt.Sprintf("%s is a builtin of the tree language", id.Name),
				hint: "choose another name",
			})
		}
	}
	for _, s := range file.Stmts {
		boundNames(s, tell)
	}
	return found
}

// boundNames passes on the names that a statement of the module binds.
func boundNames(s syntax.Stmt, tell func(*syntax.Ident)) {
	each := func(list []syntax.Stmt) {
		for _, s := range list {
			boundNames(s, tell)
		}
	}
	switch s := s.(type) {
	case *syntax.AssignStmt:
		boundIdents(s.LHS, tell)
	case *syntax.DefStmt:
		tell(s.Name)
	case *syntax.LoadStmt:
		for _, id := range s.To {
			tell(id)
		}
	case *syntax.IfStmt:
		each(s.True)
		each(s.False)
	case *syntax.ForStmt:
		boundIdents(s.Vars, tell)
		each(s.Body)
	case *syntax.WhileStmt:
		each(s.Body)
	}
}

func boundIdents(e syntax.Expr, tell func(*syntax.Ident)) {
	switch e := e.(type) {
	case *syntax.Ident:
		tell(e)
	case *syntax.ParenExpr:
		boundIdents(e.X, tell)
	case *syntax.TupleExpr:
		for _, x := range e.List {
			boundIdents(x, tell)
		}
	case *syntax.ListExpr:
		for _, x := range e.List {
			boundIdents(x, tell)
		}
	}
}
