package lineedit

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// maxQuery bounds what is searched for, in bytes.
const maxQuery = 256

// search is the incremental search through the history.
type search struct {
	on     bool
	query  string
	last   string // what was searched for before
	step   int    // -1 goes to older lines, +1 to newer ones
	at     int    // the line that was found
	failed bool
	origin lineState // the line before
	from   int       // where the walk through the history stood
}

func (e *Editor) searchStart(step int) {
	if e.prompt.Question {
		e.bell = true
		return
	}
	e.search = search{
		on: true, step: step, last: cmp.Or(e.search.query, e.search.last), at: e.recall.at, from: e.recall.at,
		origin: lineState{e.buf.String(), e.buf.at},
	}
}

// pressSearch does a key in a search, and says no if the key ends it and is
// still to be done.
func (e *Editor) pressSearch(p press) bool {
	s := &e.search
	switch p.key {
	case keyText:
		if len(s.query)+len(p.text) > maxQuery {
			e.bell = true
			return true
		}
		s.query += p.text
		e.find(s.at)
	case keyBackspace:
		_, size := utf8.DecodeLastRuneInString(s.query)
		s.query = s.query[:len(s.query)-size]
		e.searchAgain()
	case keySearch:
		e.searchNext(-1)
	case keySearchForward:
		e.searchNext(+1)
	case keyCancel:
		e.buf.set(s.origin.text, s.origin.at)
		s.on = false
	case keyEscape:
		e.searchAccept()
	default:
		e.searchAccept()
		return false
	}
	return true
}

// searchAgain searches from where the search began, for a shorter text.
func (e *Editor) searchAgain() {
	s := &e.search
	s.failed = false
	e.buf.set(s.origin.text, s.origin.at)
	if s.at = s.from; s.query != "" {
		e.find(s.from)
	}
}

// searchNext goes on to the next line that is another one.
func (e *Editor) searchNext(step int) {
	s := &e.search
	if s.step = step; s.query == "" {
		s.query = s.last
		e.find(s.at)
		return
	}
	e.find(s.at + step)
}

// find shows the first line from a place on that holds the text.
func (e *Editor) find(from int) {
	s := &e.search
	lines := e.history.lines
	if s.query == "" {
		return
	}
	again := from != s.at
	for i := from; i < len(lines)+1; i += s.step {
		if i < 0 {
			break
		}
		if i == len(lines) || again && lines[i] == e.buf.String() {
			continue
		}
		if at := strings.Index(lines[i], s.query); at >= 0 {
			s.at, s.failed = i, false
			e.buf.set(lines[i], at)
			return
		}
	}
	s.failed, e.bell = true, true
}

// searchAccept ends the search with the line it found.
func (e *Editor) searchAccept() {
	s := &e.search
	s.on = false
	if found := e.buf.String(); found != s.origin.text {
		at := e.buf.at
		e.buf.set(s.origin.text, s.origin.at)
		e.recallKeep()
		e.change()
		e.buf.set(found, at)
		e.recall.at = min(s.at, len(e.history.lines))
	}
}

// searchPrompt stands before the line while a search is on.
func (e *Editor) searchPrompt() string {
	words := "reverse-i-search"
	if e.search.step > 0 {
		words = "i-search"
	}
	if e.search.failed {
		words = "failed " + words
	}
	return "(" + words + ")`" + e.search.query + "': "
}
