package star

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	nameToken tokenKind = iota
	numberToken
	stringToken
	operatorToken
)

// token is a piece of a source file. The parser of go.starlark.net stops at
// its first error and often names the end of a token or the next line; tokens
// are how several errors are found, and put where they belong.
type token struct {
	kind       tokenKind
	text       string // a string's with its quotes
	line, col  int    // from 1, in characters
	end        place  // just behind it
	depth      int    // open brackets before it
	first      bool   // first of its line
	spaceAfter bool
}

type place struct{ line, col int }

// lexer cuts a source file into tokens. It takes anything: what Starlark does
// not know becomes an operator of one character.
type lexer struct {
	rest  string
	at    place
	depth int
	fresh bool // nothing but blanks on this line so far
}

// tokens cuts a file; comments, blanks and line ends are left out.
func tokens(source string) []token {
	l := &lexer{rest: source, at: place{1, 1}, fresh: true}
	var all []token
	for l.skip() {
		t := l.next()
		t.spaceAfter = l.rest == "" || strings.ContainsRune(" \t\r\n#\\", rune(l.rest[0]))
		all = append(all, t)
	}
	return all
}

// skip passes over blanks and comments and says whether anything is left.
func (l *lexer) skip() bool {
	for l.rest != "" {
		switch c := l.rest[0]; {
		case c == '#':
			end := strings.IndexAny(l.rest, "\r\n")
			if end < 0 {
				end = len(l.rest)
			}
			l.advance(end)
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			l.advance(1)
		case c == '\\' && len(l.rest) > 1 && (l.rest[1] == '\n' || l.rest[1] == '\r'):
			l.advance(2)
		default:
			return true
		}
	}
	return false
}

// advance moves over n bytes, counting lines as Starlark does: CR, LF or both.
func (l *lexer) advance(n int) {
	piece := l.rest[:n]
	crlf := strings.HasSuffix(piece, "\r") && strings.HasPrefix(l.rest[n:], "\n")
	l.rest = l.rest[n:]
	if crlf {
		piece = piece[:len(piece)-1]
	}
	piece = strings.ReplaceAll(piece, "\r\n", "\n")
	piece = strings.ReplaceAll(piece, "\r", "\n")
	if lines := strings.Count(piece, "\n"); lines > 0 {
		l.at = place{l.at.line + lines, 1}
		piece = piece[strings.LastIndexByte(piece, '\n')+1:]
		l.fresh = true
	}
	l.at.col += utf8.RuneCountInString(piece)
}

func (l *lexer) next() token {
	t := token{line: l.at.line, col: l.at.col, depth: l.depth, first: l.fresh}
	size := 0
	t.kind, size = l.measure()
	t.text = l.rest[:size]
	l.advance(size)
	l.fresh = false
	l.bracket(t)
	t.end = l.at
	return t
}

func (l *lexer) bracket(t token) {
	switch {
	case t.kind != operatorToken:
	case strings.Contains("([{", t.text):
		l.depth++
	case strings.Contains(")]}", t.text):
		l.depth = max(0, l.depth-1)
	}
}

func (l *lexer) measure() (tokenKind, int) {
	if n := stringStart(l.rest); n >= 0 {
		return stringToken, n + stringSize(l.rest[n:])
	}
	r, size := utf8.DecodeRuneInString(l.rest)
	switch {
	case isWordRune(r) && !unicode.IsDigit(r):
		return nameToken, wordSize(l.rest)
	case unicode.IsDigit(r):
		return numberToken, wordSize(l.rest)
	}
	for _, op := range [...]string{"**", ":=", "->", "==", "!=", "<=", ">=", "//", "<<", ">>", "<>"} {
		if strings.HasPrefix(l.rest, op) {
			return operatorToken, len(op)
		}
	}
	return operatorToken, size
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func wordSize(s string) int {
	if n := strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) }); n >= 0 {
		return n
	}
	return len(s)
}

// stringStart returns the size of a string literal's prefix that Starlark
// knows, or -1 where no literal begins.
func stringStart(s string) int {
	for _, prefix := range [...]string{"", "r", "b", "rb"} {
		rest, ok := strings.CutPrefix(s, prefix)
		if ok && rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			return len(prefix)
		}
	}
	return -1
}

// stringSize is the size of the literal at the start of s, quotes included. A
// literal that does not end ends with its line, a triple one with the file.
func stringSize(s string) int {
	quote := s[:1]
	triple := strings.HasPrefix(s, strings.Repeat(quote, 3))
	if triple {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		case !triple && (s[i] == '\n' || s[i] == '\r'):
			return i
		}
	}
	return len(s)
}
