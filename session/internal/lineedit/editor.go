package lineedit

import "strings"

// MaxLine bounds a line, in bytes. What does not fit is refused with a bell;
// of a paste all of it, since half a command is another command.
const MaxLine = 64 << 10

// Size of a terminal that does not say, and the largest that is believed.
const (
	defaultWidth  = 80
	defaultHeight = 24
	maxSide       = 10000
)

// Editor edits one line after another on one terminal. It is not safe for
// concurrent use. Slices it returns belong to the caller; [Step.Rest] is a part
// of the input.
type Editor struct {
	options       Options
	history       *History
	width, height int
	keys          decoder

	prompt Prompt
	label  []cell // the prompt as it shows
	more   []cell // the continuation prompt
	active bool   // a line is being edited
	buf    buffer
	before action // what the key before this one did
	now    action
	undo   undo
	ring   ring
	recall recall
	search search
	asked  *Event // the completion that was asked for

	screen frame // what stands on the screen of ours
	top    int   // the first row of the line that shows, if not all fit
	echoed []byte
	out    []byte
	bell   bool
}

// action is what a key did, as far as the next one asks.
type action int

const (
	other action = iota
	typed
	killed
	yanked
	tabbed
)

// New returns an editor that has drawn nothing yet.
func New(options Options) *Editor {
	e := &Editor{options: options, history: options.History}
	if e.history == nil {
		e.history = NewHistory(nil)
	}
	if options.Continuation == "" {
		e.options.Continuation = "> "
	}
	e.more = colouredCells(e.options.Continuation)
	e.setLimit(MaxLine)
	e.width, e.height = size(options.Width, defaultWidth), size(options.Height, defaultHeight)
	return e
}

func size(n, unknown int) int {
	if n <= 0 {
		return unknown
	}
	return min(n, maxSide)
}

// Start asks for a line and returns what draws the prompt. The cursor must
// stand at the start of a row; a line that is being edited is given up.
func (e *Editor) Start(prompt Prompt) []byte {
	e.giveUp()
	e.reset()
	e.prompt = prompt
	e.setLimit(prompt.Limit)
	e.label = colouredCells(prompt.Text)
	e.begin()
	return e.flush()
}

func (e *Editor) setLimit(limit int) {
	if limit < 1 || limit > MaxLine {
		limit = MaxLine
	}
	e.buf.limit, e.keys.limit = limit, limit
}

// giveUp takes a line that is being edited off the screen.
func (e *Editor) giveUp() {
	switch {
	case !e.active:
	case e.options.Plain:
		e.out = append(e.out, "\r\n"...)
	default:
		e.erase()
	}
	e.active = false
}

// begin makes the line a live one.
func (e *Editor) begin() {
	if e.active {
		return
	}
	e.active = true
	e.recallReset()
	if e.options.Plain {
		e.promptPlain()
		return
	}
	e.screen = blank()
	e.out = append(e.out, pasteOn...)
}

// reset forgets the line and all that belongs to it.
func (e *Editor) reset() {
	if e.prompt.Masked {
		e.buf.wipe()
	}
	e.buf.set("", 0)
	e.undo, e.search.on, e.asked = undo{}, false, nil
	e.before, e.now, e.top = other, other, 0
	e.echoed = e.echoed[:0]
	e.recallReset()
}

// Feed takes what the user typed, cut anyhow, up to the first event. In a line
// of 64 KiB a key takes milliseconds: input from a network is better fed in
// pieces of at most 1 KiB.
func (e *Editor) Feed(in []byte) Step {
	for i, b := range in {
		var event Event
		for _, p := range e.keys.push(b) {
			event = e.press(p)
		}
		if event.Kind != None {
			return Step{Out: e.flush(), Event: event, Rest: e.rest(in[i+1:])}
		}
	}
	return Step{Out: e.flush()}
}

// rest is what comes behind an event, without the LF or NUL of its Enter.
func (e *Editor) rest(in []byte) []byte {
	if e.keys.cr && len(in) > 0 {
		if e.keys.cr = false; in[0] == '\n' || in[0] == 0 {
			return in[1:]
		}
	}
	return in
}

// Waiting says that the keys so far may be one key or the beginning of
// another, such as a lone ESC. The owner then calls [Editor.Timeout] when
// nothing more has come for a while (50 to 500 ms).
func (e *Editor) Waiting() bool { return e.keys.waiting() }

// Timeout takes them for what they are, and returns what is to be written.
func (e *Editor) Timeout() []byte {
	for _, p := range e.keys.timeout() {
		e.press(p)
	}
	return e.flush()
}

// Line is the line as it is now, and the cursor in it, in bytes. Of a masked
// one it tells nothing.
func (e *Editor) Line() (string, int) {
	if e.prompt.Masked {
		return "", 0
	}
	return e.buf.String(), e.buf.at
}

// Print returns what shows text above the line, which stays. A newline is
// added to text that ends without.
func (e *Editor) Print(text string) []byte {
	if text == "" {
		return nil
	}
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	text = strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	switch {
	case e.options.Plain:
		e.printPlain(text)
	case e.active:
		e.erase()
		e.out = append(e.out, text...)
	default:
		e.out = append(e.out, text...)
	}
	return e.flush()
}

// Redraw returns what draws the line anew where the cursor is, at the start of
// a row, after something else has used the screen.
func (e *Editor) Redraw() []byte {
	if e.options.Plain && e.active {
		e.promptPlain()
	}
	e.screen = blank()
	return e.flush()
}

// flush returns what is to be written, with the line as it is now.
func (e *Editor) flush() []byte {
	switch {
	case !e.active:
	case e.options.Plain:
		e.echo()
	default:
		e.draw("", false)
	}
	if e.bell {
		e.out = append(e.out, '\a')
		e.bell = false
	}
	out := e.out
	e.out = nil
	return out
}
