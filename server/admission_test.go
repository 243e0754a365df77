package server

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gossh "golang.org/x/crypto/ssh"
)

func TestRandomEarlyDrop(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ waiting, roll, want int }{
		{0, 0, 1}, {9, 0, 1}, // below the beginning: always
		{10, 29, 0}, {10, 30, 1}, // at it: 30 %
		{55, 64, 0}, {55, 65, 1}, // in the middle: 65 %
		{99, 98, 0}, {100, 99, 0}, // full: never
	} {
		a := newAdmission(Limits{StartupsBegin: 10, StartupsRate: 30, StartupsFull: 100})
		a.waiting, a.roll = test.waiting, func() int { return test.roll }
		got := 0
		if a.begin() {
			got = 1
		}
		if got != test.want || a.waiting != test.waiting+got {
			t.Errorf("%d waiting, roll %d: %d came in, want %d", test.waiting, test.roll, got, test.want)
		}
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	t.Parallel()
	want := Limits{
		StartupsBegin: 10, StartupsRate: 30, StartupsFull: 100, PerSource: 10,
		LoginGrace: 20 * time.Second, LoginGraceTelnet: time.Minute, ConnectionsPerUser: 20, ChannelsPerConnection: 10,
	}
	if d := cmp.Diff(want, withDefaults(Limits{})); d != "" {
		t.Error(d)
	}
}

func TestSourceIsAnAddressOrANetworkOf64Bits(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::/64",
		"2001:db8:1:3:3:4:5:6": "2001:db8:1:3::/64",
	} {
		if got := network(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}

func TestCountsGoBackToNothing(t *testing.T) {
	t.Parallel()
	h := start(t)
	for range 3 {
		h.login("alice").Close()
		nc := h.dial()
		nc.Write([]byte("junk\r\n"))
		nc.Close()
	}
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	a := h.server.admission
	if a.waiting != 0 || len(a.sources) != 0 || len(a.users) != 0 {
		t.Errorf("%d waiting, sources %v, users %v", a.waiting, a.sources, a.users)
	}
}

// turnedAway says whether the server closes a new connection with a word.
func (h *house) turnedAway() bool {
	nc := h.dial()
	defer nc.Close()
	line := make([]byte, 11)
	if _, err := io.ReadFull(nc, line); err != nil {
		h.t.Fatal(err)
	}
	return string(line) == "deployerd: "
}

func TestConnectionsPerSource(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Limits.PerSource = 2 })
	h.login("alice") // a place is free again after the login
	first, second := h.dial(), h.dial()
	for _, nc := range []net.Conn{first, second} {
		io.ReadFull(nc, make([]byte, 8)) // it is being served
	}
	if !h.turnedAway() {
		t.Error("a third connection was taken")
	}
	first.Close()
	for h.turnedAway() { // until the server has noticed
	}
	l := h.server.admission.current()
	l.Exempt = []netip.Prefix{loopback}
	h.server.SetLimits(l)
	for range 5 {
		nc := h.dial()
		io.ReadFull(nc, make([]byte, 8))
	}
	if h.turnedAway() {
		t.Error("an exempt network was turned away")
	}
}

func TestStartupsAreLimitedOverAllSources(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) {
		o.Limits.StartupsBegin, o.Limits.StartupsFull = 2, 2
		o.Limits.Exempt = []netip.Prefix{loopback}
	})
	for range 2 {
		io.ReadFull(h.dial(), make([]byte, 8))
	}
	if !h.turnedAway() {
		t.Error("a third connection was taken")
	}
}

func TestPenaltyTurnsAway(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *house, _ *Options) { h.guard.refuse = true })
	if !h.turnedAway() {
		t.Error("a source with a penalty was let in")
	}
	if got := h.guard.seen(); len(got) != 0 {
		t.Errorf("its penalty grows: %v", got)
	}
	l := h.server.admission.current()
	l.Exempt = []netip.Prefix{loopback}
	h.server.SetLimits(l)
	h.login("alice")
}

func TestConnectionsPerUser(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Limits.ConnectionsPerUser = 2 })
	first := h.login("alice")
	h.login("alice")
	for range 2 {
		s := h.session(h.login("alice"))
		var stderr strings.Builder
		s.Stderr = &stderr
		if code := exitCode(s.Run("who")); code != 254 || stderr.String() != "deployerd: too many connections of alice: at most 2\n" {
			t.Errorf("exit code %d, %q", code, &stderr)
		}
	}
	if c, err := h.try(h.dial(), "alice", gossh.PublicKeys(h.keys["alice"])); err == nil {
		if _, err := c.NewSession(); err == nil {
			t.Error("a flood of connections was let in")
		}
	}
	h.serves()
	if _, err := h.session(first).Output("who"); err != nil {
		t.Errorf("the first connection suffers: %v", err)
	}
}
