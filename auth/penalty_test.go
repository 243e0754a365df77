package auth

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) time() time.Time      { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func newClock() *clock                { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }
func addressNumber(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

func TestPenaltyBitesAndRunsOff(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	for i := range 3 {
		if g.Refused(home) {
			t.Fatalf("refused after %d failed connections", i)
		}
		g.ConnectionFailed(home)
	}
	if !g.Refused(home) {
		t.Error("15 s of penalty do not bite")
	}
	if g.Refused(home.Next()) {
		t.Error("the neighbour is refused")
	}
	c.pass(14 * time.Second)
	if !g.Refused(home) {
		t.Error("let in before the penalty has run off")
	}
	c.pass(time.Second)
	if g.Refused(home) {
		t.Error("refused after the penalty has run off")
	}
	g.ConnectionFailed(home)
	if g.Refused(home) {
		t.Error("a penalty that has run off counts on")
	}
}

func TestSlowFailuresDoNotBite(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	for range 100 {
		g.ConnectionFailed(home)
		c.pass(5 * time.Second)
		if g.Refused(home) {
			t.Fatal("one failure in 5 s is refused")
		}
	}
}

func TestPenaltyIsAtMostTenMinutes(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	for range 10_000 {
		g.ConnectionFailed(home)
	}
	c.pass(600*time.Second - 1)
	if !g.Refused(home) {
		t.Error("the penalty is shorter than 600 s")
	}
	c.pass(1)
	if g.Refused(home) {
		t.Error("the penalty is longer than 600 s")
	}
}

func TestPenaltyIsForAnAddressOrA64(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::ffff:172.16.0.0/108")})
	fail := func(from string) {
		for range 3 {
			g.ConnectionFailed(netip.MustParseAddr(from))
		}
	}
	fail("::ffff:192.0.2.1")
	fail("2001:db8:1:2::3")
	fail("10.1.1.1")
	fail("::ffff:10.1.1.2")
	fail("172.16.5.5")
	for from, want := range map[string]bool{
		"192.0.2.1":                 true,
		"::ffff:192.0.2.1":          true,
		"192.0.2.2":                 false,
		"2001:db8:1:2:ffff:ffff::9": true,
		"2001:db8:1:3::3":           false,
		"10.1.1.1":                  false,
		"10.1.1.2":                  false,
		"172.16.5.5":                false,
		"2001:db8:1:2::3%eth0":      true,
	} {
		if got := g.Refused(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s refused: %t, want %t", from, got, want)
		}
	}
}

func TestAccountsSlowDownAndAreNeverLocked(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	attacker, other := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	for i := range 10 {
		if !g.TryAllowed("alice", attacker) {
			t.Fatalf("try %d is not allowed", i+1)
		}
		g.TryFailed("alice", attacker)
	}
	if g.TryAllowed("alice", attacker) {
		t.Error("an eleventh try at once")
	}
	if !g.TryAllowed("bob", attacker) {
		t.Error("another account is slowed down")
	}
	if !g.TryAllowed("alice", home) {
		t.Error("alice is locked out of her own account")
	}
	if !g.TryAllowed("alice", other) || g.TryAllowed("alice", other) {
		t.Error("a second source has not one try, as every source has")
	}
	g.TryFailed("alice", attacker) // of the refused try: it moves nothing
	c.pass(30 * time.Second)
	if !g.TryAllowed("alice", attacker) || g.TryAllowed("alice", attacker) {
		t.Error("not one try in 30 s")
	}
}

func TestALoginForgetsTheFailuresFromThere(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	for range 10 {
		g.TryFailed("alice", home)
	}
	if !g.TryAllowed("alice", home) || g.TryAllowed("alice", home) {
		t.Fatal("not slowed down to one try")
	}
	g.LoggedIn("alice", home)
	for i := range 9 {
		if !g.TryAllowed("alice", home) {
			t.Fatalf("try %d after the login is not allowed", i+1)
		}
		g.TryFailed("alice", home)
	}
	g.LoggedIn("nobody", home)
	g.LoggedIn("alice", home.Next()) // nothing to forget there
	g.TryFailed("alice", home)
	if g.TryAllowed("alice", home) {
		t.Error("a login from elsewhere forgot the failures from here")
	}
}

func TestFailuresAreForgottenInTheEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	g := NewGuard(c.time, nil)
	for range 20 {
		g.TryFailed("alice", home)
	}
	c.pass(failuresKept)
	for range 2 {
		if !g.TryAllowed("alice", home) {
			t.Error("still slowed down an hour later")
		}
	}
}

// Not parallel: it measures the heap.
func TestGuardIsBounded(t *testing.T) {
	c := newClock()
	g := NewGuard(c.time, nil)
	before := heapSize()
	for range 4 {
		g.ConnectionFailed(home)
	}
	for n := range uint32(2 * maxSources) {
		from := addressNumber(n)
		g.ConnectionFailed(from)
		user := fmt.Sprint("user", n)
		g.TryAllowed(user, from)
		g.TryFailed(user, from)
	}
	if got := len(g.sources.entries); got != maxSources || len(g.sources.order) != got {
		t.Errorf("%d sources kept, want %d", got, maxSources)
	}
	if len(g.accounts.entries) != maxAccounts || len(g.triers.entries) != maxTriers {
		t.Errorf("%d accounts and %d triers kept", len(g.accounts.entries), len(g.triers.entries))
	}
	if used := int64(heapSize()) - int64(before); used > 16<<20 {
		t.Errorf("the guard takes %d MB, want at most 16", used>>20)
	}
	if !g.Refused(home) {
		t.Error("the worst one was dropped for others with less")
	}
	runtime.KeepAlive(g)
}

func heapSize() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
