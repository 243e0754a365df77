package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong.
type Problem struct {
	File   string
	Line   int    // from 1; 0: the file as a whole
	Col    int    // from 1; 0 with Line 0
	Source string // the line itself, without secrets and at most 200 bytes
	Text   string
	Hint   string // what would be right, "" when Text says it
}

// String is the problem as a person reads it: up to three lines.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	b.WriteString(": " + p.Text)
	if p.Source != "" {
		b.WriteString("\n    " + p.Source)
	}
	if p.Hint != "" {
		b.WriteString("\n    hint: " + p.Hint)
	}
	return b.String()
}

// Error is everything that is wrong, in the order of the file.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// sorted orders problems as they stand in the file, those of the file as a
// whole first.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return problems
}

// maxSource bounds how much of a line is shown, in bytes.
const maxSource = 200

// source is a text's lines, to be shown beside problems.
type source struct {
	file  string
	lines []string
}

func newSource(file string, text []byte) source {
	return source{file: file, lines: strings.Split(string(text), "\n")}
}

// problem makes a problem at a place. The parser counts lines its own way when
// a text is broken enough; a line that is not there is none.
func (s source) problem(at place, text, hint string) Problem {
	if at.line < 0 || at.line > len(s.lines) || at.col < 0 {
		at = place{}
	}
	return Problem{File: s.file, Line: at.line, Col: at.col, Source: s.line(at.line), Text: text, Hint: hint}
}

// secretValue is a key whose value is shown to nobody, and the value: what the
// quotes hold, else the rest of the line.
var secretValue = regexp.MustCompile(`(password["']?\s*:\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'].*)`)

// hashValue is what looks like a password hash, wherever it stands.
var hashValue = regexp.MustCompile(`\$(?:argon2\w*|scrypt|[0-9][a-z]?|y|gy)\$[^\s"']+`)

// line is a line as it may be shown.
func (s source) line(number int) string {
	if number < 1 || number > len(s.lines) {
		return ""
	}
	line := strings.TrimSpace(s.lines[number-1])
	line = secretValue.ReplaceAllString(line, "${1}<secret>")
	line = hashValue.ReplaceAllString(line, "<secret>")
	line = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, line)
	if len(line) > maxSource {
		line = strings.ToValidUTF8(line[:maxSource], "") + "..."
	}
	return line
}
