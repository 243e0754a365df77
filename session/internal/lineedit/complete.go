package lineedit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Candidate is one way to complete a word.
type Candidate struct {
	// Text replaces the word, quoted as the line needs it.
	Text string
	// End follows it if it is the only candidate: a blank, a slash, nothing.
	End string
	// Display is shown in the list; empty means Text.
	Display string
	// Kind is a mark shown behind it, such as `*`.
	Kind string
	// Doc is its description, of which the first line is shown.
	Doc string
}

// Completion answers an event of kind [Complete].
type Completion struct {
	// From is where the word begins in the line, in bytes; it ends at the
	// cursor.
	From int
	// Candidates are all that fit, in the order in which they are listed.
	Candidates []Candidate
}

func (e *Editor) tab() Event {
	if e.prompt.Question {
		e.bell = true
		return Event{}
	}
	event := Event{Kind: Complete, Line: e.buf.String(), Cursor: e.buf.at, Again: e.before == tabbed}
	e.now, e.asked = tabbed, &event
	return event
}

// Complete answers the last Tab and returns what is to be written: the line
// goes on as far as all candidates agree; after a second Tab that brought
// nothing they are listed. An answer that comes when the line has changed is
// ignored.
func (e *Editor) Complete(answer Completion) []byte {
	asked := e.asked
	e.asked = nil
	if asked == nil || !e.active || asked.Line != e.buf.String() || asked.Cursor != e.buf.at {
		return nil
	}
	found := answer.Candidates
	switch {
	case len(found) == 0 || !e.fits(answer.From):
		e.bell = true
	case len(found) == 1:
		e.replace(answer.From, found[0].Text+found[0].End)
	default:
		common := commonStart(found)
		if len(common) > e.buf.at-answer.From {
			e.replace(answer.From, common)
		} else if asked.Again {
			e.list(found)
		} else {
			e.bell = true
		}
	}
	return e.flush()
}

// fits says whether a word may begin at a place of the line.
func (e *Editor) fits(from int) bool {
	return from >= 0 && from <= e.buf.at && (from == e.buf.at || utf8.RuneStart(e.buf.text[from]))
}

// replace puts text in the place of the word before the cursor.
func (e *Editor) replace(from int, text string) {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(e.buf.text)-(e.buf.at-from)+len(text) > e.buf.limit {
		e.bell = true
		return
	}
	e.change()
	e.buf.cut(from, e.buf.at)
	e.buf.insert(text)
}

// commonStart is what all texts begin with, in whole characters.
func commonStart(found []Candidate) string {
	common := []byte(found[0].Text)
	for _, c := range found[1:] {
		n := 0
		for n < len(common) && n < len(c.Text) && common[n] == c.Text[n] {
			n++
		}
		common = common[:n]
	}
	for _, c := range found { // é may begin like e
		whole := 0
		for rest := []byte(c.Text); whole < len(common); {
			size := clusterSize(rest)
			if whole+size > len(common) {
				break
			}
			whole += size
			rest = rest[size:]
		}
		common = common[:whole]
	}
	return string(common)
}

// list shows the candidates under the line, and the line again below them.
func (e *Editor) list(found []Candidate) {
	last := len(e.screen.rows) - 1
	p := pen{out: e.out, y: e.screen.y, x: e.screen.x, full: e.width}
	p.goTo(last, 0)
	p.goTo(last+1, 0)
	for _, row := range listRows(found, e.width, max(1, e.height-1-len(e.screen.rows))) {
		for _, c := range row {
			p.put(c)
		}
		p.out = append(p.out, "\r\n"...)
	}
	e.out, e.screen = p.out, blank()
}

// listRows arranges candidates in at most height rows of width columns.
func listRows(found []Candidate, width, height int) [][]cell {
	names := make([][]cell, len(found))
	widest, documented := 0, false
	for i, c := range found {
		name := c.Display
		if name == "" {
			name = c.Text
		}
		names[i] = cells(name + c.Kind)
		widest = max(widest, columns(names[i]))
		documented = documented || c.Doc != ""
	}
	const gap = 2
	across := 1
	if !documented {
		across = max(1, (width+gap)/(widest+gap))
	}
	down := (len(found) + across - 1) / across
	var more []cell
	if down > height {
		down = height - 1
		more = cells(fmt.Sprintf("... and %d more", len(found)-down*across))
	}
	rows := make([][]cell, down)
	for y := range rows {
		for i := y; i < min(len(found), down*across); i += down {
			rows[y] = append(padded(rows[y], i/down*(widest+gap)), names[i]...)
		}
		if doc, _, _ := strings.Cut(found[y].Doc, "\n"); documented && doc != "" {
			rows[y] = append(padded(rows[y], widest+gap), cells(doc)...)
		}
		rows[y] = clipped(rows[y], width)
	}
	if more != nil {
		rows = append(rows, clipped(more, width))
	}
	return rows
}

// padded adds blanks up to a column.
func padded(row []cell, column int) []cell {
	for n := columns(row); n < column; n++ {
		row = append(row, cell{text: " ", width: 1})
	}
	return row
}

// clipped is as much of a row as the screen is wide.
func clipped(row []cell, width int) []cell {
	for i, c := range row {
		if width -= c.width; width < 0 {
			return row[:i]
		}
	}
	return row
}
