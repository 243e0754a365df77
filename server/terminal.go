package server

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/deployerd/deployerd/session"
)

const (
	maxPiece        = 1 << 10 // bytes of input that a session gets at once
	maxColumns      = 1000
	maxRows         = 500
	unknownTerminal = "dumb"
)

// unknownSize is a window's of which nothing is known.
var unknownSize = session.Size{Width: 80, Height: 24}

// terminalName is what may be called a terminal; it goes to targets later.
var terminalName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

func knownTerminal(name string) string {
	if !terminalName.MatchString(name) {
		return unknownTerminal
	}
	return name
}

// clamp makes a size of it that everything behind it can bear; 0 says that the
// client does not know.
func clamp(columns, rows uint32) session.Size {
	s := unknownSize
	if columns > 0 {
		s.Width = int(min(columns, maxColumns))
	}
	if rows > 0 {
		s.Height = int(min(rows, maxRows))
	}
	return s
}

// newest puts a size into a channel with room for one, in the place of one that
// nobody took. Only one goroutine may send there.
func newest(sizes chan session.Size, s session.Size) {
	select {
	case <-sizes:
	default:
	}
	sizes <- s
}

// leaving is typed for who sends no more: Ctrl-U, for what was begun, and Ctrl-D.
// As at any terminal the session then leaves when it comes to its prompt.
const leaving = "\x15\x04"

// pump hands what is typed to a session, piece by piece, until reading fails or
// done is closed. Nothing is read ahead: who types faster than the session reads
// waits.
func pump(r io.Reader, to chan<- []byte, tap *session.Tap, done <-chan struct{}) error {
	var buf [maxPiece]byte
	for {
		n, err := r.Read(buf[:])
		if n > 0 && !tap.Take(buf[:n]) {
			select {
			case to <- slices.Clone(buf[:n]):
			case <-done:
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
}

// person is somebody's terminal at the other end of a connection that carries
// nothing else.
type person interface {
	io.ReadWriter
	SetReadDeadline(t time.Time) error
	Close() error
}

// converse runs the living shell for a person, and returns its exit code. When
// the session must end, nothing more is read; after endGrace, in which it may
// say why, the connection is closed. lost ends the session's context when the
// person went away; who sends no more has patience to read.
func converse(sh shell, p person, t session.Terminal, patience time.Duration, lost context.CancelCauseFunc) int {
	input, left := make(chan []byte), make(chan struct{})
	t.Input, t.Tap, t.Out = input, new(session.Tap), &syncWriter{w: p}
	var own sync.WaitGroup
	defer own.Wait()
	// Reading ends at once; an error says that the connection has ended.
	defer func() { _ = p.SetReadDeadline(time.Unix(1, 0)) }()
	defer close(left)
	own.Go(func() {
		defer close(input)
		switch err := pump(p, input, t.Tap, left); {
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded): // we stopped reading
		case errors.Is(err, io.EOF) && patience > 0 && leaves(input, left, patience):
		default:
			lost(session.ErrLost) // a cause that came first stands
		}
	})
	own.Go(func() {
		select {
		case <-left:
			return
		case <-sh.Context().Done():
		}
		_ = p.SetReadDeadline(time.Unix(1, 0))
		if !within(left, endGrace) {
			_ = p.Close()
		}
	})
	return sh.Shell(t)
}

// leaves types what leaves, and says whether the session left within d.
func leaves(input chan<- []byte, left <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case input <- []byte(leaving):
			input = nil
		case <-left:
			return true
		case <-t.C:
			return false
		}
	}
}

// within waits until c is closed, for at most d, and says whether it was.
func within(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}
