package session

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// Keys that mean something while something runs.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keySuspend   = 0x1a // Ctrl-Z
)

// twice is how soon a second Ctrl-C must come to stop waiting.
const twice = time.Second

// pastesOn keeps pastes marked while something runs, so that one never runs by
// itself afterwards (xterm, "Bracketed Paste Mode").
const pastesOn = "\x1b[?2004h"

// watching is a run in the foreground of a terminal.
type watching struct {
	*shell
	c      *invocation
	run    *run.Run
	follow *follower

	interrupted time.Time // the last Ctrl-C
	abandoned   bool

	over      chan struct{} // closed when nobody asks or lends any more
	questions chan *question
	asked     *question            // the one that is open, or nil
	loan      atomic.Pointer[loan] // who has the terminal, or nil
	size      atomic.Pointer[Size]
}

// attend makes a run's person of this shell, before the run starts.
func (sh *shell) attend(c *invocation, spec *starting) *watching {
	w := &watching{shell: sh, c: c, over: make(chan struct{}), questions: make(chan *question)}
	size := sh.t.Size
	w.size.Store(&size)
	if !c.opts().json {
		spec.Console, spec.Terminal = w, w
	}
	if !sh.plain {
		sh.raw([]byte(pastesOn))
	}
	return w
}

// watch stays with a run to its end, or until its user or the session leaves
// it. What is typed meanwhile is kept for the prompt.
func (w *watching) watch(r *run.Run, f *follower) error {
	w.run, w.follow = r, f
	if f.live != nil {
		f.live.start(w.log)
		defer func() { w.wrote(f.live.end()) }()
	}
	defer close(w.over) // first, since the status row may wait for who has the screen
	before := w.ahead
	w.ahead = nil
	w.keys(before)
	err := w.loop()
	if w.flooded {
		w.flooded = false
		w.wrote(w.out.say("more was typed than is kept: none of it is done"))
	}
	return err
}

func (w *watching) loop() error {
	shown, stopping, left := w.follow.finished, w.stopped, w.s.ctx.Done()
	var ended <-chan struct{}     // not asked before all is shown
	var patience <-chan time.Time // with a run that a stop has not ended
	for !w.abandoned {
		input, room := w.reading()
		select {
		case in, ok := <-input:
			w.typed(in, ok)
		case <-room:
		case size := <-w.t.Resized:
			w.resized(size)
		case q := <-w.questions:
			w.pose(q)
		case <-w.unanswered():
			w.unasked()
		case <-w.escape.C:
			if w.asked != nil {
				w.wrote(w.out.display.raw(w.editor.Timeout()))
			}
		case <-shown:
			shown, ended = nil, w.run.Done()
		case <-ended:
			return w.conclude()
		case <-stopping:
			stopping, w.stopped = nil, nil
			w.notice("the daemon is stopping; this run may still end by itself")
		case <-left:
			if w.c.gone() {
				return w.leave()
			}
			left, patience = nil, time.After(stopPatience)
		case <-patience:
			return w.leave()
		}
	}
	return w.abandon()
}

// reading is where keys come from, unless who has the terminal has enough of
// them; then what tells of room.
func (w *watching) reading() (input <-chan []byte, room <-chan struct{}) {
	if l := w.loan.Load(); l != nil && l.keys.full() {
		return nil, l.keys.room
	}
	return w.input, nil
}

// unanswered ends when the run does not wait for its question any more.
func (w *watching) unanswered() <-chan struct{} {
	if w.asked == nil {
		return nil
	}
	return w.asked.ctx.Done()
}

// resized passes the window's new size on.
func (w *watching) resized(size Size) {
	w.size.Store(&size)
	redrawn := w.resize(size)
	if w.asked != nil {
		w.wrote(w.out.display.raw(redrawn))
	}
	if l := w.loan.Load(); l != nil {
		select {
		case <-l.sizes: // an older one
		default:
		}
		l.sizes <- host.Pty{Width: size.Width, Height: size.Height}
	}
}

// conclude tells how the run ended.
func (w *watching) conclude() error {
	if w.c.gone() {
		return w.leave()
	}
	if err := w.settle(); err != nil {
		return err
	}
	return w.follow.conclude(w.run)
}

// settle takes the status off the screen.
func (w *watching) settle() error {
	if w.follow.live == nil {
		return nil
	}
	return w.follow.live.end()
}

// leave is the end of the session during the run. A target's terminal ends
// with it.
func (w *watching) leave() error {
	if w.asked != nil {
		w.settled(answered{err: context.Cause(w.s.ctx)})
	}
	if l := w.loan.Load(); l != nil {
		w.run.Cancel(run.ErrCancelled)
		_ = l.keys.Close() // it has nothing to flush
		return w.c.leave(w.run)
	}
	if cause := context.Cause(w.s.ctx); !errors.Is(cause, ErrLost) && !errors.Is(cause, ErrDisconnected) {
		w.wrote(w.settle())
	}
	return w.c.leave(w.run)
}

// typed takes what was typed while the run goes on.
func (w *watching) typed(in []byte, ok bool) {
	if !ok {
		w.hungUp()
		return
	}
	w.s.presence.input()
	switch l := w.loan.Load(); {
	case l != nil:
		l.keys.put(in)
	case w.asked != nil:
		w.replying(in)
	default:
		w.keys(in)
	}
}

// hungUp is the end of the keys: nobody answers, and a target's terminal ends.
func (w *watching) hungUp() {
	w.gone, w.input = true, nil
	if w.asked != nil {
		w.settled(answered{err: errNobodyThere})
	}
	if l := w.loan.Load(); l != nil {
		w.run.Cancel(run.ErrCancelled)
		_ = l.keys.Close() // it has nothing to flush
	}
}

// keys does the keys that are for now and keeps the others.
func (w *watching) keys(in []byte) {
	for len(in) > 0 {
		n := bytes.IndexAny(in, "\x03\x1a")
		if n < 0 {
			w.keep(in)
			return
		}
		w.keep(in[:n])
		if in[n] == keyInterrupt {
			w.interrupt()
		} else {
			w.notice("Ctrl-Z, the background: not in this version; Ctrl-C cancels")
		}
		in = in[n+1:]
	}
}

// keep keeps keys for the prompt. Of too many none are: half a command is
// another command.
func (w *watching) keep(in []byte) {
	if w.flooded = w.flooded || len(w.ahead)+len(in) > maxAhead; w.flooded {
		w.ahead = nil
		return
	}
	w.ahead = append(w.ahead, in...)
}

// interrupt cancels the run; a second one soon after stops waiting for it.
// What was typed before it is not for the prompt any more.
func (w *watching) interrupt() {
	now := time.Now()
	again := !w.interrupted.IsZero() && now.Sub(w.interrupted) <= twice
	w.interrupted = now
	w.ahead, w.flooded = nil, false
	w.run.Cancel(run.ErrCancelled)
	if again {
		w.abandoned = true
		return
	}
	if live := w.follow.live; live != nil {
		live.cancel()
	}
	if w.plain {
		w.notice("cancelling; Ctrl-C twice stops waiting")
	}
}

// abandon returns to the prompt although hosts have not answered.
func (w *watching) abandon() error {
	w.run.Detach()
	if err := w.settle(); err != nil {
		return err
	}
	text := "not waited for any more, whether it ended is unknown"
	if w.follow.live != nil {
		if open := w.follow.live.unanswered(); len(open) > 0 {
			text = screen.Names(open) + ": " + text
		}
	}
	w.c.s.finish(w.out, errors.New(text+" (run "+w.run.ID()+"; status lists it while it runs)"))
	return &silentError{exitCancelled}
}

// notice shows a word as soon as the screen takes one, without waiting for it.
func (w *watching) notice(text string) {
	if w.follow.live != nil {
		w.follow.live.notice(text)
		return
	}
	w.wrote(w.out.say(text))
}
