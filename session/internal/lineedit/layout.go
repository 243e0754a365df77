package lineedit

// frame is the line as it shows: rows of the screen, as many as fit, and the
// cursor among them. In a full row the cursor may stand behind its last column.
type frame struct {
	rows [][]cell
	y, x int
}

// blank is a frame that has drawn nothing: an empty row.
func blank() frame { return frame{rows: make([][]cell, 1)} }

// walker places cells row by row, and keeps the rows that show.
type walker struct {
	width       int
	y, x        int
	top, height int // which rows to keep
	rows        [][]cell
}

func (w *walker) add(c cell) {
	if c == rowBreak {
		w.y, w.x = w.y+1, 0
		return
	}
	c = w.fit(c)
	w.y, w.x = w.place(c.width)
	if row := w.row(); row != nil {
		*row = append(*row, c)
	}
	w.x += c.width
}

// addPlain places printable ASCII, many at once since lines may be long.
func (w *walker) addPlain(text []byte) {
	for len(text) > 0 {
		w.y, w.x = w.place(1)
		n := min(len(text), w.width-w.x)
		if row := w.row(); row != nil {
			for _, c := range text[:n] {
				*row = append(*row, cell{text: string(rune(c)), width: 1})
			}
		}
		w.x += n
		text = text[n:]
	}
}

// row is the row that is written to, nil if it does not show.
func (w *walker) row() *[]cell {
	i := w.y - w.top
	if i < 0 || i >= w.height {
		return nil
	}
	for len(w.rows) <= i {
		w.rows = append(w.rows, nil)
	}
	return &w.rows[i]
}

// fit is the cell, or what stands for one that is wider than the screen.
func (w *walker) fit(c cell) cell {
	if c.width > w.width {
		return cell{text: "?", width: 1, sgr: c.sgr}
	}
	return c
}

// place is where a cell of that width would come to stand.
func (w *walker) place(width int) (y, x int) {
	if w.x+width > w.width {
		return w.y + 1, 0
	}
	return w.y, w.x
}

func (w *walker) addAll(cells []cell) {
	for _, c := range cells {
		w.add(c)
	}
}

// walk places prompt, line and tail and returns where the cursor stands. A
// last one stands behind the last character; another never stands behind the
// last column, where terminals differ.
func (e *Editor) walk(w *walker, label, tail []cell, last bool) (y, x int) {
	w.addAll(label)
	line := e.buf.text
	if e.prompt.Masked {
		line = nil
	}
	at := min(e.buf.at, len(line))
	e.walkText(w, line[:at])
	switch {
	case last:
		w.addAll(tail)
		return w.y, w.x
	case at == len(line):
		return w.place(1)
	}
	c, _ := firstCell(line[at:])
	y, x = w.place(w.fit(c).width)
	e.walkText(w, line[at:])
	return y, x
}

func (e *Editor) walkText(w *walker, text []byte) {
	for len(text) > 0 {
		if n := plainRun(text); n > 0 {
			w.addPlain(text[:n])
			text = text[n:]
			continue
		}
		c, size := firstCell(text)
		w.add(c)
		if text[0] == '\n' {
			w.add(rowBreak)
			w.addAll(e.more)
		}
		text = text[size:]
	}
}

// layout is the frame to show: the rows around the cursor, if not all fit.
func (e *Editor) layout(tail string, last bool) frame {
	label, after := e.label, cells(tail)
	if e.search.on {
		label = cells(e.searchPrompt())
	}
	for {
		w := walker{width: e.width, top: e.top, height: e.height}
		y, x := e.walk(&w, label, after, last)
		height := max(w.y, y) + 1
		e.top = min(e.top, y, max(0, height-e.height))
		e.top = max(e.top, y-e.height+1)
		if e.top != w.top { // other rows than those that were kept
			continue
		}
		for len(w.rows) < min(height-e.top, e.height) {
			w.rows = append(w.rows, nil)
		}
		return frame{rows: w.rows, y: y - e.top, x: x}
	}
}

// above is how many rows of the screen lie between the frame's first one and
// the cursor, after the terminal has wrapped the rows anew.
func (f *frame) above(width int) int {
	n := 0
	for i, row := range f.rows[:f.y+1] {
		w := walker{width: width}
		x := 0
		for _, c := range row {
			if i == f.y && x >= f.x {
				w.y, w.x = w.place(w.fit(c).width)
				break
			}
			x += c.width
			w.add(c)
		}
		if n += w.y; i < f.y {
			n++
		}
	}
	return n
}

// same is how many cells two rows have in common at their start.
func same(a, b []cell) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
