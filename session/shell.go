package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/session/internal/lineedit"
)

// escapeTime is how long the rest of a key such as an arrow may take.
const escapeTime = 100 * time.Millisecond

// Bounds of what is kept of the keys typed while something runs.
const (
	maxAhead = 64 << 10 // bytes
	maxPiece = 1 << 10  // bytes given to the editor at once
)

// shell is a session at a terminal. One goroutine does all of it, so that
// nothing is left behind however it ends.
type shell struct {
	s       *Session
	t       Terminal
	log     *slog.Logger
	plain   bool // a terminal that draws nothing
	out     *output
	editor  *lineedit.Editor
	history *lineedit.History
	pastes  pastes

	input   <-chan []byte // nil once it was closed
	gone    bool          // input was closed
	ahead   []byte        // typed, and not looked at yet
	flooded bool          // more was typed ahead than is kept

	escape  *time.Timer
	idle    *time.Timer
	over    atomic.Bool     // the idle time counts no more
	asking  bool            // a line is being typed
	stopped <-chan struct{} // nil once it was said
}

// Shell is the living shell: prompt, editor, commands, until the user leaves or
// the session's context ends. It returns the exit code of the session.
func (s *Session) Shell(t Terminal) (code int) {
	sh := newShell(s, t)
	s.shell = sh
	defer func() { s.shell = nil }()
	defer sh.quit()
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in a session", "err", p, "stack", string(debug.Stack()))
			sh.farewell("something went wrong inside deployerd, and this session is over; the daemon's log says more")
			code = exitUnknown
		}
	}()
	return sh.loop()
}

func newShell(s *Session, t Terminal) *shell {
	plain := t.Term == "" || t.Term == "dumb" || !t.Echo
	sh := &shell{
		s: s, t: t, log: s.log, plain: plain,
		out:     newScreen(s.ctx, newDisplay(t, plain)),
		history: lineedit.NewHistory(s.past()),
		input:   t.Input, stopped: s.m.stopped,
		escape: stoppedTimer(),
	}
	sh.editor = lineedit.New(lineedit.Options{
		Width: t.Size.Width, Height: t.Size.Height,
		Plain: plain, Echo: t.Echo, NoReflow: noReflow(t.Term),
		History: sh.history, Incomplete: incomplete,
	})
	sh.idle = time.AfterFunc(idleLook, func() { sh.armIdle() })
	sh.armIdle()
	return sh
}

// quit stops the timers.
func (sh *shell) quit() {
	sh.over.Store(true)
	sh.idle.Stop()
	sh.escape.Stop()
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// incomplete says whether a line wants another one.
func incomplete(line string) bool {
	_, err := parse(line, func([]string) bool { return false })
	return errors.Is(err, errIncomplete)
}

// loop is the life of a shell.
func (sh *shell) loop() int {
	sh.greet()
	sh.ask()
	for {
		if sh.s.ctx.Err() != nil {
			return sh.ended()
		}
		if len(sh.ahead) > 0 {
			if leave := sh.feed(); leave {
				return exitOK
			}
			continue
		}
		if sh.gone {
			return sh.left()
		}
		sh.wait()
	}
}

// wait waits for whatever happens next at the prompt.
func (sh *shell) wait() {
	select {
	case in, ok := <-sh.input:
		sh.take(in, ok)
		sh.t.Tap.dealt()
	case size := <-sh.t.Resized:
		sh.raw(sh.resize(size))
	case <-sh.escape.C:
		sh.raw(sh.editor.Timeout())
	case <-sh.stopped:
		sh.stopped = nil
		sh.raw(sh.editor.Print(sh.out.display.colour(bold, "The daemon is stopping: no new runs.")))
	case <-sh.s.ctx.Done():
	}
}

// take takes what was typed.
func (sh *shell) take(in []byte, ok bool) {
	if !ok {
		sh.gone, sh.input = true, nil
		return
	}
	sh.s.presence.input()
	sh.ahead = append(sh.ahead, sh.pastes.prompt(in)...)
}

// feed gives what was typed to the editor, up to the first event.
func (sh *shell) feed() (leave bool) {
	n := min(len(sh.ahead), maxPiece)
	piece, later := sh.ahead[:n], sh.ahead[n:]
	step := sh.editor.Feed(piece)
	sh.ahead = append(append([]byte(nil), step.Rest...), later...)
	sh.raw(step.Out)
	sh.awaitEscape()
	switch step.Event.Kind {
	case lineedit.Line:
		return sh.line(step.Event)
	case lineedit.Interrupt:
		sh.ask()
	case lineedit.EOF:
		return true
	case lineedit.Suspend:
		sh.raw(sh.editor.Print("Ctrl-Z: nothing runs that it could stop."))
	case lineedit.Complete:
		sh.raw(sh.editor.Complete(sh.s.complete(step.Event.Line[:step.Event.Cursor])))
	}
	return false
}

// awaitEscape waits for the rest of a key, if it may be none.
func (sh *shell) awaitEscape() {
	sh.escape.Stop()
	if sh.editor.Waiting() {
		sh.escape.Reset(escapeTime)
	}
}

// line does a line.
func (sh *shell) line(event lineedit.Event) (leave bool) {
	sh.asking = false
	if strings.Trim(event.Line, " \t\n") != "" {
		if event.Kept {
			sh.s.remember(event.Line)
		}
		_, next := sh.s.perform(event.Line, sh.out, nil, false)
		if next == lineExit {
			return true
		}
		if next == lineOpen {
			sh.s.finish(sh.out, errIncomplete)
		}
	}
	sh.ask()
	return false
}

// ask shows the prompt on a row of its own.
func (sh *shell) ask() {
	if sh.s.ctx.Err() != nil {
		return
	}
	sh.asking = true
	err := sh.out.inTurn(func() error {
		if err := sh.out.display.finish(); err != nil {
			return err
		}
		return sh.out.display.raw(sh.editor.Start(lineedit.Prompt{Text: sh.prompt()}))
	})
	sh.wrote(err)
}

// resize takes the window's new size.
func (sh *shell) resize(size Size) []byte {
	sh.t.Size = size
	sh.out.display.resize(size)
	return sh.editor.Resize(size.Width, size.Height)
}

// raw writes what the editor draws.
func (sh *shell) raw(data []byte) {
	if len(data) > 0 {
		sh.wrote(sh.out.inTurn(func() error { return sh.out.display.raw(data) }))
	}
}

// wrote notes a terminal that takes nothing any more. The end of the session's
// context, or of its input, says what that means.
func (sh *shell) wrote(err error) {
	if err != nil {
		sh.log.Debug("write to the terminal", "err", err)
	}
}

// greet says who is where.
func (sh *shell) greet() {
	m, c := sh.s.m, sh.s.rights.client
	text := fmt.Sprintf("deployerd %s on %s: you are %s.\nhelp lists the commands, Tab completes, Ctrl-D leaves.\n",
		m.o.Version, m.o.HostName, c.Identity.User)
	sh.wrote(sh.out.say(text))
}

// left ends a shell whose user is gone without a word.
func (sh *shell) left() int {
	if cause := context.Cause(sh.s.ctx); cause != nil {
		return sh.ended()
	}
	return exitOK
}

// ended ends a shell whose session must end.
func (sh *shell) ended() int {
	cause := context.Cause(sh.s.ctx)
	if errors.Is(cause, ErrLost) || errors.Is(cause, ErrDisconnected) {
		return exitUnknown
	}
	sh.farewell(cause.Error())
	return exitRefused
}

// farewell is the last word. The line that was being typed stays above it.
func (sh *shell) farewell(text string) {
	sh.out.await(lastWords)
	var end string
	if !sh.plain {
		end = pastesOff
	}
	if sh.asking {
		end += "\r\n"
	}
	sh.wrote(sh.out.inTurn(func() error {
		return errors.Join(sh.out.display.raw([]byte(end)), sh.out.display.finish())
	}))
	sh.wrote(sh.out.write(sh.out.stderr, sh.out.words(text, bold)))
}

// idleLook is how often a session that has no idle time-out looks whether it
// has one now: a reload may have set it.
const idleLook = time.Minute

// armIdle ends the session when nothing was typed for too long, or looks again
// when that may be. It does not wait for a screen that stands still.
func (sh *shell) armIdle() {
	if sh.over.Load() {
		return
	}
	most := sh.s.m.state.Load().Limits.Idle
	left := most - sh.s.presence.idle()
	switch {
	case most <= 0:
		sh.idle.Reset(idleLook)
	case left > 0:
		sh.idle.Reset(min(left, idleLook))
	default:
		sh.s.end(fmt.Errorf("%w: nothing was typed for %s", ErrIdle, elapsed(most)))
	}
}
