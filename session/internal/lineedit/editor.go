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

// Options say what kind of terminal an [Editor] is for. The zero value is one
// of 80 columns and 24 rows.
type Options struct {
	// Width and Height are the window's size in columns and rows; what is not
	// above 0 is unknown.
	Width, Height int
	// Plain is for a terminal that draws nothing (TERM=dumb), or a peer that
	// negotiates nothing: no escape sequence is ever sent, and of the keys
	// only those work that need none.
	Plain bool
	// Echo shows in plain mode what is typed. Without it the peer does.
	Echo bool
	// NoReflow says that the terminal cuts rows when it becomes narrower and
	// does not wrap them anew (the Linux console, xterm, PuTTY, screen).
	NoReflow bool
	// History is walked and searched, and takes the lines. Nil is a new one.
	History *History
	// Incomplete says whether a line wants another one (a quote left open, a
	// backslash at its end): Enter then adds a newline to it. Nil says no.
	Incomplete func(line string) bool
	// Continuation is shown before each further row of such a line; empty
	// means "> ". It may hold SGR sequences.
	Continuation string
}

// Prompt is what a line is asked for with.
type Prompt struct {
	// Text may hold SGR sequences, which take no place, and newlines.
	Text string
	// Masked shows nothing of what is typed, keeps it nowhere, and has no
	// keys but Backspace, Ctrl-U, Ctrl-W, Enter, Ctrl-C, Ctrl-D and Ctrl-Z.
	Masked bool
	// Question says that the line is an answer and no command: it has no
	// history, no completion and no continuation.
	Question bool
}

// Kind is what happened.
type Kind int

// The kinds of events. After Line, Interrupt and EOF the cursor stands at the
// start of an empty row, and [Editor.Start] asks for the next line.
const (
	// None: nothing that the owner must know.
	None Kind = iota
	// Line: Enter ended the line.
	Line
	// Interrupt: Ctrl-C; the line is gone.
	Interrupt
	// EOF: Ctrl-D in an empty line.
	EOF
	// Suspend: Ctrl-Z; the line stays as it is.
	Suspend
	// Complete: Tab; [Editor.Complete] takes the answer.
	Complete
	// ClearScreen: Ctrl-L; the screen is empty and the line drawn at its top.
	ClearScreen
)

// Event is what the owner must know of the keys.
type Event struct {
	Kind Kind
	// Line is the line, with Line and Complete: valid UTF-8, with newlines
	// where it was continued or pasted.
	Line string
	// Kept says with Line that the history has taken it.
	Kept bool
	// Cursor is with Complete the place in the line, in bytes.
	Cursor int
	// Again says with Complete that Tab was pressed twice: the answer is
	// listed if it does not bring the line further.
	Again bool
}

// Step is what came of some bytes.
type Step struct {
	// Out is for the terminal, to be written at once.
	Out []byte
	// Event ends the step.
	Event Event
	// Rest is the input that was not looked at, behind the event. It is for
	// whoever reads next: the program that the line starts, or this editor.
	Rest []byte
}

// Editor edits one line after another on one terminal. It is not safe for
// concurrent use. Slices it returns belong to the caller.
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
	e.buf.limit, e.keys.limit = MaxLine, MaxLine
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
	e.label = colouredCells(prompt.Text)
	e.begin()
	return e.flush()
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

// Feed takes what the user typed, cut anyhow, up to the first event.
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
