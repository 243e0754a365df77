package server

import (
	"errors"
	"io"

	"github.com/deployerd/deployerd/session"
)

// atTerminal is the client's terminal. What is typed is read until the channel
// closes; one that sends no more (ssh -tt < file) may go on reading.
func (ch *channel) atTerminal(out io.Writer) session.Terminal {
	input, tap := make(chan []byte), new(session.Tap)
	ch.client.conn.typing.Add(1)
	ch.pumping.Go(func() {
		defer close(input)
		defer ch.client.conn.typing.Add(-1)
		defer ch.client.rescue("input")
		err := pump(&stdin{ch}, input, tap, ch.done)
		if !errors.Is(err, io.EOF) {
			return
		}
		// When it is the channel's end, the context soon ends and says why.
		to := input
		for {
			select {
			case to <- []byte(leaving):
				to = nil
			case <-ch.done:
				return
			case <-ch.ctx.Done():
				return
			}
		}
	})
	return session.Terminal{
		Input: input, Tap: tap, Resized: ch.sizes, Size: ch.size, Term: ch.term, Echo: true, Out: out,
	}
}

// end ends the session with a cause. A client that goes away tells the same by
// a window that was closed as by Ctrl-C without a terminal; at a terminal Ctrl-C
// is a key, and who only closes the window leaves the runs running.
func (ch *channel) end(cause error) {
	if errors.Is(cause, session.ErrDisconnected) && ch.interactive.Load() {
		cause = session.ErrLost
	}
	ch.cancel(cause)
}
