package screen

import (
	"strconv"

	"github.com/rivo/uniseg"
)

// What is sent beside text (ECMA-48, 8.3).
const (
	eraseRight = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// Status is one row at the bottom of what was written. The cursor stands at
// its end while it shows; without it, at the start of a row.
type Status struct {
	// NoReflow says that the terminal cuts rows when it becomes narrower and
	// does not wrap them anew.
	NoReflow bool

	width int
	shown string
	long  int // columns of shown
	rows  int // above the cursor that belong to it, after a resize
}

// Resize says how wide the window is, in columns.
func (s *Status) Resize(width int) {
	width = max(1, width)
	if s.long > 0 && width < s.width && !s.NoReflow {
		s.rows = (s.long - 1) / width
	}
	s.width = width
}

// Shows says whether there is something to erase.
func (s *Status) Shows() bool { return s.shown != "" }

// Draw appends what shows text in the row's place to dst. A text that shows
// already costs nothing.
func (s *Status) Draw(dst []byte, text string) []byte {
	text, long := clip(text, s.width-1)
	if text == s.shown && s.rows == 0 {
		return dst
	}
	if s.rows > 0 || text == "" {
		dst = s.Erase(dst)
	}
	if text == "" {
		return dst
	}
	if s.shown != "" {
		dst = append(dst, '\r')
	}
	dst = append(dst, text...)
	if long < s.long {
		dst = append(dst, eraseRight...)
	}
	s.shown, s.long = text, long
	return dst
}

// Erase appends what takes the row off the screen to dst.
func (s *Status) Erase(dst []byte) []byte {
	if s.shown == "" {
		return dst
	}
	dst = append(dst, '\r')
	if s.rows > 0 {
		dst = append(dst, "\x1b["...)
		dst = strconv.AppendInt(dst, int64(s.rows), 10)
		dst = append(dst, 'A')
	}
	s.shown, s.long, s.rows = "", 0, 0
	return append(dst, eraseBelow...)
}

// clip is as much of text as fits into a number of columns, and its width.
func clip(text string, most int) (string, int) {
	wide, end := 0, 0
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if wide+g.Width() > most {
			break
		}
		wide += g.Width()
		_, end = g.Positions()
	}
	return text[:end], wide
}
