package server

import (
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

var loopback = netip.MustParsePrefix("127.0.0.1/32")

// openChannel opens a session channel with a window of some bytes and returns
// the server's number of it.
func (c *rawClient) openChannel(window uint32) uint32 {
	c.t.Helper()
	c.send(append([]byte{msgChannelOpen}, gossh.Marshal(struct {
		Type                 string
		Mine, Window, Packet uint32
	}{"session", 0, window, 32768})...))
	for {
		p := c.read()
		if p[0] != msgOpenConfirm {
			continue
		}
		var m struct{ Mine, Theirs, Window, Packet uint32 }
		if err := gossh.Unmarshal(p[1:], &m); err != nil {
			c.t.Fatal(err)
		}
		return m.Theirs
	}
}

func channelRequest(channel uint32, kind string, reply bool, payload any) []byte {
	p := append([]byte{msgChannelRequest}, gossh.Marshal(struct {
		Channel uint32
		Kind    string
		Reply   bool
	}{channel, kind, reply})...)
	if payload != nil {
		p = append(p, gossh.Marshal(payload)...)
	}
	return p
}

// output runs a line and returns the first of its output.
func (c *rawClient) output(line string) string {
	c.t.Helper()
	c.send(channelRequest(c.openChannel(1<<20), "exec", false, execRequest{line}))
	for {
		p := c.read()
		if p[0] != msgChannelData {
			continue
		}
		var m struct {
			Channel uint32
			Data    string
		}
		if err := gossh.Unmarshal(p[1:], &m); err != nil {
			c.t.Fatal(err)
		}
		return m.Data
	}
}

// Each attack ends by the server's doing or by the client's; others are served
// during and after it, and no goroutine stays (TestMain, and Shutdown waits).
func TestAttacksBeforeLogin(t *testing.T) {
	t.Parallel()
	random := make([]byte, 100_000)
	rand.Read(random)
	raw := func(data ...[]byte) func(h *house) {
		return func(h *house) {
			nc := h.dial()
			for _, d := range data {
				nc.Write(d) // it may be closed in the middle
			}
			nc.(*net.TCPConn).CloseWrite()
			closed(h.t, nc)
		}
	}
	many := func(p []byte) [][]byte {
		all := make([][]byte, 60)
		for i := range all {
			all[i] = p
		}
		return all
	}
	for name, attack := range map[string]func(h *house){
		"garbage":                        raw(random),
		"version and garbage":            raw([]byte("SSH-2.0-x\r\n"), random),
		"endless version":                raw([]byte(strings.Repeat("x", 1<<20))),
		"old version":                    raw([]byte("SSH-1.5-x\r\n")),
		"HTTP":                           raw([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
		"nothing":                        raw(),
		"a PROXY header from a stranger": raw([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), random),
		"leaves in the key exchange":     func(h *house) { nc := h.dial(); nc.Write([]byte("SSH-2.0-x\r\n")); nc.Close() },
		"leaves before the service":      func(h *house) { h.newRaw().nc.Close() },
		"leaves in the login":            func(h *house) { h.newRaw().ready().nc.Close() },
		"wrong service and a full queue": func(h *house) {
			c := h.newRaw()
			c.send(append([][]byte{serviceRequest("bogus")}, many([]byte{msgChannelOpen, 0})...)...)
			closed(h.t, c.nc)
		},
		"wrong packet in the login and a full queue": func(h *house) {
			c := h.newRaw().ready()
			c.send(append([][]byte{{msgUserAuth, 0xff}}, many([]byte{msgChannelOpen, 0})...)...)
			closed(h.t, c.nc)
		},
		"a channel before the login": func(h *house) {
			c := h.newRaw().ready()
			c.send([]byte{msgChannelOpen, 0, 0, 0, 0})
			closed(h.t, c.nc)
		},
		"endless none": func(h *house) {
			c := h.newRaw().ready()
			c.send(many(authRequest("alice", "none", nil))...)
			closed(h.t, c.nc)
		},
		"a huge user name": func(h *house) {
			c := h.newRaw().ready()
			c.ask(query(strings.Repeat("x", 200_000), newKey(h.t).PublicKey()))
			c.nc.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			for range 10 {
				attack(h)
			}
			h.serves()
		})
	}
}

func TestAttacksAfterLogin(t *testing.T) {
	t.Parallel()
	type window struct{ Columns, Rows, Width, Height uint32 }
	// flood sends a request as often as two seconds allow, and leaves.
	flood := func(kind string, payload any) func(h *house, c *rawClient) {
		return func(_ *house, c *rawClient) {
			p := channelRequest(c.openChannel(1<<20), kind, false, payload)
			for range 3 * requestsASecond {
				c.send(p)
			}
			c.nc.Close()
		}
	}
	for name, attack := range map[string]func(h *house, c *rawClient){
		"flood of variables":     flood("env", envRequest{"A", strings.Repeat("x", 20_000)}),
		"flood of sizes":         flood("window-change", window{80, 24, 0, 0}),
		"flood of signals":       flood("signal", struct{ Name string }{"INT"}),
		"flood of breaks":        flood("break", struct{ Length uint32 }{500}),
		"flood of terminals":     flood("pty-req", ptyRequest{Term: "xterm"}),
		"flood of lines":         flood("exec", execRequest{"hang"}),
		"flood of subsystems":    flood("subsystem", struct{ Name string }{"sftp"}),
		"flood of unknown names": flood(strings.Repeat("x", 10_000), nil),
		"flood of global requests": func(_ *house, c *rawClient) {
			p := append([]byte{msgGlobalRequest}, gossh.Marshal(struct {
				Kind  string
				Reply bool
			}{"tcpip-forward", true})...)
			for range 3 * requestsASecond {
				c.send(p)
			}
			c.nc.Close()
		},
		"flood of channels": func(_ *house, c *rawClient) {
			p := append([]byte{msgChannelOpen}, gossh.Marshal(struct {
				Type                 string
				Mine, Window, Packet uint32
			}{"session", 0, 0, 32768})...)
			for range 3 * requestsASecond {
				c.send(p)
			}
			c.nc.Close()
		},
		"a subsystem with a window of nothing": func(_ *house, c *rawClient) {
			ch := c.openChannel(0)
			for range 100 {
				c.send(channelRequest(ch, "subsystem", true, struct{ Name string }{"sftp"}))
			}
			c.nc.Close()
		},
		"data for no channel and a full queue": func(h *house, c *rawClient) {
			all := [][]byte{append([]byte{msgChannelData}, gossh.Marshal(struct {
				Channel uint32
				Data    string
			}{999, "x"})...)}
			for range 60 {
				all = append(all, []byte{msgGlobalRequest, 0, 0, 0, 0, 0})
			}
			c.send(all...)
			closed(h.t, c.nc)
		},
		"half a request": func(_ *house, c *rawClient) {
			ch := c.openChannel(1 << 20)
			for _, kind := range []string{"exec", "env", "pty-req", "subsystem", "window-change"} {
				p := channelRequest(ch, kind, true, nil)
				c.send(p, append(p, 0, 0, 0, 200, 'x'))
			}
			c.nc.Close()
		},
		"never closes its channels": func(_ *house, c *rawClient) {
			for range 10 {
				c.send(channelRequest(c.openChannel(1<<20), "exec", false, execRequest{"echo x"}))
			}
			c.nc.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			for range 3 {
				attack(h, h.newRaw().enter("alice", h.keys["alice"]))
			}
			h.serves()
		})
	}
}

func TestChannelsAreCounted(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Limits.ChannelsPerConnection = 3 })
	c := h.login("alice")
	var first *gossh.Session
	for range 3 {
		s := h.session(c)
		if err := s.Start("hang"); err != nil {
			t.Fatal(err)
		}
		first = s
	}
	if _, err := c.NewSession(); err == nil || !strings.Contains(err.Error(), "at most 3") {
		t.Errorf("a fourth session: %v", err)
	}
	h.door.lives.waitBegun(3)
	first.Close()
	h.door.lives.waitEnds(1)
	for range 100 {
		s, err := c.NewSession()
		if err == nil {
			s.Close()
			return
		}
		h.serves() // the place is free a moment after the session has ended
	}
	t.Error("the place of an ended session is not free")
}

func TestOnlySessionsAreServed(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	for _, kind := range []string{"direct-tcpip", "x11", "auth-agent@openssh.com", "bogus"} {
		if _, _, err := c.OpenChannel(kind, nil); err == nil || !strings.Contains(err.Error(), "not in this version") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for kind, want := range map[string]bool{"keepalive@openssh.com": true, "tcpip-forward": false, "bogus": false} {
		if ok, _, err := c.SendRequest(kind, true, nil); err != nil || ok != want {
			t.Errorf("%s: %v, %v", kind, ok, err)
		}
	}
	s := h.session(c)
	for _, kind := range []string{"auth-agent-req@openssh.com", "x11-req", "bogus"} {
		if ok, err := s.SendRequest(kind, true, nil); err != nil || ok {
			t.Errorf("%s: %v, %v", kind, ok, err)
		}
	}
}

func TestSubsystemIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	h := start(t)
	ch, reqs, err := h.login("alice").OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := ch.SendRequest("subsystem", true, gossh.Marshal(execRequest{"sftp"})); err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	said, err := io.ReadAll(ch.Stderr())
	if err != nil || string(said) != "deployerd: sftp: not in this version\n" {
		t.Errorf("stderr %q, %v", said, err)
	}
	for r := range reqs {
		if r.Type == "exit-status" && r.Payload[3] != 2 {
			t.Errorf("exit code %v", r.Payload)
		}
	}
}

func TestVariablesAreCounted(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := h.session(h.login("alice"))
	if err := s.Setenv("LONG", strings.Repeat("x", maxVariable-3)); err == nil {
		t.Error("257 bytes were taken")
	}
	for i := range maxVariables {
		if err := s.Setenv("NAME", strings.Repeat("x", maxVariable-4)); err != nil {
			t.Errorf("variable %d: %v", i+1, err)
		}
	}
	if err := s.Setenv("A", "b"); err == nil {
		t.Error("a seventeenth was taken")
	}
	if err := s.Run("echo"); err != nil {
		t.Error(err)
	}
}

func TestHugeTerminalIsHarmless(t *testing.T) {
	t.Parallel()
	h := start(t)
	for _, p := range []ptyRequest{
		{Term: "xterm", Columns: 65535, Rows: 65535, Width: 1 << 31, Height: 1 << 31},
		{Term: strings.Repeat("x", 10_000), Columns: 80, Rows: 24},
		{Term: "$(reboot)", Columns: 0, Rows: 0},
		{Term: "xterm", Modes: strings.Repeat("\x35\x00\x00", 1000)},
	} {
		s := h.session(h.login("alice"))
		if ok, err := s.SendRequest("pty-req", true, gossh.Marshal(&p)); err != nil || !ok {
			t.Errorf("%.20q: %v, %v", p.Term, ok, err)
		}
		if ok, err := s.SendRequest("pty-req", true, gossh.Marshal(&p)); err != nil || ok {
			t.Errorf("a second terminal: %v, %v", ok, err)
		}
		if out, err := s.Output("echo x"); err != nil || string(out) != "x" {
			t.Errorf("%.20q: %q, %v", p.Term, out, err)
		}
	}
}

func FuzzTerminalFits(f *testing.F) {
	f.Add(gossh.Marshal(&ptyRequest{Term: "xterm-256color", Columns: 80, Rows: 24, Modes: "\x00"}))
	f.Add(gossh.Marshal(&ptyRequest{Term: "\x1b[2J", Columns: 1 << 31, Rows: 0}))
	f.Add([]byte{0, 0, 0, 200, 'x'})
	f.Fuzz(func(t *testing.T, payload []byte) {
		p, ok := fitTerminal(payload)
		if !ok {
			return
		}
		if p.Columns < 1 || p.Columns > maxColumns || p.Rows < 1 || p.Rows > maxRows || !terminalName.MatchString(p.Term) {
			t.Errorf("%+v", p)
		}
	})
}

// A loop of short sessions over one connection must get through, however fast
// the client is; and a flood gets no more than its rate.
func TestFloodIsReadSlowlyAndAnswered(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	begun := time.Now()
	for i := range 2 * requestsASecond {
		if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil || !ok {
			t.Fatalf("request %d: %v, %v", i+1, ok, err)
		}
	}
	if least := time.Second / 2; time.Since(begun) < least {
		t.Errorf("%d requests in less than %s", 2*requestsASecond, least)
	}
	if out, err := h.session(c).Output("echo x"); err != nil || string(out) != "x" {
		t.Errorf("after the flood: %q, %v", out, err)
	}
}

func TestEndOfAFloodIsHeard(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.newRaw().enter("alice", h.keys["alice"])
	c.send(channelRequest(c.openChannel(1<<20), "exec", false, execRequest{"hang"}))
	h.door.lives.waitBegun(1)
	p := channelRequest(0, "signal", false, struct{ Name string }{"INT"})
	for range 2 * requestsASecond {
		c.send(p)
	}
	c.nc.Close()
	if ends := h.door.lives.waitEnds(1); ends[0] != session.ErrLost {
		t.Errorf("ended: %v", ends)
	}
}

func TestBucketGoesIntoDebtAndRecovers(t *testing.T) {
	t.Parallel()
	var b bucket
	now := time.Unix(1, 0)
	for range requestsASecond {
		b.take(now)
	}
	if d := b.debt(now); d != 0 {
		t.Errorf("a second's worth costs %s", d)
	}
	for range requestsASecond / 2 {
		b.take(now)
	}
	if d := b.debt(now); d != time.Second/2 {
		t.Errorf("half a second's worth more costs %s", d)
	}
	if d := b.debt(now.Add(time.Second / 2)); d != 0 {
		t.Errorf("after waiting it still costs %s", d)
	}
}
