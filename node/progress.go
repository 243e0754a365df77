package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Pager is what a Console can be besides: a terminal that shows long texts page
// by page.
type Pager interface {
	// Width is how many columns it has now; 0 when that is not known.
	Width() int
	// Page shows lines, until the person has seen them all or has enough. It is
	// called while nobody else talks to the person, and may be given anything:
	// it takes control bytes out. The error says why it could not be shown; it
	// ends the action.
	Page(ctx context.Context, lines []string) error
}

// Meter is what a Console can be besides: a terminal that shows what goes on
// and draws it anew.
type Meter interface {
	// Progress shows a progress as it is now; of which it is, p.ID tells. It
	// returns at once, and false where nothing can be drawn anew. It takes
	// control bytes out.
	Progress(p ProgressState) bool
}

// usualWidth is how many columns a terminal has of which that is not known.
const usualWidth = 80

// Width is how many columns the person who started the run sees; 80 where
// there is no terminal.
func (e *Env) Width() int {
	if p, ok := e.run.Console.(Pager); ok && e.Interactive() {
		if w := p.Width(); w > 0 {
			return w
		}
	}
	return usualWidth
}

// Page shows lines to the person page by page; where nobody is there they go
// into the log.
func (e *Env) Page(ctx context.Context, lines []string) error {
	p, ok := e.run.Console.(Pager)
	if !ok || !e.Interactive() {
		if len(lines) > 0 {
			e.Log(strings.Join(lines, "\n"))
		}
		return nil
	}
	leave, err := e.run.meet(ctx)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	defer leave()
	if err := p.Page(ctx, lines); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// ProgressState is how far something is.
type ProgressState struct {
	ID       *Progress // which one it is
	Host     string    // the cell that it is told of; "" for none
	Message  string
	Done     int    // a count, or with Steps the number of the step, from 0
	Expected int    // 0: not known
	Step     string // the text of the step, with Steps
	Steps    int    // how many; 0 without
	Ended    bool   // it is told no more
}

// Text is the state in one line: "upload: 3/40 (7%)".
func (s ProgressState) Text() string {
	text := s.Message + ": "
	switch {
	case s.Steps > 0 && s.Done >= s.Steps:
		text += "done"
	case s.Steps > 0:
		text += fmt.Sprintf("%s (%d/%d)", s.Step, s.Done+1, s.Steps)
	case s.Expected > 0:
		text += fmt.Sprintf("%d/%d (%d%%)", s.Done, s.Expected, 100*s.Done/s.Expected)
	default:
		text += fmt.Sprint(s.Done)
	}
	if s.Ended && s.Steps == 0 {
		text += ", done"
	}
	return text
}

// Progress is something that an action shows while it goes on. Where it cannot
// be drawn anew, each step and the end are lines in the log. It may be used
// from several goroutines.
type Progress struct {
	env   *Env
	steps []string

	mu    sync.Mutex
	state ProgressState
	drawn bool
}

// maxSteps and maxCount bound what a progress counts.
const (
	maxSteps = 1000
	maxCount = 1 << 53
)

// NewProgress begins to show something: so many of expected (0: not known), or
// the steps one after another. The first is shown at once.
func (e *Env) NewProgress(message string, expected int, steps []string) (*Progress, error) {
	switch {
	case expected < 0 || expected > maxCount/100:
		return nil, fmt.Errorf("progress: %d are not expected", expected)
	case expected > 0 && len(steps) > 0:
		return nil, errors.New("progress: either a number is expected, or there are steps")
	case len(steps) > maxSteps:
		return nil, fmt.Errorf("progress: more than %d steps", maxSteps)
	}
	p := &Progress{env: e, steps: steps, state: ProgressState{
		Host: e.cellName(), Message: message, Expected: expected, Steps: len(steps),
	}}
	p.state.ID = p
	return p, p.Set(0)
}

// Set says how far it is: a count, or the number of the step from 0.
func (p *Progress) Set(n int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set(n)
}

// Next counts one more, or goes on to the next step.
func (p *Progress) Next() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set(p.state.Done + 1)
}

func (p *Progress) set(n int) error {
	switch {
	case p.state.Ended:
		return fmt.Errorf("progress %q has ended", p.state.Message)
	case n < 0 || n > maxCount/100:
		return fmt.Errorf("progress %q: %d is no count", p.state.Message, n)
	case len(p.steps) > 0 && n > len(p.steps):
		return fmt.Errorf("progress %q: there is no step %d, there are %d (from 0)", p.state.Message, n, len(p.steps))
	}
	p.state.Done, p.state.Step = n, ""
	if n < len(p.steps) {
		p.state.Step = p.steps[n]
	}
	p.show(len(p.steps) > 0)
	return nil
}

// Done ends it. With steps, or with an expected number, all is done.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Ended {
		return
	}
	p.state.Ended = true
	if p.state.Steps > 0 {
		p.state.Done, p.state.Step = p.state.Steps, ""
	} else if p.state.Expected > 0 {
		p.state.Done = p.state.Expected
	}
	p.show(true)
	if p.drawn {
		p.env.Log(p.state.Text())
	}
}

// Drop ends it where it is, without a word: the action that shows it has ended.
func (p *Progress) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.state.Ended {
		p.state.Ended = true
		p.show(false)
	}
}

// show draws the state, or else where it is worth a line logs it.
func (p *Progress) show(line bool) {
	m, ok := p.env.run.Console.(Meter)
	p.drawn = ok && p.env.Interactive() && m.Progress(p.state)
	if !p.drawn && line {
		p.env.Log(p.state.Text())
	}
}
