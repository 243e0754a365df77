package server

import (
	"regexp"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// What a session may ask for. The SSH library has no such bounds, and it blocks
// for ever on requests that nobody takes, so none of those reach it.
const (
	maxVariables    = 16
	maxVariable     = 256       // bytes of name and value together
	maxLine         = 128 << 10 // bytes; the shell's own limit is lower and is explained there
	maxColumns      = 1000
	maxRows         = 500
	requestsASecond = 200
	unknownTerminal = "dumb"
)

// terminalName is what may be called a terminal; it goes to targets later.
var terminalName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// envRequest, ptyRequest and execRequest are the payloads of RFC 4254 sections
// 6.4, 6.2 and 6.5; a subsystem's is that of a command.
type envRequest struct{ Name, Value string }

type ptyRequest struct {
	Term                         string
	Columns, Rows, Width, Height uint32
	Modes                        string
}

type execRequest struct{ Command string }

// filter passes the harmless requests of a session on and refuses the others,
// until the channel is closed. It never waits for the client.
func (ch *channel) filter(in <-chan *gossh.Request) {
	defer close(ch.out)
	for r := range in {
		ch.client.count()
		if ch.harmless(r) {
			ch.out <- r
		} else {
			refuse(ch, r)
		}
	}
}

func refuse(ch *channel, r *gossh.Request) {
	if err := r.Reply(false, nil); err != nil {
		ch.client.log.Debug("refuse a request", "err", err)
	}
}

// harmless says whether the library may see a request, and cuts it to size.
// Sizes, signals and breaks have no taker as long as sessions have no terminal;
// agents and X11 are never forwarded.
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
	payload, ok := fitTerminal(r.Payload)
	if !ok {
		return false
	}
	ch.terminal = true
	r.Payload = payload
	return true
}

// fitTerminal returns a terminal request with a size and a name that everything
// behind it can bear, and without modes, which nobody uses.
func fitTerminal(payload []byte) ([]byte, bool) {
	var p ptyRequest
	if err := gossh.Unmarshal(payload, &p); err != nil {
		return nil, false
	}
	if !terminalName.MatchString(p.Term) {
		p.Term = unknownTerminal
	}
	p.Columns = min(max(p.Columns, 1), maxColumns)
	p.Rows = min(max(p.Rows, 1), maxRows)
	p.Width, p.Height, p.Modes = 0, 0, ""
	return gossh.Marshal(&p), true
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
