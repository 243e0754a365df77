package lineedit

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
	// Limit bounds the line, in bytes; what is not between 1 and [MaxLine] is
	// MaxLine. A stranger's line wants a small one.
	Limit int
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
