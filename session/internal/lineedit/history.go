package lineedit

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a history, in lines and in bytes.
const (
	maxHistoryLines = 5000
	maxHistoryBytes = 1 << 20
)

// History is the lines of one user, oldest first, at most 5,000 of them and
// 1 MiB together. Its owner loads and saves it; it is not safe for concurrent
// use.
type History struct {
	lines []string
	bytes int
}

// NewHistory returns a history that holds lines, as far as [History.Add] keeps
// them.
func NewHistory(lines []string) *History {
	h := &History{}
	for _, line := range lines {
		h.Add(line)
	}
	return h
}

// Add appends a line and says whether it was kept: an empty one, one that
// begins with a blank, the same as the last, one longer than [MaxLine] and
// what is not UTF-8 are not.
func (h *History) Add(line string) bool {
	if line == "" || strings.ContainsAny(line[:1], " \t\n") || len(line) > MaxLine || !utf8.ValidString(line) {
		return false
	}
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		return false
	}
	h.lines = append(h.lines, line)
	h.bytes += len(line)
	for len(h.lines) > maxHistoryLines || h.bytes > maxHistoryBytes {
		h.bytes -= len(h.lines[0])
		h.lines = h.lines[1:]
	}
	return true
}

// Lines returns a copy of all lines, oldest first.
func (h *History) Lines() []string {
	return slices.Clone(h.lines)
}

// maxEdits bounds how many changed lines of the history are remembered.
const maxEdits = 32

// recall is the walk through the history while one line is edited.
type recall struct {
	at    int            // the line that shows; the number of lines means the new one
	edits map[int]string // lines that were changed before the walk went on
}

func (e *Editor) recallReset() {
	e.recall = recall{at: len(e.history.lines)}
}

// recallTo shows another line and keeps what was made of this one.
func (e *Editor) recallTo(at int) {
	if e.prompt.Question || at < 0 || at > len(e.history.lines) || at == e.recall.at {
		e.bell = true
		return
	}
	e.recallKeep()
	line, edited := e.recall.edits[at]
	if !edited && at < len(e.history.lines) {
		line = e.history.lines[at]
	}
	e.recall.at = at
	e.change()
	e.buf.set(line, len(line))
}

// recallKeep remembers what was made of the line that shows.
func (e *Editor) recallKeep() {
	here, old := e.buf.String(), e.recall.at < len(e.history.lines)
	if old && (here == e.history.lines[e.recall.at] || len(e.recall.edits) >= maxEdits) {
		return
	}
	if e.recall.edits == nil {
		e.recall.edits = map[int]string{}
	}
	e.recall.edits[e.recall.at] = here
}
