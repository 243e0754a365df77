package star

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing that is wrong in a tree.
type Problem struct {
	File      string // as it can be opened from where the daemon runs
	Line, Col int    // from 1, columns in characters; 0 when it is about the whole file
	Text      string // what is wrong
	Hint      string // what would be right, or ""
	Source    string // the line itself, or ""
}

// LoadError says why a tree was refused: everything that was found, in the
// order of the files as they are loaded, at least one.
type LoadError struct{ Problems []Problem }

// maxProblems bounds what one load reports.
const maxProblems = 100

// Error is a block of lines for each problem: file:line:col and the text, the
// source line with a caret, and the hint.
func (e *LoadError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.write(&b)
	}
	return b.String()
}

// String is the problem's block, as in [LoadError.Error].
func (p Problem) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p Problem) write(b *strings.Builder) {
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(b, ":%d:%d", p.Line, max(p.Col, 1))
	}
	fmt.Fprintf(b, ": %s", p.Text)
	if p.Source != "" {
		source, caret := p.excerpt()
		fmt.Fprintf(b, "\n  %s\n  %s^", source, caret)
	}
	if p.Hint != "" {
		fmt.Fprintf(b, "\n  hint: %s", p.Hint)
	}
}

// excerptWidth bounds how much of a source line an error shows, in characters.
const excerptWidth = 160

// excerpt returns the part of the source line around the column, without
// control characters, and the blanks that bring a caret below it.
func (p Problem) excerpt() (source, blanks string) {
	runes := []rune(p.Source)
	at := min(max(p.Col-1, 0), len(runes))
	from := 0
	if at > excerptWidth*3/4 {
		from = at - excerptWidth/2
	}
	runes = runes[from:min(len(runes), from+excerptWidth)]
	source = strings.Map(printable, string(runes))
	blanks = strings.Map(blank, string(runes[:min(at-from, len(runes))]))
	return source, blanks
}

func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return utf8.RuneError
}

func blank(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

// hinted is an error with a way out, for the operator who reads it.
type hinted struct {
	text string
	hint string
}

func (e *hinted) Error() string {
	if e.hint == "" {
		return e.text
	}
	return e.text + " (" + e.hint + ")"
}

// withHint makes an error whose hint stands on a line of its own in a problem,
// and in brackets behind the text everywhere else.
func withHint(hint, format string, args ...any) error {
	return &hinted{fmt.Sprintf(format, args...), hint}
}

// textAndHint takes an error apart for a problem.
func textAndHint(err error) (text, hint string) {
	var h *hinted
	if errors.As(err, &h) && strings.HasSuffix(err.Error(), h.Error()) {
		return strings.TrimSuffix(err.Error(), h.Error()) + h.text, h.hint
	}
	return err.Error(), ""
}

// notYet is the error for what a later version will have.
func notYet(what string) error {
	return fmt.Errorf("%s is not in this version", what)
}
