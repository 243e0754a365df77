package host

import (
	"context"
	"fmt"
	"io"
	"time"
)

// TerminalIO is a person's terminal, lent to one process.
type TerminalIO struct {
	Pty Pty // the type and the first size
	// Input is what is typed. When the process has ended, a Read of it may still
	// wait. If it is an io.Closer it is closed then: that Read must return at
	// once and take nothing, or the next thing typed is lost.
	Input io.Reader
	// First is typed before what Input gives.
	First []byte
	// Output gets all output, raw, from one goroutine. A Write that blocks holds
	// the target back; nil discards.
	Output io.Writer
	// Resized gives the terminal's new sizes, of which only the newest counts;
	// its Term is not looked at. nil: it never changes.
	Resized <-chan Pty
}

// close takes the input back.
func (t *TerminalIO) close() {
	if c, ok := t.Input.(io.Closer); ok {
		_ = c.Close() // nothing is written to it
	}
}

// follow tells a process the sizes of its terminal until the returned function
// is called. That waits, within bounds, for a size that is being told.
func follow(p Process, sizes <-chan Pty) (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case size, ok := <-sizes:
				if !ok {
					return
				}
				_ = p.Resize(size.Width, size.Height) // it may end at any time
			}
		}
	}()
	return func() {
		close(done)
		giveUp := time.NewTimer(endGrace)
		defer giveUp.Stop()
		select {
		case <-stopped:
		case <-giveUp.C: // the connection is stuck, and ends it when it is closed
		}
	}
}

// Connect gives the host's terminal to a person: a command, or with "" the
// account's login shell ([Context.LoginShell]). Input and output are raw, and
// resizes are followed, until it ends or ctx does, which kills it.
//
// The hooks are told of a call like any other, whose command is "--connect"
// for a login shell, but for the output, which goes to the terminal alone. An
// exit code other than 0 is no error. The error is that of Before, or a
// *DialError, *LostError, *TimeoutError or *CancelError.
func (h *Handle) Connect(ctx context.Context, command string, t TerminalIO) (Exit, error) {
	name := h.host.Name()
	if h.group.context.sandbox {
		return Exit{}, fmt.Errorf("connect %s: a sandbox opens no terminal", name)
	}
	o := RunOptions{Terminal: &t, NoCheck: true, Stream: true}
	if command == "" {
		command, o.login = "--connect", true
	}
	results, err := h.Group().Run(ctx, command, o)
	if err != nil {
		return Exit{}, fmt.Errorf("connect %s: %w", name, err)
	}
	r := results[0]
	if _, exited := r.Err.(*ExitError); exited {
		return r.Exit, nil
	}
	if r.Skipped {
		return Exit{}, &CancelError{Host: name, Cause: context.Cause(ctx)}
	}
	return r.Exit, r.Err
}
