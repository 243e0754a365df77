package host

import (
	"regexp"
)

// Pty asks for a terminal at the target. Raw bytes go both ways, and stderr is
// part of stdout. The end of Stdin is not told to the command, for a terminal
// has none; what is typed when nobody reads waits there, within its bounds.
type Pty struct {
	// Term is the terminal's type. What is no plain name becomes "dumb". It
	// stands in the request for the terminal only, never on a command line.
	Term string
	// Width and Height are in columns and rows, clamped to 1 to 1000 and 1 to
	// 500.
	Width, Height int
}

const (
	maxWidth  = 1000
	maxHeight = 500
)

var terminalName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// valid is a copy within bounds; nil of nil.
func (p *Pty) valid() *Pty {
	if p == nil {
		return nil
	}
	v := Pty{Term: p.Term}
	v.Width, v.Height = clampSize(p.Width, p.Height)
	if !terminalName.MatchString(v.Term) {
		v.Term = "dumb"
	}
	return &v
}

func clampSize(width, height int) (int, int) {
	return min(max(width, 1), maxWidth), min(max(height, 1), maxHeight)
}
