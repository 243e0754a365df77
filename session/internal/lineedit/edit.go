package lineedit

// edits are the keys that change the line or the cursor and do no more.
var edits = map[key]func(*Editor){
	keyPasteTooLong:  func(e *Editor) { e.bell = true },
	keyCancel:        func(e *Editor) { e.bell = true },
	keyHome:          func(e *Editor) { e.move(0) },
	keyEnd:           func(e *Editor) { e.move(len(e.buf.text)) },
	keyLeft:          func(e *Editor) { e.move(e.buf.prev(e.buf.at)) },
	keyRight:         func(e *Editor) { e.move(e.buf.next(e.buf.at)) },
	keyWordLeft:      func(e *Editor) { e.move(e.buf.left(e.buf.at, isWord)) },
	keyWordRight:     func(e *Editor) { e.move(e.buf.right(e.buf.at, isWord)) },
	keyUp:            func(e *Editor) { e.recallTo(e.recall.at - 1) },
	keyDown:          func(e *Editor) { e.recallTo(e.recall.at + 1) },
	keyBackspace:     func(e *Editor) { e.remove(e.buf.prev(e.buf.at), e.buf.at) },
	keyDelete:        func(e *Editor) { e.remove(e.buf.at, e.buf.next(e.buf.at)) },
	keyKillToEnd:     func(e *Editor) { e.kill(e.buf.at, len(e.buf.text)) },
	keyKillToStart:   func(e *Editor) { e.kill(0, e.buf.at) },
	keyKillBlankWord: func(e *Editor) { e.kill(e.buf.left(e.buf.at, isInk), e.buf.at) },
	keyKillWordLeft:  func(e *Editor) { e.kill(e.buf.left(e.buf.at, isWord), e.buf.at) },
	keyKillWordRight: func(e *Editor) { e.kill(e.buf.at, e.buf.right(e.buf.at, isWord)) },
	keyYank:          (*Editor).yank,
	keyYankPop:       (*Editor).yankPop,
	keyTranspose:     (*Editor).transpose,
	keyUndo:          (*Editor).takeBack,
	keySearch:        func(e *Editor) { e.searchStart(-1) },
	keySearchForward: func(e *Editor) { e.searchStart(+1) },
}

// press does what a key means.
func (e *Editor) press(p press) Event {
	if p.key == keyUnknown {
		return Event{}
	}
	e.begin()
	if e.prompt.Masked || e.options.Plain {
		return e.pressSimple(p)
	}
	e.before, e.now = e.now, other
	if e.search.on && e.pressSearch(p) {
		return Event{}
	}
	if edit, ok := edits[p.key]; ok {
		edit(e)
		return Event{}
	}
	return e.pressOther(p)
}

// pressOther does the keys that bring text or tell the owner something.
func (e *Editor) pressOther(p press) Event {
	switch p.key {
	case keyText:
		e.typeText(p.text)
	case keyPaste:
		e.put(p.text)
	case keyEnter:
		return e.enter()
	case keyTab:
		return e.tab()
	case keyInterrupt:
		return e.finish("^C", Event{Kind: Interrupt})
	case keyEOF:
		if len(e.buf.text) == 0 {
			return e.finish("", Event{Kind: EOF})
		}
		edits[keyDelete](e)
	case keySuspend:
		return Event{Kind: Suspend}
	case keyClear:
		e.out = append(e.out, clearScreen...)
		e.screen = blank()
		return Event{Kind: ClearScreen}
	}
	return Event{}
}

func (e *Editor) move(to int) { e.buf.at = to }

// typeText inserts a character. Those typed in a row are undone together.
func (e *Editor) typeText(text string) {
	if e.before != typed {
		e.change()
	}
	e.bell = !e.buf.insert(text) || e.bell
	e.now = typed
}

// put inserts text that came at once, and says whether it fitted.
func (e *Editor) put(text string) bool {
	e.change()
	fits := e.buf.insert(text)
	e.bell = !fits || e.bell
	return fits
}

func (e *Editor) remove(from, to int) {
	if from == to {
		e.bell = true
		return
	}
	e.change()
	e.buf.cut(from, to)
}

func (e *Editor) transpose() {
	e.change()
	e.bell = !e.buf.transpose() || e.bell
}

// enter ends the line, unless it wants another one.
func (e *Editor) enter() Event {
	line := e.buf.String()
	if e.wantsMore(line) {
		e.move(len(e.buf.text))
		e.put("\n")
		e.continuePlain()
		return Event{}
	}
	kept := !e.prompt.Masked && !e.prompt.Question && e.history.Add(line)
	return e.finish("", Event{Kind: Line, Line: line, Kept: kept})
}

func (e *Editor) wantsMore(line string) bool {
	return !e.prompt.Masked && !e.prompt.Question && len(line) < MaxLine &&
		e.options.Incomplete != nil && e.options.Incomplete(line)
}

// finish leaves the line as it stands, with a word behind it, and forgets it.
func (e *Editor) finish(tail string, event Event) Event {
	if e.options.Plain {
		e.finishPlain(tail, event)
	} else {
		e.search.on = false
		e.buf.at = len(e.buf.text)
		e.draw(tail, true)
		e.out = append(e.out, pasteOff+"\r\n"...)
	}
	e.reset()
	e.active = false
	return event
}
