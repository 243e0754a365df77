package lineedit

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pasteEnd is what the terminal sends after a pasted text (xterm, "Bracketed
// Paste Mode").
const pasteEnd = "\x1b[201~"

// paste collects a pasted text. Nothing but its end leaves it, no Ctrl-C and
// no time: what came behind would run by itself.
type paste struct {
	limit int
	bytes []byte
	over  bool
}

func (p *paste) begin(limit int) {
	*p = paste{limit: limit}
}

// push takes a byte and says whether the paste is complete. Of one that is too
// long only the tail is kept, to find its end.
func (p *paste) push(b byte) bool {
	p.bytes = append(p.bytes, b)
	if b == '~' && strings.HasSuffix(string(p.bytes[max(0, len(p.bytes)-len(pasteEnd)):]), pasteEnd) {
		return true
	}
	if len(p.bytes) >= p.limit+2*len(pasteEnd) {
		p.over = true
		p.bytes = append(p.bytes[:0], p.bytes[len(p.bytes)-len(pasteEnd):]...)
	}
	return false
}

// end returns the text without the end mark, and false if it was too long.
func (p *paste) end() (string, bool) {
	raw, over := p.bytes[:len(p.bytes)-len(pasteEnd)], p.over
	p.bytes = nil
	if over || len(raw) > p.limit {
		return "", false
	}
	return cleanPaste(raw), true
}

// cleanPaste makes every end of line a newline, drops the last one, and shows
// what is no text as U+FFFD.
func cleanPaste(raw []byte) string {
	s := strings.ReplaceAll(string(raw), "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	s = strings.TrimSuffix(s, "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, s)
}
