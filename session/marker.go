package session

import (
	"bytes"
	"unicode/utf8"
)

// maxMarked bounds what is kept of a line that has not ended, in bytes; a
// longer line is cut into several.
const maxMarked = 64 << 10

// marker turns one host's output into lines that bear its name: bytes in,
// lines out, whatever pieces the bytes come in.
type marker struct {
	mark string // "web1: "
	part []byte // of a line that has not ended
}

// write appends the lines that data completes to dst.
func (m *marker) write(dst, data []byte) []byte {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			break
		}
		line := data[:end]
		if len(m.part) > 0 {
			m.part = append(m.part, line...)
			line = m.part
		}
		line, dst = m.cut(dst, line)
		dst = m.line(dst, line)
		m.part, data = m.part[:0], data[end+1:]
	}
	m.part = append(m.part, data...)
	if len(m.part) > maxMarked {
		data, dst = m.cut(dst, m.part)
		m.part = append(m.part[:0], data...)
	}
	return dst
}

// end completes a line that has no newline.
func (m *marker) end(dst []byte) []byte {
	if len(m.part) == 0 {
		return dst
	}
	dst = m.line(dst, m.part)
	m.part = nil
	return dst
}

func (m *marker) line(dst, line []byte) []byte {
	dst = append(dst, m.mark...)
	return append(appendPrintable(dst, line, true), '\n')
}

// cut takes pieces off a line that is too long and returns what is left.
func (m *marker) cut(dst, line []byte) (rest, out []byte) {
	for len(line) > maxMarked {
		n := cutAt(line[:maxMarked])
		dst = m.line(dst, line[:n])
		line = line[n:]
	}
	return line, dst
}

// cutAt is where a piece ends so that no character and no colour sequence is
// torn.
func cutAt(piece []byte) int {
	n := len(piece)
	if esc := bytes.LastIndexByte(piece[n-maxSGR:], '\x1b'); esc >= 0 {
		if at := n - maxSGR + esc; sgr(piece[at:]) == 0 {
			return at
		}
	}
	for back := 1; back < utf8.UTFMax; back++ {
		if utf8.RuneStart(piece[n-back]) {
			if !utf8.FullRune(piece[n-back:]) {
				return n - back
			}
			break
		}
	}
	return n
}
