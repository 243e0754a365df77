package lineedit

// maxRing bounds how many killed texts are kept.
const maxRing = 8

// ring is what was killed, the last one last.
type ring struct {
	texts []string
	at    int // the one that was yanked
}

// kill takes text out of the line into the ring. What is killed by keys in a
// row comes back as one text.
func (e *Editor) kill(from, to int) {
	if from == to {
		e.bell = true
		return
	}
	e.change()
	left := to == e.buf.at
	text := e.buf.cut(from, to)
	r := &e.ring
	switch last := len(r.texts) - 1; {
	case e.before == killed && left && last >= 0:
		r.texts[last] = text + r.texts[last]
	case e.before == killed && last >= 0:
		r.texts[last] += text
	default:
		r.texts = append(r.texts, text)
		r.texts = r.texts[max(0, len(r.texts)-maxRing):]
	}
	e.now = killed
}

func (e *Editor) yank() {
	e.ring.at = len(e.ring.texts) - 1
	e.yankHere()
}

// yankPop replaces what was just yanked with what was killed before it.
func (e *Editor) yankPop() {
	if e.before != yanked {
		e.bell = true
		return
	}
	e.takeBack()
	e.ring.at--
	if e.ring.at < 0 {
		e.ring.at = len(e.ring.texts) - 1
	}
	e.yankHere()
}

func (e *Editor) yankHere() {
	if e.ring.at < 0 || e.ring.at >= len(e.ring.texts) {
		e.bell = true
		return
	}
	if e.put(e.ring.texts[e.ring.at]) {
		e.now = yanked
	}
}

// maxUndo bounds what is kept to be undone, in bytes of text.
const maxUndo = 1 << 20

// undo is the line as it was before each change.
type undo struct {
	states []lineState
	bytes  int
}

type lineState struct {
	text string
	at   int
}

// overhead is what a state costs beside its text, in bytes.
const overhead = 32

// change keeps the line as it is before it is changed.
func (e *Editor) change() {
	u := &e.undo
	here := lineState{e.buf.String(), e.buf.at}
	if n := len(u.states); n > 0 && u.states[n-1].text == here.text {
		u.states[n-1].at = here.at
		return
	}
	u.states = append(u.states, here)
	u.bytes += len(here.text) + overhead
	for u.bytes > maxUndo {
		u.bytes -= len(u.states[0].text) + overhead
		u.states = u.states[1:]
	}
}

// takeBack undoes the last change.
func (e *Editor) takeBack() {
	u := &e.undo
	for len(u.states) > 0 {
		last := u.states[len(u.states)-1]
		u.states = u.states[:len(u.states)-1]
		u.bytes -= len(last.text) + overhead
		if last.text != e.buf.String() {
			e.buf.set(last.text, last.at)
			return
		}
	}
	e.bell = true
}
