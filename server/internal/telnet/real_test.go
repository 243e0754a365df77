package telnet

import (
	"strings"
	"testing"
)

func is80x24(term Terminal) bool { return term.Width == 80 && term.Height == 24 && term.Type != "" }

// greets proves what every client can: its size and type come, characters come
// as they are typed, and what is written is shown as it is.
func (s *scene) greets(t *testing.T, term string) {
	t.Helper()
	s.terminal(t, func(now Terminal) bool { return is80x24(now) && now.Type == term })
	s.key(t, "h\u00e9llo\r")
	s.typed.wait(t, "h\u00e9llo\r")
	s.key(t, "x\x03\x1a\x1c\x7f")
	s.typed.wait(t, "llo\rx\x03\x1a\x1c\x7f")
	if !s.session.Negotiated() || !s.session.Echoing() {
		t.Errorf("negotiated %v, echoing %v", s.session.Negotiated(), s.session.Echoing())
	}
	s.say(t, "caf\u00e9 \xff|\r\nnext\rNE")
	s.screen.wait(t, "caf\u00e9 \xff|\r\nnext\rNE")
	if shown, _ := s.screen.look(); strings.Contains(shown, "h\u00e9llo") {
		t.Errorf("the client echoes by itself: %q", shown)
	}
}

func (s *scene) follows(t *testing.T) {
	t.Helper()
	s.resize(t, 200, 50)
	s.terminal(t, func(now Terminal) bool { return now.Width == 200 && now.Height == 50 })
}

func TestInetutilsTelnet(t *testing.T) {
	t.Parallel()
	s := play(t, "inetutils-telnet", "127.0.0.1", "{port}")
	s.greets(t, "xterm-256color")
	s.follows(t)
	for _, tc := range []struct{ command, typed string }{
		{"ip", "\x03"},
		{"brk", "\x03"},
		{"ec", "\x7f"},
		{"el", "\x15"},
		{"eof", "\x04"},
		{"susp", "\x1a"},
		{"abort", "\x1c"},
		{"ao", ""},
		{"ga", ""},
		{"nop", ""},
		{"escape", "\x1d"},
		{"synch", ""}, // urgent data: half of it would eat what follows
	} {
		before, _ := s.typed.look()
		s.command(t, "send "+tc.command)
		s.key(t, "<"+tc.command+">")
		s.typed.wait(t, before+tc.typed+"<"+tc.command+">")
	}
	s.command(t, "send ayt")
	s.screen.wait(t, "[yes]")
	s.command(t, "quit")
	s.ends(t)
}

func TestBusyboxTelnet(t *testing.T) {
	t.Parallel()
	s := play(t, "busybox", "telnet", "127.0.0.1", "{port}")
	s.greets(t, "xterm-256color")
	s.key(t, "\x1d")
	s.screen.wait(t, "exit telnet")
	s.key(t, "e")
	s.ends(t)
}

func TestPlink(t *testing.T) {
	t.Parallel()
	s := play(t, "plink", "-telnet", "-P", "{port}", "127.0.0.1")
	s.greets(t, "xterm")
	s.follows(t)
}

func TestBusyboxNetcat(t *testing.T) {
	t.Parallel()
	s := play(t, "busybox", "nc", "127.0.0.1", "{port}")
	s.key(t, "ls\r")
	s.typed.wait(t, "ls\n")
	s.say(t, "the list\r\n")
	s.screen.wait(t, "the list")
	if s.session.Negotiated() || s.session.Echoing() {
		t.Error("nc is taken for a telnet client")
	}
	s.key(t, "\x03") // its own terminal ends it
	s.ends(t)
}
