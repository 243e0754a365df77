package lineedit

// frame is the line as it shows: rows of the screen, as many as fit, and the
// cursor among them. In a full row the cursor may stand behind its last column.
type frame struct {
	rows [][]cell
	y, x int
}

// blank is a frame that has drawn nothing: an empty row.
func blank() frame { return frame{rows: make([][]cell, 1)} }

// walker places cells row by row.
type walker struct {
	width int
	y, x  int
	put   func(y int, c cell)
}

func (w *walker) add(c cell) {
	if c == rowBreak {
		w.y, w.x = w.y+1, 0
		return
	}
	c = w.fit(c)
	w.y, w.x = w.place(c.width)
	w.put(w.y, c)
	w.x += c.width
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

// walk places prompt, line and tail and returns where the cursor stands. A
// last one stands behind the last character; another never stands behind the
// last column, where terminals differ.
func (e *Editor) walk(w *walker, label, tail []cell, last bool) (y, x int) {
	for _, c := range label {
		w.add(c)
	}
	line := e.buf.text
	if e.prompt.Masked {
		line = nil
	}
	for i := 0; i < len(line); {
		c, size := firstCell(line[i:])
		if i == e.buf.at {
			y, x = w.place(w.fit(c).width)
		}
		w.add(c)
		if line[i] == '\n' {
			w.add(rowBreak)
			for _, c := range e.more {
				w.add(c)
			}
		}
		i += size
	}
	for _, c := range tail {
		w.add(c)
	}
	switch {
	case last:
		return w.y, w.x
	case len(line) == 0 || e.buf.at == len(line):
		return w.place(1)
	}
	return y, x
}

// layout is the frame to show: the rows around the cursor, if not all fit.
func (e *Editor) layout(tail string, last bool) frame {
	label, after := e.label, cells(tail)
	if e.search.on {
		label = cells(e.searchPrompt())
	}
	w := walker{width: e.width, put: func(int, cell) {}}
	y, x := e.walk(&w, label, after, last)
	height := max(w.y, y) + 1
	e.top = min(e.top, y, max(0, height-e.height))
	e.top = max(e.top, y-e.height+1)
	f := frame{rows: make([][]cell, min(height-e.top, e.height)), y: y - e.top, x: x}
	w = walker{width: e.width, put: func(y int, c cell) {
		if y -= e.top; y >= 0 && y < len(f.rows) {
			f.rows[y] = append(f.rows[y], c)
		}
	}}
	e.walk(&w, label, after, last)
	return f
}

// above is how many rows of the screen lie between the frame's first one and
// the cursor, after the terminal has wrapped the rows anew.
func (f *frame) above(width int) int {
	n := 0
	for i, row := range f.rows[:f.y+1] {
		w := walker{width: width, put: func(int, cell) {}}
		x := 0
		for _, c := range row {
			if i == f.y && x >= f.x {
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
