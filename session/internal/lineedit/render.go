package lineedit

import (
	"slices"
	"strconv"
)

// What is sent beside text (ECMA-48, 8.3; xterm, "Bracketed Paste Mode").
// Nothing here makes a terminal answer.
const (
	pasteOn     = "\x1b[?2004h"
	pasteOff    = "\x1b[?2004l"
	clearScreen = "\x1b[H\x1b[2J"
	eraseBelow  = "\x1b[J"
	eraseRight  = "\x1b[K"
	noColour    = "\x1b[0m"
)

// pen writes to a terminal and knows where its cursor is, in rows and columns
// of the frame. Rows are ended by CR LF and never by the terminal's own wrap:
// so a window that becomes wider changes nothing.
type pen struct {
	out  []byte
	y, x int
	sgr  string
	full int // the width, at which the cursor's place is uncertain
}

// goTo moves the cursor. Downwards it may make new rows.
func (p *pen) goTo(y, x int) {
	if y < p.y {
		p.csi(p.y-y, 'A')
	}
	for ; p.y < y; p.y++ {
		p.out = append(p.out, "\r\n"...)
		p.x = 0
	}
	p.y = y
	if x = min(x, p.full); x == p.x {
		return
	}
	if x < p.x && (x == 0 || p.x >= p.full) {
		p.out = append(p.out, '\r')
		p.x = 0
	}
	switch {
	case x == p.x-1:
		p.out = append(p.out, '\b')
	case x < p.x:
		p.csi(p.x-x, 'D')
	case x > p.x:
		p.csi(x-p.x, 'C')
	}
	p.x = x
}

func (p *pen) csi(n int, final byte) {
	p.out = append(p.out, "\x1b["...)
	if n != 1 {
		p.out = strconv.AppendInt(p.out, int64(n), 10)
	}
	p.out = append(p.out, final)
}

func (p *pen) put(c cell) {
	p.colour(c.sgr)
	p.out = append(p.out, c.text...)
	p.x += c.width
}

func (p *pen) colour(sgr string) {
	if sgr == p.sgr {
		return
	}
	if p.sgr != "" {
		p.out = append(p.out, noColour...)
	}
	p.out = append(p.out, sgr...)
	p.sgr = sgr
}

// row makes one row of the screen another one.
func (p *pen) row(y int, old, want []cell) {
	if slices.Equal(old, want) {
		return
	}
	n := same(old, want)
	p.goTo(y, columns(want[:n]))
	for _, c := range want[n:] {
		p.put(c)
	}
	p.colour("")
	if columns(want) < columns(old) {
		p.out = append(p.out, eraseRight...)
	}
}

// draw brings the screen from what it shows to the line as it is.
func (e *Editor) draw(tail string, last bool) {
	old, want := e.screen, e.layout(tail, last)
	p := pen{out: e.out, y: old.y, x: old.x, full: e.width}
	for y, row := range want.rows {
		var before []cell
		if y < len(old.rows) {
			before = old.rows[y]
		}
		p.row(y, before, row)
	}
	if len(old.rows) > len(want.rows) {
		p.goTo(len(want.rows), 0)
		p.out = append(p.out, eraseBelow...)
	}
	p.goTo(want.y, want.x)
	e.out, e.screen = p.out, want
}

// erase takes the line off the screen and leaves the cursor where it began.
func (e *Editor) erase() {
	p := pen{out: e.out, y: e.screen.y, x: e.screen.x, full: e.width}
	p.goTo(0, 0)
	e.out = append(p.out, eraseBelow...)
	e.screen = blank()
}

// Resize says that the window has another size, in columns and rows, and
// returns what draws the line anew. What is not above 0 is unknown.
func (e *Editor) Resize(width, height int) []byte {
	before := e.width
	e.width, e.height = size(width, defaultWidth), size(height, defaultHeight)
	if !e.active || e.options.Plain {
		return nil
	}
	up := e.screen.y
	if e.width < before && !e.options.NoReflow {
		up = e.screen.above(e.width)
	}
	p := pen{out: e.out, y: min(up, e.height-1), x: e.width, full: e.width}
	p.goTo(0, 0)
	e.out = append(p.out, eraseBelow...)
	e.screen = blank()
	return e.flush()
}
