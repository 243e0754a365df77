package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// What guessing costs, and how much is kept of it.
const (
	penaltyStep  = 5 * time.Second
	penaltyBites = 15 * time.Second
	penaltyMax   = 600 * time.Second
	maxSources   = 65_536

	freeTries    = 10
	tryEvery     = 30 * time.Second
	failuresKept = time.Hour // after the last one
	maxAccounts  = 16_384
	maxTriers    = 16_384
)

// Guard makes guessing expensive: penalties per source (a /32 or /64) and a
// slow-down per account. All times are monotonic. At most 65,536 sources are
// kept; all of it takes at most 16 MB. Safe for concurrent use.
type Guard struct {
	now    func() time.Time
	start  time.Time
	exempt []netip.Prefix

	mu      sync.Mutex
	sources table[netip.Addr] // marked: the penalty bites
	// accounts count the failures on an account from everywhere, triers those
	// from one source, and when it tried last. Names are kept as hashes, since
	// a stranger chooses how long and how many they are.
	accounts table[uint64]
	triers   table[trier]
}

// trier is a source that tries an account.
type trier struct {
	account uint64
	source  netip.Addr
}

// NewGuard makes a guard; now is the clock, nil for time.Now. Sources in exempt
// have no penalty; the slow-down of an account holds for them too.
func NewGuard(now func() time.Time, exempt []netip.Prefix) *Guard {
	if now == nil {
		now = time.Now
	}
	g := &Guard{
		now:      now,
		start:    now(),
		sources:  newTable[netip.Addr](maxSources),
		accounts: newTable[uint64](maxAccounts),
		triers:   newTable[trier](maxTriers),
	}
	for _, p := range exempt {
		g.exempt = append(g.exempt, plainPrefix(p))
	}
	return g
}

// since is the time on the guard's own clock.
func (g *Guard) since() time.Duration { return g.now().Sub(g.start) }

// source returns whom a penalty is for: an IPv4 address or an IPv6 /64, of
// which one customer has all addresses.
func source(from netip.Addr) netip.Addr {
	from = plain(from)
	if from.Is6() {
		return netip.PrefixFrom(from, 64).Masked().Addr()
	}
	return from
}

// Refused says whether a connection from a source is refused now: its penalty
// has reached 15 s and has not yet run off. Called at accept.
func (g *Guard) Refused(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.sources.get(source(from), g.since())
	return e != nil && e.marked
}

// ConnectionFailed counts a connection that ended without a login: 5 s more,
// at most 600 s; penalties run off with time.
func (g *Guard) ConnectionFailed(from netip.Addr) {
	if contains(g.exempt, plain(from)) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.since(), source(from)
	until := now
	if e := g.sources.get(key, now); e != nil {
		until = e.expires
	}
	until = min(until+penaltyStep, now+penaltyMax)
	e := g.sources.extend(key, now, until)
	e.marked = e.marked || until-now >= penaltyBites
}

// LoggedIn forgets an account's failures from that source.
func (g *Guard) LoggedIn(user string, from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.since(), tries(user, from)
	e := g.triers.get(key, now)
	if e == nil {
		return
	}
	if a := g.accounts.get(key.account, now); a != nil {
		a.failures -= min(e.failures, a.failures)
	}
	g.triers.drop(e)
}

// TryAllowed says whether an account may be tried from a source now: after 10
// failures, wherever they came from, one try in 30 s per source. A try that is
// not allowed must look like a wrong password. A try that is allowed is taken:
// the next one from there is measured from it.
func (g *Guard) TryAllowed(user string, from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.since(), tries(user, from)
	a, e := g.accounts.get(key.account, now), g.triers.get(key, now)
	if a != nil && a.failures >= freeTries && e != nil && now < e.last+tryEvery {
		return false
	}
	g.triers.extend(key, now, now+failuresKept).last = now
	return true
}

// TryFailed counts a failed try on an account. Failures are forgotten an hour
// after the last one.
func (g *Guard) TryFailed(user string, from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, key := g.since(), tries(user, from)
	add := func(n *int32) { *n = min(*n+1, 1<<30) }
	add(&g.accounts.extend(key.account, now, now+failuresKept).failures)
	add(&g.triers.extend(key, now, now+failuresKept).failures)
}

func tries(user string, from netip.Addr) trier {
	return trier{account: maphash.String(naming, user), source: source(from)}
}
