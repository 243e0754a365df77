package session

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// isControl says whether a character moves cursors or starts sequences: C0,
// DEL and C1.
func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

// isTricky says whether a character turns the direction of what is read, or
// ends a line where no newline is.
func isTricky(r rune) bool {
	switch r {
	case 0x061c, 0x200e, 0x200f, 0x2028, 0x2029:
		return true
	}
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// printable returns text without control bytes, on one line: every character
// of them but tab is escaped.
func printable(text string) string {
	return string(appendPrintable(nil, []byte(text), false))
}

// appendPrintable appends one line's text to dst. C0 except tab, DEL, C1,
// characters that turn the direction, and bytes that are not UTF-8 are
// escaped as \x1b or \u{202e}. With colours SGR sequences pass, and are
// switched off at the end if they were left on.
func appendPrintable(dst, text []byte, colours bool) []byte {
	dst, lit := appendText(dst, text, colours, false)
	if lit {
		dst = append(dst, "\x1b[0m"...)
	}
	return dst
}

// appendShown is appendPrintable with colours for a part of a line: they stay
// on. It takes and returns whether one is.
func appendShown(dst, text []byte, lit bool) ([]byte, bool) {
	return appendText(dst, text, true, lit)
}

func appendText(dst, text []byte, colours, lit bool) ([]byte, bool) {
	for len(text) > 0 {
		n := plainPrefix(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		if size := sgr(text); colours && size > 0 {
			dst = append(dst, text[:size]...)
			lit = !isReset(text[:size])
			text = text[size:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		dst = appendRune(dst, r, text[:size])
		text = text[size:]
	}
	return dst, lit
}

// plainPrefix is how many bytes are ASCII that needs no look.
func plainPrefix(text []byte) int {
	for i, c := range text {
		if (c < 0x20 && c != '\t') || c >= 0x7f {
			return i
		}
	}
	return len(text)
}

func appendRune(dst []byte, r rune, raw []byte) []byte {
	switch {
	case r == utf8.RuneError && len(raw) == 1, r < 0x80:
		const digits = "0123456789abcdef"
		return append(dst, '\\', 'x', digits[raw[0]>>4], digits[raw[0]&15])
	case isControl(r), isTricky(r):
		return fmt.Appendf(dst, `\u{%x}`, r)
	}
	return append(dst, raw...)
}

// maxSGR bounds a colour sequence, in bytes.
const maxSGR = 48

// sgr is the length of the SGR sequence that text starts with, or 0: ESC [,
// numbers, m (ECMA-48, 8.3.117).
func sgr(text []byte) int {
	if !bytes.HasPrefix(text, []byte("\x1b[")) {
		return 0
	}
	for i, c := range text[2:min(len(text), maxSGR)] {
		switch {
		case c == 'm':
			return i + 3
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// isReset says whether an SGR sequence switches all off.
func isReset(sequence []byte) bool {
	return strings.Trim(string(sequence[2:len(sequence)-1]), "0;") == ""
}

// withoutColours is text without its SGR sequences.
func withoutColours(text []byte) []byte {
	if bytes.IndexByte(text, '\x1b') < 0 {
		return text
	}
	var dark []byte
	for len(text) > 0 {
		n := sgr(text)
		if n == 0 {
			n = 1
			dark = append(dark, text[0])
		}
		text = text[n:]
	}
	return dark
}
