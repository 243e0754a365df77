package session

import (
	"bytes"
	"unicode/utf8"
)

// stream shows one host's output as it comes, whatever pieces the bytes come
// in: no line has to end before it is seen. What a terminal would obey is
// escaped, colours pass.
type stream struct {
	torn []byte // the beginning of a character or of a sequence
	lit  bool   // a colour was left on
}

// write appends what of data can be shown to dst.
func (s *stream) write(dst, data []byte) []byte {
	if len(s.torn) > 0 {
		data = append(s.torn, data...)
	}
	n := wholePart(data)
	s.torn = bytes.Clone(data[n:])
	for data = data[:n]; len(data) > 0; {
		line, rest, ended := bytes.Cut(data, []byte{'\n'})
		if ended {
			line = bytes.TrimSuffix(line, []byte{'\r'})
		}
		dst, s.lit = appendShown(dst, line, s.lit)
		if ended {
			dst = append(s.dark(dst), '\n')
		}
		data = rest
	}
	return dst
}

// end appends what is left, and switches colours off.
func (s *stream) end(dst []byte) []byte {
	dst, s.lit = appendShown(dst, s.torn, s.lit)
	s.torn = nil
	return s.dark(dst)
}

func (s *stream) dark(dst []byte) []byte {
	if !s.lit {
		return dst
	}
	s.lit = false
	return append(dst, "\x1b[0m"...)
}

// wholePart is how much of data does not wait for more: a character, a colour
// sequence or CR LF that may be torn at the end does.
func wholePart(data []byte) int {
	n := wholeCharacters(data)
	from := max(0, n-maxSGR)
	if esc := bytes.LastIndexByte(data[from:n], '\x1b'); esc >= 0 && openSGR(data[from+esc:n]) {
		return from + esc
	}
	if n > 0 && n == len(data) && data[n-1] == '\r' {
		return n - 1
	}
	return n
}

// openSGR says whether text may be the beginning of a colour sequence.
func openSGR(text []byte) bool {
	if len(text) == 1 {
		return true
	}
	if len(text) >= maxSGR || text[1] != '[' {
		return false
	}
	return bytes.IndexFunc(text[2:], func(r rune) bool { return (r < '0' || r > '9') && r != ';' && r != ':' }) < 0 && utf8.Valid(text)
}
