package hosttest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/deployerd/deployerd/host"
)

// Answer is what a [Fake] does with a line. The zero Answer exits with 0 at
// once.
type Answer struct {
	Stdout, Stderr string // written first, in this order
	Cat            bool   // then standard input is copied to standard output
	Block          <-chan struct{}
	Code           int
	Signal         string // without SIG; Code is then the caller's to set to 128+n
	StartErr       error  // Start returns it and nothing starts
	Lost           bool   // Wait returns a *host.LostError instead of an exit
	KillErr        error  // Kill returns it and the command goes on
	OnStart        func() // called in Start, before it returns
}

// Fake is a scripted host: it runs nothing and answers as it was told. It is
// safe for concurrent use. Kill ends a command that blocks in Block or Cat
// with signal TERM.
type Fake struct {
	name string

	mu       sync.Mutex
	rules    []rule
	fallback Answer
	lines    []string
	ptys     []host.Pty
}

type rule struct {
	substring string
	answer    Answer
}

var _ host.Host = (*Fake)(nil)

// NewFake makes a host that answers every line with the zero Answer.
func NewFake(name string) *Fake { return &Fake{name: name} }

// On answers lines that contain substring, or that are told to the hooks with
// it, such as "read /etc/motd" (see host.Line.Played for their answers). Where several do, the rule that was
// added last decides.
func (f *Fake) On(substring string, a Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, rule{substring, a})
}

// Default answers the lines that no rule knows.
func (f *Fake) Default(a Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fallback = a
}

// Lines returns the lines that were started, in order, as Line.String shows
// them. An Answer with StartErr starts nothing.
func (f *Fake) Lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.lines...)
}

// Ptys returns the terminals that were asked for, in order, each followed by
// the sizes it was given later.
func (f *Fake) Ptys() []host.Pty {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]host.Pty(nil), f.ptys...)
}

func (f *Fake) addPty(p host.Pty) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ptys = append(f.ptys, p)
}

// Name implements host.Host.
func (f *Fake) Name() string { return f.name }

// Address implements host.Host.
func (f *Fake) Address() string { return f.name + ".fake" }

// Labels implements host.Host.
func (f *Fake) Labels() map[string]string { return nil }

// Start implements host.Host.
func (f *Fake) Start(ctx context.Context, line host.Line, streams host.IO) (host.Process, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, f.dialError(err)
	}
	a := f.take(line)
	if a.Code == 0 {
		a.Stdout = line.Played(a.Stdout)
	}
	if a.StartErr != nil {
		return nil, a.StartErr
	}
	if a.OnStart != nil {
		a.OnStart()
	}
	if streams.Pty != nil {
		f.addPty(*streams.Pty)
	}
	p := &fakeProcess{
		fake: f, host: f.name, answer: a, streams: streams,
		killed: make(chan struct{}), done: make(chan struct{}),
	}
	go p.run()
	return p, nil
}

func (f *Fake) dialError(err error) error {
	return &host.DialError{Host: f.name, Address: f.Address() + ":22", Stage: host.StageDial, Err: err}
}

// take finds the answer to a line and records the line if it starts.
func (f *Fake) take(l host.Line) Answer {
	line := l.String()
	command, _ := l.Command()
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.fallback
	for _, r := range f.rules {
		if strings.Contains(line, r.substring) || command != "" && strings.Contains(command, r.substring) {
			a = r.answer
		}
	}
	if a.StartErr == nil {
		f.lines = append(f.lines, line)
	}
	return a
}

// fakeProcess is one answer being given.
type fakeProcess struct {
	fake    *Fake
	host    string
	answer  Answer
	streams host.IO
	killed  chan struct{}
	kill    sync.Once
	done    chan struct{} // closed when exit and err are set
	exit    host.Exit
	err     error
}

func (p *fakeProcess) run() {
	defer close(p.done)
	put(p.streams.Stdout, p.answer.Stdout)
	if p.streams.Pty != nil {
		p.streams.Stderr = p.streams.Stdout
	}
	put(p.streams.Stderr, p.answer.Stderr)
	if p.answer.Cat && !p.cat() || p.answer.Block != nil && !p.block() {
		p.exit = host.Exit{Code: 128 + 15, Signal: "TERM"}
		return
	}
	if p.answer.Lost {
		p.err = &host.LostError{Host: p.host, Err: io.ErrUnexpectedEOF}
		return
	}
	p.exit = host.Exit{Code: p.answer.Code, Signal: p.answer.Signal}
}

// block tells whether the command went on by itself.
func (p *fakeProcess) block() bool {
	select {
	case <-p.answer.Block:
		return true
	case <-p.killed:
		return false
	}
}

// cat copies input to output and tells whether it came to its end. A killed
// cat leaves a goroutine behind until the reader that it waits for returns.
func (p *fakeProcess) cat() bool {
	if p.streams.Stdin == nil {
		return true
	}
	out := p.streams.Stdout
	if out == nil {
		out = io.Discard
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(untilKilled{out, p.killed}, p.streams.Stdin)
	}()
	select {
	case <-copied:
		return true
	case <-p.killed:
		return false
	}
}

// untilKilled refuses writes after a kill.
type untilKilled struct {
	w      io.Writer
	killed <-chan struct{}
}

func (u untilKilled) Write(b []byte) (int, error) {
	select {
	case <-u.killed:
		return 0, io.ErrClosedPipe
	default:
		return u.w.Write(b)
	}
}

// put writes text; as with every host, a failed Write does not end a command.
func put(w io.Writer, text string) {
	if w != nil && text != "" {
		_, _ = io.WriteString(w, text)
	}
}

// Wait implements host.Process.
func (p *fakeProcess) Wait() (host.Exit, error) {
	<-p.done
	return p.exit, p.err
}

// Resize implements host.Process.
func (p *fakeProcess) Resize(width, height int) error {
	if p.streams.Pty == nil {
		return fmt.Errorf("resize at %s: the command has no terminal", p.host)
	}
	select {
	case <-p.done:
		return fmt.Errorf("resize at %s: the command has ended", p.host)
	default:
	}
	p.fake.addPty(host.Pty{Term: p.streams.Pty.Term, Width: width, Height: height})
	return nil
}

// Kill implements host.Process.
func (p *fakeProcess) Kill(ctx context.Context) error {
	if p.answer.KillErr != nil {
		return p.answer.KillErr
	}
	p.kill.Do(func() { close(p.killed) })
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kill at %s: %w", p.host, context.Cause(ctx))
	}
}
