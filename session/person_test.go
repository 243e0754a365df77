package session

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
)

// person sits at a terminal: types keys, and looks at the screen.
type person struct {
	t      *testing.T
	w      *world
	s      *Session
	keys   chan []byte
	sizes  chan Size
	cancel context.CancelCauseFunc
	code   chan int

	mu      sync.Mutex
	vt      vt10x.Terminal
	raw     strings.Builder
	changed chan struct{}
	broken  bool
	stall   chan struct{} // while not nil, writes wait for it
}

// Write implements io.Writer.
func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	stall := p.stall
	p.mu.Unlock()
	if stall != nil {
		<-stall
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return 0, context.Canceled
	}
	p.raw.Write(b)
	if p.vt != nil {
		_, _ = p.vt.Write(b)
	}
	close(p.changed)
	p.changed = make(chan struct{})
	return len(b), nil
}

func (p *person) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text()
}

func (p *person) text() string {
	if p.vt == nil {
		return p.raw.String()
	}
	var rows []string
	for _, row := range strings.Split(p.vt.String(), "\n") {
		rows = append(rows, strings.TrimRight(row, " "))
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

// until waits for the screen to be so.
func (p *person) until(what string, is func(screen string) bool) string {
	p.t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		p.mu.Lock()
		text, changed := p.text(), p.changed
		p.mu.Unlock()
		if is(text) {
			return text
		}
		select {
		case <-changed:
		case <-late.C:
			p.t.Fatalf("waited for %s:\n%s", what, text)
		}
	}
}

func (p *person) sees(texts ...string) string {
	p.t.Helper()
	return p.until(strings.Join(texts, " and "), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// prompted waits for the prompt at a place, with nothing behind it.
func (p *person) prompted(place string) string {
	p.t.Helper()
	return p.until("the prompt", func(screen string) bool { return strings.HasSuffix(strings.TrimSpace(screen), "@box "+place+" >") })
}

func (p *person) types(keys string) { p.keys <- []byte(keys) }

func (p *person) resize(width, height int) {
	p.mu.Lock()
	p.vt.Resize(width, height)
	p.mu.Unlock()
	p.sizes <- Size{width, height}
}

// leaves waits for the shell's end.
func (p *person) leaves() int {
	p.t.Helper()
	select {
	case code := <-p.code:
		return code
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the shell goes on:\n%s", p.screen())
		return -1
	}
}

// hangs is the end of the person's connection, as a door reports it.
func (p *person) hangs(cause error) {
	p.cancel(cause)
	p.mu.Lock()
	p.broken = true
	p.mu.Unlock()
	close(p.keys)
}

// sit sits a user down at a terminal of a world.
func (w *world) sit(t *testing.T, user string, term Terminal) *person {
	t.Helper()
	p := &person{
		t: t, w: w, keys: make(chan []byte), sizes: make(chan Size, 1), code: make(chan int, 1),
		changed: make(chan struct{}),
	}
	if term.Size == (Size{}) {
		term.Size = Size{80, 24}
	}
	if term.Term != "" && term.Term != "dumb" {
		p.vt = vt10x.New(vt10x.WithSize(term.Size.Width, term.Size.Height))
	}
	term.Input, term.Resized, term.Out = p.keys, p.sizes, p
	var ctx context.Context
	ctx, p.cancel = context.WithCancelCause(context.Background())
	t.Cleanup(func() { p.cancel(nil) })
	p.s = w.open(t, ctx, user)
	go func() {
		code := p.s.Shell(term)
		p.s.Close()
		p.code <- code
	}()
	return p
}

func (w *world) at80x24(t *testing.T) *person {
	return w.sit(t, "alice", Terminal{Term: "xterm-256color", Echo: true})
}

func newOffice(t *testing.T) *world {
	w := newWorld(t)
	w.o.HostName = "box"
	return w
}
