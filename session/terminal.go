package session

import (
	"io"
	"sync/atomic"
)

// Size is a window's, in columns and rows; at least 1 each.
type Size struct{ Width, Height int }

// Terminal is a person's terminal behind a door. The door owns it; when the
// session's context ends it makes Input close and Out fail.
type Terminal struct {
	// Input is what is typed, in pieces of at most 1 KiB, unchanged. It is
	// closed when the person is gone. Nobody else receives from it.
	Input <-chan []byte
	// Tap is offered each piece before it is sent to Input; nil for a door that
	// offers none.
	Tap *Tap
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

// Tap takes what is typed past the shell, straight to who has borrowed the
// terminal: it saves two changes of goroutine for each key. Only one goroutine
// may offer, the one that sends to Input. The zero value takes nothing.
type Tap struct {
	sink atomic.Pointer[func(piece []byte) bool]
	sent atomic.Int64 // pieces that were not taken
	done atomic.Int64 // of those, how many the shell has dealt with
}

// Take offers a piece. When it was not taken it is to be sent to Input. One that
// would overtake what was sent before is never taken.
func (t *Tap) Take(piece []byte) bool {
	if t == nil {
		return false
	}
	if sink := t.sink.Load(); sink != nil && t.sent.Load() == t.done.Load() && (*sink)(piece) {
		return true
	}
	t.sent.Add(1)
	return false
}

// dealt tells that a piece from Input is where it belongs.
func (t *Tap) dealt() {
	if t != nil {
		t.done.Add(1)
	}
}

// lead sets where pieces go; nil is Input.
func (t *Tap) lead(sink func(piece []byte) bool) {
	switch {
	case t == nil:
	case sink == nil:
		t.sink.Store(nil)
	default:
		t.sink.Store(&sink)
	}
}
