package lineedit

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
