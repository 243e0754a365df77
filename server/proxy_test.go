package server

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"
	gossh "golang.org/x/crypto/ssh"
)

func behindProxy(_ *house, o *Options) { o.ProxyProtocol = []netip.Prefix{loopback} }

func proxyHeader(t *testing.T, version byte, from string) []byte {
	t.Helper()
	src, dst := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 22}
	if src.IP.To4() == nil {
		dst.IP = net.ParseIP("2001:db8::9")
	}
	var b bytes.Buffer
	if _, err := proxyproto.HeaderProxyFromAddrs(version, src, dst).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestProxyHeaderGivesTheAddress(t *testing.T) {
	t.Parallel()
	h := start(t, behindProxy)
	for from, want := range map[string]string{"192.0.2.1:1": "192.0.2.1", "[2001:db8::1]:2": "2001:db8::1"} {
		for _, version := range []byte{1, 2} {
			nc := h.dial()
			nc.Write(proxyHeader(t, version, from))
			c, err := h.try(nc, "alice", gossh.PublicKeys(h.keys["alice"]))
			if err != nil {
				t.Fatal(err)
			}
			if out, err := h.session(c).Output("who"); err != nil || !strings.Contains(string(out), " "+want+" ") {
				t.Errorf("version %d: %q, %v", version, out, err)
			}
		}
	}
}

func TestLimitsCountTheAddressBehindTheProxy(t *testing.T) {
	t.Parallel()
	h := start(t, behindProxy, func(_ *house, o *Options) { o.Limits.PerSource = 1 })
	dial := func(from string) string {
		nc := h.dial()
		nc.Write(proxyHeader(t, 2, from))
		line := make([]byte, 8)
		nc.Read(line)
		return string(line)
	}
	for _, test := range []struct{ from, want string }{
		{"192.0.2.1:1", "SSH-2.0-"},
		{"192.0.2.1:2", "deployer"},
		{"192.0.2.2:1", "SSH-2.0-"},
		{"[2001:db8::1]:1", "SSH-2.0-"},
		{"[2001:db8::2]:1", "deployer"},
		{"[2001:db8:0:1::1]:1", "SSH-2.0-"},
	} {
		if got := dial(test.from); got != test.want {
			t.Errorf("%s gets %q, want %q", test.from, got, test.want)
		}
	}
}

func TestProxyMustSendAHeader(t *testing.T) {
	t.Parallel()
	h := start(t, behindProxy)
	for name, text := range map[string]string{
		"none":           "SSH-2.0-OpenSSH_9.2\r\n",
		"a broken one":   "PROXY TCP4 192.0.2.1 nonsense 1 2\r\n",
		"an endless one": "PROXY " + strings.Repeat("x", 10_000),
		"of a socket":    "PROXY UNKNOWN\r\n", // a health check
		"an empty v2":    "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x00",
	} {
		nc := h.dial()
		nc.Write([]byte(text))
		var b [8]byte
		if nc.Read(b[:]); string(b[:7]) == "SSH-2.0" {
			t.Errorf("%s was served", name)
		}
	}
	if got := h.guard.seen(); len(got) != 0 {
		t.Errorf("the balancer is punished: %v", got)
	}
}

func TestProxyHeaderOfAStrangerIsNotBelieved(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	nc := h.dial()
	nc.Write(proxyHeader(t, 1, "192.0.2.1:1"))
	c, err := h.try(nc, "alice", gossh.PublicKeys(h.keys["alice"]))
	if err != nil {
		return // refused: as good
	}
	if out, _ := h.session(c).Output("who"); strings.Contains(string(out), "192.0.2.1") {
		t.Errorf("believed: %q", out)
	}
}
