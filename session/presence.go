package session

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deployerd/deployerd/node"
)

// Listed is what w shows of a session.
type Listed struct {
	ID        string
	User      string
	From      netip.Addr
	Transport string // "ssh", "telnet", "local"
	Place     string
	Running   string // what runs, "" at the prompt
	Since     time.Time
	Idle      time.Duration // since the user's own last input

	running string // the path of what runs
}

// presence is what others may be told of a session while it is busy.
type presence struct {
	id    string // set before the session is listed
	since time.Time

	mu      sync.Mutex
	typed   time.Time
	place   string
	running string
	path    string
}

func newPresence() presence {
	now := time.Now()
	return presence{since: now, typed: now, place: "/"}
}

// input notes that the user has typed something.
func (p *presence) input() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.typed = time.Now()
}

// idle is for how long nothing was typed.
func (p *presence) idle() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.typed)
}

func (p *presence) at(place *node.Node) {
	if place == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.place = place.Path()
}

// run notes what runs until the function it returns is called.
func (p *presence) run(spec *starting) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.path = spec.Node.Path()
	p.running = label(p.path, spec.Title())
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running, p.path = "", ""
	}
}

func (s *Session) listed() Listed {
	p, c := &s.presence, s.rights.client
	p.mu.Lock()
	defer p.mu.Unlock()
	return Listed{
		ID: p.id, User: c.Identity.User, From: c.From, Transport: c.Transport,
		Place: p.place, Running: p.running, running: p.path,
		Since: p.since, Idle: time.Since(p.typed),
	}
}

// Sessions lists all live sessions, the oldest first.
func (m *Manager) Sessions() []Listed {
	m.mu.Lock()
	open := make([]*Session, 0, len(m.sessions))
	for s := range m.sessions {
		open = append(open, s)
	}
	m.mu.Unlock()
	list := make([]Listed, len(open))
	for i, s := range open {
		list[i] = s.listed()
	}
	slices.SortFunc(list, func(a, b Listed) int {
		if far := a.Since.Compare(b.Since); far != 0 {
			return far
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}
