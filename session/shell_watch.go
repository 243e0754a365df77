package session

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// Keys that mean something while something runs.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keySuspend   = 0x1a // Ctrl-Z
)

const noBackground = "Ctrl-Z, the background: not in this version; Ctrl-C cancels"

// twice is how soon a second Ctrl-C must come to stop waiting.
const twice = time.Second

// pastesOn keeps pastes marked while something runs, so that one never runs by
// itself afterwards (xterm, "Bracketed Paste Mode").
const pastesOn = "\x1b[?2004h"

// watching is a run in the foreground of a terminal.
type watching struct {
	*shell
	c      *invocation
	spec   *starting
	verbs  []auth.Verb // that it needs
	taken  error       // why its user may not do it any more, or nil
	run    *run.Run
	follow *follower

	interrupted time.Time // the last Ctrl-C
	abandoned   bool

	over      chan struct{} // closed when nobody asks or lends any more
	questions chan *question
	asked     *question            // the one that is open, or nil
	loan      atomic.Pointer[loan] // who has the terminal, or nil
	size      atomic.Pointer[Size]
	showing   atomic.Pointer[live] // what draws the status row, or nil
}

// attend makes a run's person of this shell, before the run starts.
func (sh *shell) attend(c *invocation, spec *starting, verbs []auth.Verb) *watching {
	w := &watching{shell: sh, c: c, spec: spec, verbs: verbs, over: make(chan struct{}), questions: make(chan *question)}
	size := sh.t.Size
	w.size.Store(&size)
	if !c.opts().json && !c.opts().nonInteractive {
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
		w.showing.Store(f.live)
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
		w.pastes.to = forNobody
		w.wrote(w.out.say("more was typed than is kept: none of it is done"))
	}
	return err
}

func (w *watching) loop() error {
	shown, stopping, left := w.follow.finished, w.stopped, w.s.ctx.Done()
	var ended <-chan struct{}     // not asked before all is shown
	var patience <-chan time.Time // with a run that a stop has not ended
	swapped := w.s.m.nextSwap()
	w.judge() // a reload may have come before
	for !w.abandoned {
		input, room := w.reading()
		select {
		case in, ok := <-input:
			w.typed(in, ok)
			w.t.Tap.dealt()
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
		case <-swapped:
			swapped = w.s.m.nextSwap()
			w.judge()
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

// judge ends a target's terminal whose user may not have it any more. Other
// runs end by themselves.
func (w *watching) judge() {
	if w.loan.Load() == nil && !w.spec.Connect {
		return
	}
	if err := w.s.rights.start(&w.spec.Spec, w.verbs); err != nil {
		w.taken = &takenAway{err}
		w.run.Cancel(w.taken)
	}
}

// takenAway cancels what its user may not do any more.
type takenAway struct{ err error }

func (e *takenAway) Error() string        { return "the right to it was taken away: " + e.err.Error() }
func (e *takenAway) Unwrap() error        { return e.err }
func (e *takenAway) Is(target error) bool { return target == run.ErrCancelled }

// lastWords is how long the end of a session waits for who writes.
const lastWords = time.Second

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
	w.c.s.finish(w.out, w.taken)
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
// with it, and somebody who is still there gets theirs back.
func (w *watching) leave() error {
	cause := context.Cause(w.s.ctx)
	there := !errors.Is(cause, ErrLost) && !errors.Is(cause, ErrDisconnected)
	lent := w.loan.Load()
	if lent != nil {
		w.run.Cancel(run.ErrCancelled)
		_ = lent.keys.Close() // it has nothing to flush
	}
	if w.asked != nil {
		w.unasked()
	}
	if !there {
		return w.c.leave(w.run)
	}
	w.run.Detach()
	if lent != nil {
		lent.back()
	}
	w.out.await(lastWords) // of who answered or gave back just now
	w.wrote(w.settle())
	if lent == nil {
		w.wrote(w.out.say("run " + w.run.ID() + " is left to itself"))
	}
	return &silentError{exitUnknown}
}

// typed takes what was typed while the run goes on.
func (w *watching) typed(in []byte, ok bool) {
	if !ok {
		w.hungUp()
		return
	}
	w.s.presence.input()
	for len(in) > 0 {
		part, inside, rest := w.pastes.cut(in)
		w.give(part, inside)
		in = rest
	}
}

// give gives a part of what was typed to who it is for. A paste stays together.
func (w *watching) give(part []byte, inside bool) {
	p, l := &w.pastes, w.loan.Load()
	switch {
	case l != nil && (!inside || p.to == forTarget):
		l.keys.put(part)
	case w.asked != nil && (!inside || p.to == forQuestion):
		w.replying(part)
	default:
		w.key(p, part, inside)
	}
	switch {
	case inside:
	case l != nil:
		p.to = forTarget
	case w.asked != nil:
		p.to = forQuestion
	default:
		p.to = forPrompt
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

// keys does the keys that are for now and keeps the others. It begins outside
// of pastes.
func (w *watching) keys(in []byte) {
	p := pastes{to: forPrompt}
	for len(in) > 0 {
		part, inside, rest := p.cut(in)
		w.key(&p, part, inside)
		in = rest
	}
	if p.open {
		w.pastes.to = p.to
	}
}

// key does it with a part. What is left of a paste that has lost its beginning
// is dropped: its lines would run by themselves.
func (w *watching) key(p *pastes, part []byte, inside bool) {
	special := "\x03\x1a"
	if inside {
		special = "\x03"
	}
	for len(part) > 0 {
		n := bytes.IndexAny(part, special)
		if n < 0 {
			n = len(part)
		}
		if !inside || p.kept() {
			w.keep(part[:n])
		}
		if n == len(part) {
			break
		}
		if part[n] == keySuspend {
			w.notice(noBackground)
		} else {
			w.interrupt()
			if inside {
				p.to = forNobody
			}
		}
		part = part[n+1:]
	}
	if inside && w.flooded {
		p.to = forNobody
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
// A question that is open has the screen, and keeps its place below.
func (w *watching) notice(text string) {
	if w.asked != nil {
		w.wrote(w.out.display.raw(w.editor.Print(w.out.display.colour(dim, text))))
		return
	}
	if w.follow.live != nil {
		w.follow.live.notice(text)
		return
	}
	w.wrote(w.out.say(text))
}
