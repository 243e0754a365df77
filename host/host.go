package host

import (
	"context"
	"io"
)

// Host is one target. Implementations are safe for concurrent use and make no
// connection before Start.
type Host interface {
	// Name is unique in a tree and matches [NamePattern].
	Name() string
	// Address is what is dialled, without the port; "" for this machine.
	Address() string
	// Labels are the tree's own; the caller must not change them.
	Labels() map[string]string
	// Start starts a line. The returned process must be waited for. ctx bounds
	// connecting and starting only (resolve, dial, host key, login, channel,
	// start): once Start has returned, ending ctx does nothing.
	Start(ctx context.Context, line Line, io IO) (Process, error)
}

// NamePattern is what a host's name must match.
const NamePattern = `^[A-Za-z0-9][A-Za-z0-9._-]*$`

// IO is a process's standard streams. Stdout and Stderr are each written by
// one goroutine at a time, and a Write that blocks holds the target back; nil
// discards. A Write error stops the copying, not the process.
type IO struct {
	Stdin  io.Reader // nil is empty: end of file at once
	Stdout io.Writer
	Stderr io.Writer
	Pty    *Pty // nil: pipes. With a terminal Stderr gets nothing
}

// Process is a command that was started.
type Process interface {
	// Wait returns when the process has ended and all its output is written.
	// The error is nil or a *LostError: the connection ended without an exit
	// status, so what the command did is unknown; or a *DialError with
	// StageSudo: sudo let nothing run. Wait may be called once.
	Wait() (Exit, error)
	// Kill ends the process group: TERM, two seconds later KILL. It returns
	// nil when the target confirmed that the group is gone, before ctx ends.
	// With a terminal HUP comes first, and what runs in the foreground there
	// gets it too.
	Kill(ctx context.Context) error
	// Resize tells the terminal a new size, clamped as in [Pty]. It fails only
	// when the process has no terminal or is gone.
	Resize(width, height int) error
}

// Exit is how a process ended. Code is 128+n after signal n.
type Exit struct {
	Code   int
	Signal string // without SIG, as in RFC 4254 section 6.10; "" when it exited
}

// Stream says which of a command's outputs some bytes belong to.
type Stream int

// The two output streams.
const (
	Stdout Stream = iota + 1
	Stderr
)

// String is "stdout" or "stderr".
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}
