package session

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"

	"github.com/deployerd/deployerd/session/internal/screen"
)

// Colours (ECMA-48, 8.3.117).
const (
	dim   = "2"
	red   = "31"
	green = "32"
	bold  = "1"
)

// display is a terminal under an output: rows that stay, and below them one
// that is drawn again and again. It is used in the output's turn, except for
// resize and colour.
type display struct {
	out    io.Writer
	plain  bool // no escape sequence is ever sent
	width  atomic.Int64
	status screen.Status
	open   bool // the cursor stands behind text
	buf    []byte
}

func newDisplay(t Terminal, plain bool) *display {
	d := &display{out: t.Out, plain: plain}
	d.status.NoReflow = noReflow(t.Term)
	d.resize(t.Size)
	return d
}

// noReflow says whether a terminal cuts its rows when it becomes narrower.
func noReflow(term string) bool {
	return term == "linux" || term == "xterm" || strings.HasPrefix(term, "vt") || strings.HasPrefix(term, "putty")
}

// resize may be called at any time. A width that is not known is 80.
func (d *display) resize(size Size) {
	if size.Width < 1 {
		size.Width = 80
	}
	d.width.Store(int64(size.Width))
}

// colour puts text in a colour, where there are colours.
func (d *display) colour(sgr, text string) string {
	if d.plain || sgr == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// Write shows text whose lines end with newlines, in one frame.
func (d *display) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	d.begin()
	rest := p
	if d.plain {
		rest = withoutColours(p)
	}
	for len(rest) > 0 {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		if d.buf = append(d.buf, line...); ended {
			d.buf = append(d.buf, "\r\n"...)
		}
		rest = after
	}
	d.open = p[len(p)-1] != '\n'
	if err := d.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// raw writes what an editor draws. It leaves the cursor where that is.
func (d *display) raw(p []byte) error {
	d.begin()
	d.buf = append(d.buf, p...)
	return d.flush()
}

// draw shows the status row; text that has no end of line is not drawn over.
func (d *display) draw(text string) error {
	if d.plain || d.open {
		return nil
	}
	d.buf = d.buf[:0]
	d.status.Resize(int(d.width.Load()))
	d.buf = d.status.Draw(d.buf, text)
	return d.flush()
}

// begin begins a frame without the status row.
func (d *display) begin() {
	d.buf = d.buf[:0]
	if d.status.Shows() {
		d.status.Resize(int(d.width.Load()))
		d.buf = d.status.Erase(d.buf)
	}
}

func (d *display) flush() error {
	if len(d.buf) == 0 {
		return nil
	}
	_, err := d.out.Write(d.buf)
	return err
}

// finish leaves the cursor at the start of an empty row.
func (d *display) finish() error {
	d.begin()
	if d.open {
		d.open = false
		d.buf = append(d.buf, "\r\n"...)
	}
	return d.flush()
}
