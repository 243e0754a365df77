package host

import (
	"bytes"
	"io"
	"sync"
)

// tailSize bounds what an ExitError carries of a command's output.
const tailSize = 2 << 10

// capture is where one stream of one command goes: shown by the hooks and
// kept, within bounds, for the result.
type capture struct {
	host   string
	stream Stream
	hooks  Hooks     // nil: not shown
	screen io.Writer // of a terminal; nil: none
	limit  int       // how much is kept

	mu     sync.Mutex // Write may still come when a process was given up
	closed bool
	data   []byte
	cut    bool   // there was more than limit
	tail   []byte // the last of it, once cut: more than tailSize, up to 2 × tailSize
}

// Write keeps and shows p. It fails after close.
func (c *capture) Write(p []byte) (int, error) {
	if !c.keep(p) {
		return 0, io.ErrClosedPipe
	}
	if c.hooks != nil && len(p) > 0 {
		c.hooks.Output(c.host, c.stream, p)
	}
	if c.screen != nil {
		return c.screen.Write(p)
	}
	return len(p), nil
}

func (c *capture) keep(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	n := min(len(p), c.limit-len(c.data))
	c.data = append(c.data, p[:n]...)
	if n < len(p) {
		c.keepTail(p[n:])
	}
	return true
}

func (c *capture) keepTail(p []byte) {
	if !c.cut {
		c.cut = true
		c.tail = append(make([]byte, 0, 2*tailSize), last(c.data, tailSize+1)...)
	}
	p = last(p, tailSize+1)
	if len(c.tail)+len(p) > cap(c.tail) {
		c.tail = append(c.tail[:0], last(c.tail, tailSize+1-len(p))...)
	}
	c.tail = append(c.tail, p...)
}

// close ends the writing; what was kept is the caller's.
func (c *capture) close() (data []byte, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.data, c.cut
}

// lastLines returns a copy of the last whole lines, at most tailSize bytes; of
// a longer line its end. It is used after close.
func (c *capture) lastLines() []byte {
	all := c.data
	if c.cut {
		all = c.tail
	}
	text := last(all, tailSize)
	if len(text) < len(all) && all[len(all)-len(text)-1] != '\n' {
		if i := bytes.IndexByte(text[:max(len(text)-1, 0)], '\n'); i >= 0 {
			text = text[i+1:]
		}
	}
	return bytes.Clone(text)
}

func last(p []byte, n int) []byte { return p[max(len(p)-n, 0):] }
