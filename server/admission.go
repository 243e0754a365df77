package server

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// admission counts connections and says which may come in.
type admission struct {
	roll func() int // 0 to 99

	mu      sync.Mutex
	limits  Limits
	waiting int                  // connections that are not logged in
	sources map[netip.Prefix]int // of those, by source
	users   map[string]int       // connections that are logged in
}

func newAdmission(l Limits) *admission {
	return &admission{
		roll:    func() int { return rand.IntN(100) },
		limits:  withDefaults(l),
		sources: make(map[netip.Prefix]int),
		users:   make(map[string]int),
	}
}

// withDefaults fills in CONFIG.md's defaults.
func withDefaults(l Limits) Limits {
	if l.StartupsFull <= 0 {
		l.StartupsBegin, l.StartupsRate, l.StartupsFull = 10, 30, 100
	}
	if l.LoginGrace <= 0 {
		l.LoginGrace = 20 * time.Second
	}
	if l.LoginGraceTelnet <= 0 {
		l.LoginGraceTelnet = 60 * time.Second
	}
	for _, d := range []struct {
		n       *int
		instead int
	}{{&l.PerSource, 10}, {&l.ConnectionsPerUser, 20}, {&l.ChannelsPerConnection, 10}} {
		if *d.n <= 0 {
			*d.n = d.instead
		}
	}
	return l
}

func (a *admission) setLimits(l Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limits = withDefaults(l)
}

func (a *admission) current() Limits {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits
}

// begin takes a place among the connections that are not logged in, which done
// gives back. From StartupsBegin on a connection is dropped with a probability
// that grows from StartupsRate per cent to all of them at StartupsFull: a flood
// then thins out itself and a user's next try has a chance.
func (a *admission) begin() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.limits
	switch {
	case a.waiting >= l.StartupsFull:
		return false
	case a.waiting >= l.StartupsBegin:
		span := max(l.StartupsFull-l.StartupsBegin, 1)
		odds := l.StartupsRate + (100-l.StartupsRate)*(a.waiting-l.StartupsBegin)/span
		if a.roll() < odds {
			return false
		}
	}
	a.waiting++
	return true
}

func (a *admission) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
}

// source takes one of a source's places, which leave gives back.
func (a *admission) source(from netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := network(from)
	if a.sources[p] >= a.limits.PerSource {
		return false
	}
	a.sources[p]++
	return true
}

func (a *admission) leave(from netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	drop(a.sources, network(from))
}

// login counts a user's connection and returns how many there are with it, and
// how many there may be. logout takes it back.
func (a *admission) login(user string) (n, limit int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[user]++
	return a.users[user], a.limits.ConnectionsPerUser
}

func (a *admission) logout(user string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	drop(a.users, user)
}

// drop keeps the maps as small as what is open.
func drop[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// network is what counts as one source: an IPv4 address, or the /64 that one
// IPv6 customer has at least.
func network(from netip.Addr) netip.Prefix {
	bits := 32
	if from.Is6() {
		bits = 64
	}
	p, _ := from.Prefix(bits) // fails only for an invalid address, and all of those are one source
	return p
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
