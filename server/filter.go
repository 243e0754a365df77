package server

import (
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

// What a session may ask for. The SSH library has no such bounds, and it blocks
// for ever on requests that nobody takes, so none of those reach it.
const (
	maxVariables    = 16
	maxVariable     = 256       // bytes of name and value together
	maxLine         = 128 << 10 // bytes; the shell's own limit is lower and is explained there
	requestsASecond = 200
)

// envRequest, ptyRequest, windowChange and execRequest are the payloads of RFC
// 4254 sections 6.4, 6.2, 6.7 and 6.5; a subsystem's is that of a command.
type envRequest struct{ Name, Value string }

type ptyRequest struct {
	Term                         string
	Columns, Rows, Width, Height uint32
	Modes                        string
}

type windowChange struct{ Columns, Rows, Width, Height uint32 }

type execRequest struct{ Command string }

// filter passes the harmless requests of a session on and refuses the others,
// until the channel is closed. It never waits for the client.
func (ch *channel) filter(in <-chan *gossh.Request) {
	defer close(ch.out)
	for r := range in {
		ch.client.count()
		switch {
		case ch.resize(r):
			accept(ch, r)
		case ch.harmless(r):
			ch.out <- r
		default:
			refuse(ch, r)
		}
	}
}

func accept(ch *channel, r *gossh.Request) {
	if err := r.Reply(true, nil); err != nil {
		ch.client.log.Debug("accept a request", "err", err)
	}
}

func refuse(ch *channel, r *gossh.Request) {
	if err := r.Reply(false, nil); err != nil {
		ch.client.log.Debug("refuse a request", "err", err)
	}
}

// harmless says whether the library may see a request, and cuts it to size.
// Sizes go past the library, which would block on them; signals and breaks have
// no taker; agents and X11 are never forwarded.
func (ch *channel) harmless(r *gossh.Request) bool {
	switch r.Type {
	case "env":
		return ch.allowVariable(r.Payload)
	case "pty-req":
		return ch.allowTerminal(r)
	case "exec", "shell", "subsystem":
		return ch.allowStart(r)
	default:
		return false
	}
}

func (ch *channel) allowVariable(payload []byte) bool {
	var v envRequest
	if err := gossh.Unmarshal(payload, &v); err != nil {
		return false
	}
	if ch.variables >= maxVariables || len(v.Name)+len(v.Value) > maxVariable {
		return false
	}
	ch.variables++
	return true
}

func (ch *channel) allowTerminal(r *gossh.Request) bool {
	if ch.terminal {
		return false
	}
	p, ok := fitTerminal(r.Payload)
	if !ok {
		return false
	}
	ch.terminal = true
	r.Payload = gossh.Marshal(&p)
	ch.term, ch.size = p.Term, session.Size{Width: int(p.Columns), Height: int(p.Rows)}
	return true
}

// resize takes a new size of the window, if r is one.
func (ch *channel) resize(r *gossh.Request) bool {
	var w windowChange
	if r.Type != "window-change" || !ch.terminal || gossh.Unmarshal(r.Payload, &w) != nil {
		return false
	}
	newest(ch.sizes, clamp(w.Columns, w.Rows))
	return true
}

// fitTerminal returns a terminal request with a size and a name that everything
// behind it can bear, and without modes, which nobody uses.
func fitTerminal(payload []byte) (ptyRequest, bool) {
	var p ptyRequest
	if err := gossh.Unmarshal(payload, &p); err != nil {
		return p, false
	}
	size := clamp(p.Columns, p.Rows)
	return ptyRequest{Term: knownTerminal(p.Term), Columns: uint32(size.Width), Rows: uint32(size.Height)}, true
}

// allowStart lets a session begin once, and counts the goroutine in that the
// library starts for it.
func (ch *channel) allowStart(r *gossh.Request) bool {
	if ch.started != "" {
		return false
	}
	if r.Type != "shell" {
		var e execRequest
		if err := gossh.Unmarshal(r.Payload, &e); err != nil || len(e.Command) > maxLine {
			return false
		}
	}
	if !ch.client.srv.enter() {
		return false
	}
	ch.started = r.Type
	ch.interactive.Store(r.Type == "shell" && ch.terminal)
	return true
}

// bucket counts requests against requestsASecond. It lets one second's worth
// through at once and goes into debt for what was read ahead.
type bucket struct {
	mu     sync.Mutex
	tokens float64
	last   time.Time
}

// take counts a request.
func (b *bucket) take(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	b.tokens--
}

// debt is how long nothing more may be read.
func (b *bucket) debt(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	return time.Duration(max(-b.tokens, 0) / requestsASecond * float64(time.Second))
}

func (b *bucket) fill(now time.Time) {
	if b.last.IsZero() {
		b.tokens = requestsASecond
	} else {
		b.tokens = min(b.tokens+now.Sub(b.last).Seconds()*requestsASecond, requestsASecond)
	}
	b.last = now
}

// count counts a request of any kind. A connection that floods is read no faster
// than requestsASecond: it waits in its own buffers and a loop of short sessions
// goes on. See conn.Read.
func (c *client) count() { c.rate.take(time.Now()) }
