package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

func TestExecGetsTheLineByteForByte(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	for _, line := range []string{"", "a 'b  c' \"$d\"  \\ ", "x\ny\x00\xff", strings.Repeat("long ", 10_000)} {
		out, err := h.session(c).Output(line)
		if err != nil || string(out) != line {
			t.Errorf("line %.40q came as %.40q, %v", line, out, err)
		}
	}
}

func TestExitCodeComesAfterAllOutput(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	data := make([]byte, 5<<20)
	rand.Read(data)
	s := h.session(c)
	s.Stdin = bytes.NewReader(data)
	out, err := s.Output("cat")
	if err != nil || !bytes.Equal(out, data) {
		t.Fatalf("%d of %d bytes came back, %v", len(out), len(data), err)
	}
	if got := exitCode(h.session(c).Run("exit 1234567")); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestStandardErrorIsKeptApart(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := h.session(h.login("alice"))
	var stdout, stderr bytes.Buffer
	s.Stdout, s.Stderr = &stdout, &stderr
	if err := s.Run("err oh"); err != nil || stdout.String() != "" || stderr.String() != "oh" {
		t.Errorf("stdout %q, stderr %q, %v", &stdout, &stderr, err)
	}
}

func TestLinesComeFromStandardInput(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := h.session(h.login("alice"))
	var out bytes.Buffer
	s.Stdout = &out
	s.Stdin = strings.NewReader("echo one\nexit 12\necho never\n")
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(s.Wait()); code != 2 || out.String() != "one" {
		t.Errorf("output %q, exit code %d", &out, code)
	}
}

func TestTerminalWithALineRewritesNothing(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := h.session(h.login("alice"))
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	s.Stdin = strings.NewReader("a\nb\r\nc\r")
	out, err := s.Output("cat")
	if err != nil || string(out) != "a\nb\r\nc\r" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestSeveralSessionsOnOneConnection(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	hanging := h.session(c)
	if err := hanging.Start("hang"); err != nil {
		t.Fatal(err)
	}
	h.door.lives.waitBegun(1)
	if out, err := h.session(c).Output("who"); err != nil || string(out) != "alice publickey 127.0.0.1 ssh" {
		t.Fatalf("got %q, %v", out, err)
	}
	if ends := h.door.lives.await(func() bool { return true }); len(ends) != 0 {
		t.Fatalf("the end of one session ended another: %v", ends)
	}
}

func TestClosedChannelIsADisconnectByTheUser(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	s := h.session(c)
	if err := s.Start("hang"); err != nil {
		t.Fatal(err)
	}
	h.door.lives.waitBegun(1)
	s.Close()
	if ends := h.door.lives.waitEnds(1); ends[0] != session.ErrDisconnected {
		t.Errorf("ended with %v", ends[0])
	}
	if _, err := h.session(c).Output("who"); err != nil {
		t.Errorf("the connection does not live on: %v", err)
	}
}

func TestBrokenConnectionIsALoss(t *testing.T) {
	t.Parallel()
	h := start(t)
	nc := h.dial()
	c, err := h.try(nc, "alice", gossh.PublicKeys(h.keys["alice"]))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := h.session(c).Start("hang"); err != nil {
			t.Fatal(err)
		}
	}
	h.door.lives.waitBegun(3)
	nc.Close()
	for _, e := range h.door.lives.waitEnds(3) {
		if e != session.ErrLost {
			t.Errorf("ended with %v", e)
		}
	}
}

func TestReasonOfTheDisconnectCounts(t *testing.T) {
	t.Parallel()
	for reason, want := range map[uint32]error{
		11: session.ErrDisconnected, // SSH_DISCONNECT_BY_APPLICATION
		2:  session.ErrLost,         // SSH_DISCONNECT_PROTOCOL_ERROR
	} {
		h := start(t)
		c := h.newRaw().enter("alice", h.keys["alice"])
		c.send(channelRequest(c.openChannel(1<<20), "exec", false, execRequest{"hang"}))
		h.door.lives.waitBegun(1)
		c.send(append([]byte{msgDisconnect}, gossh.Marshal(struct {
			Reason         uint32
			Text, Language string
		}{reason, "disconnect, reason 11: ", ""})...))
		c.nc.Close()
		if ends := h.door.lives.waitEnds(1); ends[0] != want {
			t.Errorf("reason %d: ended with %v", reason, ends[0])
		}
	}
}

func TestChannelClosedJustBeforeTheEndIsADisconnectByTheUser(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.newRaw().enter("alice", h.keys["alice"])
	ch := c.openChannel(1 << 20)
	c.send(channelRequest(ch, "exec", false, execRequest{"hang"}))
	h.door.lives.waitBegun(1)
	c.send(append([]byte{msgChannelClose}, gossh.Marshal(struct{ Channel uint32 }{ch})...))
	c.nc.Close()
	if ends := h.door.lives.waitEnds(1); ends[0] != session.ErrDisconnected {
		t.Errorf("ended with %v", ends[0])
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	if code := exitCode(h.session(c).Run("panic")); code != 255 {
		t.Errorf("exit code %d, want 255", code)
	}
	if out, err := h.session(c).Output("echo on"); err != nil || string(out) != "on" {
		t.Errorf("after it: %q, %v", out, err)
	}
}

func TestRefusedSessionSaysWhy(t *testing.T) {
	t.Parallel()
	h := start(t, func(h *house, _ *Options) { h.door.refuse = session.ErrTooMany })
	s := h.session(h.login("alice"))
	var stderr bytes.Buffer
	s.Stderr = &stderr
	if code := exitCode(s.Run("who")); code != 254 || stderr.String() != "deployerd: too many sessions of this user\n" {
		t.Errorf("stderr %q, exit code %d", &stderr, code)
	}
}

func TestStuckReaderStopsNobody(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := h.session(h.login("alice"))
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("flood"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	h.serves() // and Shutdown waits for the writer
}

// Who reads nothing does not keep a session that must end: its channel is closed
// under the writer.
func TestStuckReaderLosesASessionThatMustEnd(t *testing.T) {
	t.Parallel()
	rights, revoke := context.WithCancel(context.Background())
	defer revoke()
	h := start(t, func(h *house, _ *Options) { h.door.rights = rights })
	c := h.login("alice")
	s := h.session(c)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("flood"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	revoke()
	if ends := h.door.lives.waitEnds(1); ends[0] != session.ErrRightsEnded {
		t.Errorf("ended: %v", ends)
	}
	if _, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Errorf("the connection went too: %v", err)
	}
}

// Who has windows larger than what the network holds blocks the whole
// connection.
func TestFullConnectionIsClosedWhenItsSessionMustEnd(t *testing.T) {
	t.Parallel()
	rights, revoke := context.WithCancel(context.Background())
	defer revoke()
	h := open(t, func(h *house, _ *Options) { h.door.rights = rights })
	h.server.keepalive = keepalive{every: time.Hour, missed: 1}
	go func() { h.ran <- h.server.Run(context.Background()) }()
	t.Cleanup(func() { h.server.Shutdown(deadline(t)) })
	c := h.newRaw().enter("alice", h.keys["alice"])
	c.send(channelRequest(c.openChannel(1<<31), "exec", false, execRequest{"flood"}))
	c.read()
	revoke()
	if ends := h.door.lives.waitEnds(1); ends[0] != session.ErrRightsEnded {
		t.Errorf("ended: %v", ends)
	}
}
