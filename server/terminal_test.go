package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

// shown is what a terminal got, for who waits for a text.
type shownText struct {
	mu    sync.Mutex
	cond  *sync.Cond
	text  bytes.Buffer
	ended bool
}

func newShown(r io.Reader) *shownText {
	s := &shownText{}
	s.cond = sync.NewCond(&s.mu)
	go func() {
		_, _ = io.Copy(s, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
		s.cond.Broadcast()
	}()
	return s
}

func (s *shownText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cond.Broadcast()
	return s.text.Write(p)
}

// await returns what was shown up to a text, and forgets it; "" waits for the
// end.
func (s *shownText) await(t *testing.T, text string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if at := strings.Index(s.text.String(), text); text != "" && at >= 0 {
			return string(s.text.Next(at + len(text)))
		}
		if s.ended {
			if text != "" {
				t.Fatalf("%q was never shown; what was: %q", text, s.text.String())
			}
			return s.text.String()
		}
		s.cond.Wait()
	}
}

// living opens a session with a terminal.
func (h *house) living(c *gossh.Client, term string, columns, rows int) (*gossh.Session, io.WriteCloser, *shownText) {
	h.t.Helper()
	s := h.session(c)
	in, err := s.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.RequestPty(term, rows, columns, gossh.TerminalModes{gossh.ECHO: 1}); err != nil {
		h.t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		h.t.Fatal(err)
	}
	return s, in, newShown(out)
}

func TestSSHWithATerminalIsALivingShell(t *testing.T) {
	t.Parallel()
	h := start(t)
	s, in, screen := h.living(h.login("alice"), "xterm-256color", 100, 30)
	screen.await(t, "alice at xterm-256color 100x30 echo true\r\n> ")
	io.WriteString(in, "a b\r")
	screen.await(t, "[a b]\r\n")
	if err := s.WindowChange(50, 200); err != nil {
		t.Fatal(err)
	}
	screen.await(t, "now 200x50\r\n")
	io.WriteString(in, "\x03")
	screen.await(t, "^C\r\n")
	io.WriteString(in, "exit 123\r")
	if code := exitCode(s.Wait()); code != 3 {
		t.Errorf("exit code %d", code)
	}
}

func TestTerminalsNameAndSizeAreMadeHarmless(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	for _, x := range []struct {
		term          string
		columns, rows int
		want          string
	}{
		{"$(reboot)", 0, 0, "alice at dumb 80x24"},
		{strings.Repeat("x", 65), 1, 1, "alice at dumb 1x1"},
		{"", 65535, 65535, "alice at dumb 1000x500"},
	} {
		s, in, screen := h.living(c, x.term, x.columns, x.rows)
		screen.await(t, x.want)
		if err := s.WindowChange(1<<31-1, 1<<31-1); err != nil {
			t.Fatal(err)
		}
		screen.await(t, "now 1000x500")
		io.WriteString(in, "\x04")
		if err := s.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestOnlyTheNewestSizeIsKept(t *testing.T) {
	t.Parallel()
	sizes := make(chan session.Size, 1)
	for i := range 100 {
		newest(sizes, session.Size{Width: i + 1, Height: 1})
	}
	if got := <-sizes; got.Width != 100 {
		t.Errorf("got %v", got)
	}
}

func TestWindowChangesWithoutATakerBlockNothing(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	s, in, screen := h.living(c, "xterm", 80, 24)
	screen.await(t, "> ")
	io.WriteString(in, "hang\r")
	h.door.lives.waitBegun(1)
	for i := range 100 {
		if err := s.WindowChange(20, 20+i); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := h.session(c).Output("echo x"); err != nil || string(out) != "x" {
		t.Errorf("the connection got stuck: %q, %v", out, err)
	}
}

// At a terminal Ctrl-C is a key: a window that is closed must not look like it.
func TestClosingTheWindowLosesTheTerminalAndCancelsNothing(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(c *gossh.Client, s *gossh.Session){
		"the channel":    func(_ *gossh.Client, s *gossh.Session) { s.Close() },
		"the connection": func(c *gossh.Client, _ *gossh.Session) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			c := h.login("alice")
			s, in, screen := h.living(c, "xterm", 80, 24)
			screen.await(t, "> ")
			io.WriteString(in, "hang\r")
			h.door.lives.waitBegun(1)
			leave(c, s)
			if ends := h.door.lives.waitEnds(1); !errors.Is(ends[0], session.ErrLost) {
				t.Errorf("ended with %v", ends[0])
			}
		})
	}
}

// A place among the channels is free again as soon as a shell has ended.
func TestLivingShellsInTurnOnOneConnection(t *testing.T) {
	t.Parallel()
	h := start(t, func(_ *house, o *Options) { o.Limits.ChannelsPerConnection = 1 })
	c := h.login("alice")
	for i := range 5 {
		s, in, screen := h.living(c, "xterm", 80, 24)
		screen.await(t, "> ")
		if i%2 == 0 {
			in.Close() // an end of input is Ctrl-D
		} else {
			io.WriteString(in, "exit\r")
		}
		if err := s.Wait(); err != nil {
			t.Fatal(err)
		}
		s.Close()
		channels := func() (open int) {
			for one := range h.server.clients {
				c := one.(*client)
				c.mu.Lock()
				open += len(c.channels)
				c.mu.Unlock()
			}
			return open
		}
		waitUntil(t, func() bool { h.server.mu.Lock(); defer h.server.mu.Unlock(); return channels() == 0 })
	}
}

func TestAPanicEndsOneLivingShell(t *testing.T) {
	t.Parallel()
	h := start(t)
	c := h.login("alice")
	s, in, screen := h.living(c, "xterm", 80, 24)
	screen.await(t, "> ")
	io.WriteString(in, "panic\r")
	if code := exitCode(s.Wait()); code != exitPanic {
		t.Errorf("exit code %d", code)
	}
	if out, err := h.session(c).Output("echo x"); err != nil || string(out) != "x" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAServerThatStopsEndsLivingShells(t *testing.T) {
	t.Parallel()
	h := start(t)
	_, in, screen := h.living(h.login("alice"), "xterm", 80, 24)
	screen.await(t, "> ")
	io.WriteString(in, "x\r")
	screen.await(t, "[x ]")
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if ends := h.door.lives.waitEnds(1); !errors.Is(ends[0], session.ErrStopping) {
		t.Errorf("ended with %v", ends[0])
	}
}

// Who types without end while nobody reads fills no memory, and leaves nothing.
func TestInputThatNobodyReadsWaits(t *testing.T) {
	t.Parallel()
	h := start(t)
	_, in, screen := h.living(h.login("alice"), "xterm", 80, 24)
	screen.await(t, "> ")
	io.WriteString(in, "hang\r")
	h.door.lives.waitBegun(1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for {
			if _, err := in.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
				return
			}
		}
	}()
	h.serves()
	if err := h.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}
