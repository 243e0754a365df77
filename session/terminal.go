package session

import "io"

// Size is a window's, in columns and rows; at least 1 each.
type Size struct{ Width, Height int }

// Terminal is a person's terminal behind a door. The door owns it; when the
// session's context ends it makes Input close and Out fail.
type Terminal struct {
	// Input is what is typed, in pieces of at most 1 KiB, unchanged. It is
	// closed when the person is gone. Nobody else receives from it.
	Input <-chan []byte
	// Resized gives the newest size after each change; room for one.
	Resized <-chan Size
	Size    Size
	Term    string // as the client named it; "" or dumb: plain lines, no escape sequences
	// Echo says that the session shows what is typed; a telnet client that
	// negotiated nothing echoes by itself.
	Echo bool
	// Out writes to the screen as it is: lines end with CR LF.
	Out io.Writer
}
