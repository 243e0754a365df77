package lineedit

// pressSimple does a key where nothing can be drawn: in a masked line and on
// a plain terminal. The cursor is always at the end.
func (e *Editor) pressSimple(p press) Event {
	b := &e.buf
	switch p.key {
	case keyText, keyPaste:
		e.bell = !b.insert(p.text) || e.bell
	case keyTab:
		e.bell = !b.insert("\t") || e.bell
	case keyPasteTooLong:
		e.bell = true
	case keyBackspace:
		b.cut(b.prev(b.at), b.at)
	case keyKillToStart:
		b.cut(0, b.at)
	case keyKillBlankWord:
		b.cut(b.left(b.at, isInk), b.at)
	case keyEnter:
		return e.enter()
	case keyInterrupt:
		return e.finish("^C", Event{Kind: Interrupt})
	case keyEOF:
		if len(b.text) == 0 {
			return e.finish("", Event{Kind: EOF})
		}
	case keySuspend:
		return Event{Kind: Suspend}
	}
	return Event{}
}

// echo shows on a plain terminal what has become of the line, as far as that
// goes without sequences.
func (e *Editor) echo() {
	if !e.options.Echo || e.prompt.Masked {
		return
	}
	kept := e.echoedStill()
	for range columns(cells(string(e.echoed[kept:]))) {
		e.out = append(e.out, "\b \b"...)
	}
	for rest := e.buf.text[kept:]; len(rest) > 0; {
		c, size := firstCell(rest)
		if rest[0] == '\n' {
			c = rowBreak
		}
		e.textPlain(c)
		if rest[0] == '\n' {
			e.coloursOff(e.more)
		}
		rest = rest[size:]
	}
	e.echoed = append(e.echoed[:0], e.buf.text...)
}

// echoedStill is how much of what was echoed still stands, in bytes.
func (e *Editor) echoedStill() int {
	n := 0
	for n < len(e.echoed) && n < len(e.buf.text) && e.echoed[n] == e.buf.text[n] {
		n++
	}
	was := buffer{text: e.echoed}
	for e.buf.whole(n) != n || was.whole(n) != n {
		n = min(e.buf.whole(n), was.whole(n))
	}
	return n
}

// promptPlain asks for the line, with what was typed of it.
func (e *Editor) promptPlain() {
	e.coloursOff(e.label)
	e.echoed = e.echoed[:0]
}

// continuePlain asks for a further row, where no echo does it.
func (e *Editor) continuePlain() {
	if e.options.Plain && !e.options.Echo {
		e.coloursOff(e.more)
	}
}

// printPlain shows text, and the prompt again below it.
func (e *Editor) printPlain(text string) {
	if e.active {
		e.out = append(e.out, "\r\n"...)
	}
	e.out = append(e.out, withoutColours(text)...)
	if e.active {
		e.promptPlain()
	}
}

// finishPlain ends the row, unless the peer has shown its own Enter.
func (e *Editor) finishPlain(tail string, event Event) {
	e.echo()
	if e.options.Echo {
		e.out = append(e.out, tail...)
	}
	if e.options.Echo || e.prompt.Masked || event.Kind != Line {
		e.out = append(e.out, "\r\n"...)
	}
}

func (e *Editor) coloursOff(row []cell) {
	for _, c := range row {
		e.textPlain(c)
	}
}

func (e *Editor) textPlain(c cell) {
	if c == rowBreak {
		e.out = append(e.out, '\r')
	}
	e.out = append(e.out, c.text...)
}
