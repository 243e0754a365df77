package session

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLine bounds a line, in bytes.
const maxLine = 64 << 10

// errIncomplete says that a line ends inside quotes or with a backslash, so
// that a prompt would ask for another one.
var errIncomplete = errors.New("the line is not complete: a quote is open, or it ends with a backslash")

// checkLine refuses what no line may hold, whatever its quotes: too many
// bytes, control bytes other than tab and newline, and what is not UTF-8.
func checkLine(line string) error {
	if len(line) > maxLine {
		return wrongf("the line is longer than %d KiB", maxLine>>10)
	}
	for i, r := range line {
		if r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD") {
			return wrongf("byte %d of the line is not UTF-8", i+1)
		}
		if r != '\t' && r != '\n' && isControl(r) {
			return wrongf("byte %d of the line is the control character U+%04X", i+1, r)
		}
	}
	return nil
}

// word is one word of a line.
type word struct {
	text string
	bare int  // how many of text's first bytes stood without quotes or backslash
	sole bool // it was written exactly as text
}

// lexer splits a line into words as a POSIX shell does, expanding nothing. It
// goes word by word, because what follows -- may not be words.
type lexer struct {
	src string
	pos int
}

// rest is what has not been read.
func (l *lexer) rest() string { return l.src[l.pos:] }

// next returns the next word; ok is false at the end of the line.
func (l *lexer) next() (w word, ok bool, err error) {
	for l.pos < len(l.src) && isBlank(l.src[l.pos]) {
		l.pos++
	}
	if l.pos == len(l.src) {
		return word{}, false, nil
	}
	var b builder
	start := l.pos
	for l.pos < len(l.src) && !isBlank(l.src[l.pos]) {
		if err := l.part(&b); err != nil {
			return word{}, false, err
		}
	}
	if !b.any { // a line joined by a backslash
		return l.next()
	}
	text := string(b.text)
	return word{text: text, bare: b.bare(), sole: text == l.src[start:l.pos]}, true, nil
}

// builder collects a word.
type builder struct {
	text   []byte
	quoted int  // where the first quoted byte stands, plus 1; 0 is none
	any    bool // there is a word, though it may be empty
}

func (b *builder) add(text string, quoted bool) {
	if quoted && b.quoted == 0 {
		b.quoted = len(b.text) + 1
	}
	b.text = append(b.text, text...)
	b.any = true
}

func (b *builder) bare() int {
	if b.quoted > 0 {
		return b.quoted - 1
	}
	return len(b.text)
}

// part reads a quoted part or one byte of a word.
func (l *lexer) part(b *builder) error {
	switch c := l.src[l.pos]; c {
	case '\'':
		return l.single(b)
	case '"':
		return l.double(b)
	case '\\':
		return l.escape(b)
	case ';', '|', '<', '>', '(', ')':
		return wrongf("%c has no meaning here: quote it, as '%c'", c, c)
	case '\n':
		return wrongf("a newline has no meaning here: quote it")
	case '&':
		if strings.HasPrefix(l.rest(), "&&") {
			return wrongf("&& has no meaning here: quote it, as '&&'")
		}
	}
	b.add(l.src[l.pos:l.pos+1], false)
	l.pos++
	return nil
}

func (l *lexer) single(b *builder) error {
	end := strings.IndexByte(l.src[l.pos+1:], '\'')
	if end < 0 {
		return errIncomplete
	}
	b.add(l.src[l.pos+1:l.pos+1+end], true)
	l.pos += end + 2
	return nil
}

// double reads "...", in which a backslash quotes only $ ` " \ and newline.
func (l *lexer) double(b *builder) error {
	b.add("", true)
	for l.pos++; l.pos < len(l.src); l.pos++ {
		c := l.src[l.pos]
		switch {
		case c == '"':
			l.pos++
			return nil
		case c == '\\' && l.pos+1 < len(l.src) && strings.IndexByte("$`\"\\\n", l.src[l.pos+1]) >= 0:
			l.pos++
			if l.src[l.pos] != '\n' {
				b.add(l.src[l.pos:l.pos+1], true)
			}
		default:
			b.add(l.src[l.pos:l.pos+1], true)
		}
	}
	return errIncomplete
}

// escape reads a backslash and what it quotes; before a newline both go.
func (l *lexer) escape(b *builder) error {
	if l.pos+1 == len(l.src) {
		return errIncomplete
	}
	l.pos += 2
	if l.src[l.pos-1] != '\n' {
		b.add(l.src[l.pos-1:l.pos], true)
	}
	return nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// lineError is a line that is wrong: exit code 2.
type lineError struct{ text string }

func (e *lineError) Error() string { return e.text }

func wrongf(format string, args ...any) error {
	return &lineError{fmt.Sprintf(format, args...)}
}

// notYet refuses what SHELL.md describes and this version does not have.
func notYet(what string) error { return wrongf("%s: not in this version", what) }
