package lineedit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// terminal is a small emulation that knows wide characters, and refuses every
// sequence an editor has no business to send.
type terminal struct {
	width, height int
	rows          [][]string // "" behind a wide character
	y, x          int
	full          bool // the last column was written: the next character wraps
	reflow        bool
	wraps         int // how often it did
	bells         int
	wrong         []string
}

func newTerminal(width, height int, reflow bool) *terminal {
	t := &terminal{width: width, height: height, reflow: reflow}
	for range height {
		t.rows = append(t.rows, t.emptyRow())
	}
	return t
}

func (t *terminal) emptyRow() []string {
	return slices.Repeat([]string{" "}, t.width)
}

func (t *terminal) Write(p []byte) (int, error) {
	for rest := string(p); rest != ""; {
		switch {
		case strings.HasPrefix(rest, "\x1b"):
			rest = t.sequence(rest)
		case rest[0] < 0x20 || rest[0] == 0x7f:
			t.control(rest[0])
			rest = rest[1:]
		default:
			end := strings.IndexFunc(rest, func(r rune) bool { return r < 0x20 || r == 0x7f })
			if end < 0 {
				end = len(rest)
			}
			t.text(rest[:end])
			rest = rest[end:]
		}
	}
	return len(p), nil
}

func (t *terminal) control(c byte) {
	switch c {
	case '\r':
		t.x, t.full = 0, false
	case '\n':
		t.down()
	case '\b':
		t.x, t.full = max(0, t.x-1), false
	case '\a':
		t.bells++
	default:
		t.wrong = append(t.wrong, fmt.Sprintf("control %#x", c))
	}
}

func (t *terminal) down() {
	if t.y++; t.y == t.height {
		t.y--
		t.rows = append(t.rows[1:], t.emptyRow())
	}
	t.full = false
}

func (t *terminal) text(s string) {
	if !utf8.ValidString(s) {
		t.wrong = append(t.wrong, fmt.Sprintf("text %q", s))
	}
	for g := uniseg.NewGraphemes(s); g.Next(); {
		w := g.Width()
		if w == 0 {
			t.wrong = append(t.wrong, fmt.Sprintf("nothing to see in %q", g.Str()))
			continue
		}
		if t.full || t.x+w > t.width {
			t.wraps++
			t.x = 0
			t.down()
		}
		t.rows[t.y][t.x] = g.Str()
		for i := 1; i < w && t.x+i < t.width; i++ {
			t.rows[t.y][t.x+i] = ""
		}
		if t.x += w; t.x >= t.width {
			t.x, t.full = t.width-1, true
		}
	}
}

func (t *terminal) sequence(s string) string {
	end := strings.IndexFunc(s[min(2, len(s)):], func(r rune) bool { return r >= 0x40 && r < 0x7f })
	if !strings.HasPrefix(s, "\x1b[") || end < 0 {
		t.wrong = append(t.wrong, fmt.Sprintf("sequence %q", s))
		return ""
	}
	params, final := s[2:2+end], s[2+end]
	n, _ := strconv.Atoi(params)
	n = max(1, n)
	switch {
	case final == 'm', params == "?2004" && (final == 'h' || final == 'l'):
		return s[3+end:]
	case final == 'A':
		t.y = max(0, t.y-n)
	case final == 'C':
		t.x = min(t.width-1, t.x+n)
	case final == 'D':
		t.x = max(0, t.x-n)
	case final == 'H' && params == "":
		t.y, t.x = 0, 0
	case final == 'J' && params == "":
		t.eraseRight()
		for y := t.y + 1; y < t.height; y++ {
			t.rows[y] = t.emptyRow()
		}
	case final == 'J' && params == "2":
		for y := range t.rows {
			t.rows[y] = t.emptyRow()
		}
	case final == 'K' && params == "":
		t.eraseRight()
	default:
		t.wrong = append(t.wrong, fmt.Sprintf("sequence %q", s[:3+end]))
	}
	t.full = false
	return s[3+end:]
}

func (t *terminal) eraseRight() {
	for x := t.x; x < t.width; x++ {
		t.rows[t.y][x] = " "
	}
}

// String is the screen without the blanks at its right and bottom.
func (t *terminal) String() string { return screenText(t.rows) }

func (t *terminal) cursor() (y, x int) { return t.y, t.x }

func screenText(rows [][]string) string {
	var out []string
	for _, row := range rows {
		out = append(out, strings.TrimRight(strings.Join(row, ""), " "))
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// Resize changes the window as terminals do: the cursor stays in it, and rows
// are cut, or wrapped anew.
func (t *terminal) Resize(width, height int) {
	rows, y, x := t.rows, t.y, t.x
	if t.full {
		x++
	}
	if t.reflow && width < t.width {
		rows, y, x = t.wrapped(width)
	}
	if x >= width {
		x = width - 1
	}
	if cut := y - height + 1; cut > 0 {
		rows, y = rows[cut:], y-cut
	}
	t.width, t.height, t.y, t.x, t.full = width, height, y, x, false
	t.rows = nil
	for i := range height {
		row := t.emptyRow()
		if i < len(rows) {
			copy(row, rows[i])
		}
		t.rows = append(t.rows, row)
	}
}

// wrapped wraps every row anew. No row here was ever wrapped by itself.
func (t *terminal) wrapped(width int) (out [][]string, cy, cx int) {
	for y, row := range t.rows {
		end := len(row)
		for end > 0 && row[end-1] == " " && (y != t.y || end > t.x) {
			end--
		}
		line := []string{}
		for x := 0; x < end; x++ {
			w := 1
			for x+w < end && row[x+w] == "" {
				w++
			}
			if len(line)+w > width {
				out = append(out, line)
				line = []string{}
			}
			if y == t.y && x <= t.x && t.x < x+w {
				cy, cx = len(out), len(line)
			}
			line = append(line, row[x:x+w]...)
			x += w - 1
		}
		if y == t.y && t.x >= end {
			cy, cx = len(out), len(line)
		}
		out = append(out, line)
	}
	for len(out) > 1 && len(out) > cy+1 && len(out[len(out)-1]) == 0 {
		out = out[:len(out)-1]
	}
	return out, cy, cx
}
