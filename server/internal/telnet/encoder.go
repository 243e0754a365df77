package telnet

import "bytes"

// encoder is the sending side, below go-telnet, which doubled 0xFF already: a
// CR of the network virtual terminal must have LF or NUL behind it (RFC 854,
// "the NVT printer").
type encoder struct {
	pending bool // the last byte sent was a CR whose companion is not decided
}

// append encodes p behind dst. A CR at the end of p gets its NUL only with the
// next data that is not LF: nobody waits for it, and "\r\n" may come in two
// pieces.
func (e *encoder) append(dst, p []byte, binary bool) []byte {
	if binary {
		e.pending = false
		return append(dst, p...)
	}
	for len(p) > 0 {
		if e.pending && p[0] != '\n' {
			dst = append(dst, 0)
		}
		i := bytes.IndexByte(p, '\r') + 1
		e.pending = i > 0
		if i == 0 {
			i = len(p)
		}
		dst, p = append(dst, p[:i]...), p[i:]
	}
	return dst
}

// finish completes a CR before something that is not data is sent.
func (e *encoder) finish(dst []byte) []byte {
	if e.pending {
		dst = append(dst, 0)
	}
	e.pending = false
	return dst
}
