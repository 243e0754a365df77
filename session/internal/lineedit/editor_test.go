package lineedit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatComesBehindALineIsForTheNextReader(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"vim\r\n:q\r": ":q\r", "vim\r\x00:q\r": ":q\r", "vim\n:q\r": ":q\r", "vim\r": "", "vim\r\n": "", "vim\r\r": "\r"} {
		e := New(Options{})
		e.Start(Prompt{Text: "$ "})
		step := e.Feed([]byte(in))
		if step.Event.Line != "vim" || string(step.Rest) != want {
			t.Errorf("%q: line %q, rest %q", in, step.Event.Line, step.Rest)
		}
	}
}

func TestTheOtherHalfOfAnEnterDrawsNothing(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "$ "})
	e.Feed([]byte("vim\r"))
	if out := e.Feed([]byte("\n")).Out; len(out) > 0 {
		t.Errorf("it wrote %q", out)
	}
}

func TestNothingShowsBetweenLines(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	if out := e.Resize(10, 10); len(out) > 0 {
		t.Errorf("a resize drew %q", out)
	}
	if out := string(e.Print("one\ntwo")); out != "one\r\ntwo\r\n" {
		t.Errorf("a word was %q", out)
	}
	if out := e.Redraw(); len(out) > 0 {
		t.Errorf("a redraw drew %q", out)
	}
	if out := e.Print(""); len(out) > 0 {
		t.Errorf("nothing was %q", out)
	}
}

func TestStartGivesUpTheLineBefore(t *testing.T) {
	t.Parallel()
	screen := newTerminal(20, 5, false)
	o := &owner{t: t, e: New(Options{Width: 20, Height: 5}), screen: screen, prompt: Prompt{Text: "$ "}}
	o.start()
	o.feed([]byte("abcdefghijklmnopqrstuvwxyz"))
	o.prompt = Prompt{Text: "Sure? "}
	o.start()
	o.feed([]byte("y"))
	if diff := cmp.Diff("Sure? y‸", picture(screen)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRedrawAfterSomethingElse(t *testing.T) {
	t.Parallel()
	screen := newTerminal(20, 5, false)
	o := &owner{t: t, e: New(Options{Width: 20, Height: 5}), screen: screen, prompt: Prompt{Text: "$ "}}
	o.start()
	o.feed([]byte("abc\x02"))
	o.write([]byte("\x1b[H\x1b[2J"))
	o.write(o.e.Redraw())
	if diff := cmp.Diff("$ ab‸c", picture(screen)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"": false, "a": false, "\x1b": true, "\x1b\x1b": true, "\x1b[": false, "\x1b[1;": false, "\x1bO": false, "\x1b]0;": true, "\xe4\xb8": false, pasteFrom + "a\x1b": false} {
		e := New(Options{})
		e.Start(Prompt{})
		e.Feed([]byte(in))
		if got := e.Waiting(); got != want {
			t.Errorf("%q: %v", in, got)
		}
		e.Timeout()
		if e.Waiting() {
			t.Errorf("%q: still after the time-out", in)
		}
	}
}

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	t.Parallel()
	e := New(Options{Width: 80, Height: 24})
	e.Start(Prompt{Text: "\x1b[32malice\x1b[0m > "})
	for _, c := range []struct{ keys, want string }{
		{"a", "a"},
		{"bc", "bc"},
		{"\x02", "\b"},
		{"x", "xc\b"},
		{"\x7f", "\bc\x1b[K\b"},
		{"\x01", "\x1b[2D"},
		{"\x06\x02", ""},
		{"\x05", "\x1b[3C"},
		{"\x05", ""},
		{"\x7f\x7f\x7f\x7f", "\x1b[3D\x1b[K\a"},
	} {
		if diff := cmp.Diff(c.want, string(e.Feed([]byte(c.keys)).Out)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.keys, diff)
		}
	}
}

func TestSizesThatAreUnknownOrAbsurd(t *testing.T) {
	t.Parallel()
	for _, side := range []int{-1, 0, 1, 65535, 1 << 40} {
		e := New(Options{Width: side, Height: side})
		e.Start(Prompt{Text: "$ "})
		e.Feed([]byte("abc"))
		if out := e.Resize(side, side); !strings.HasSuffix(string(out), "c") && side != 1 {
			t.Errorf("%d: %q", side, out)
		}
	}
}

func TestKillRingAndUndoAreBounded(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "$ "})
	big := strings.Repeat("x", MaxLine-10)
	for range 100 {
		e.Feed([]byte(pasteFrom + big + pasteTo + "\x15a\x7f"))
	}
	if n := len(e.ring.texts); n > maxRing {
		t.Errorf("%d killed texts", n)
	}
	sum := 0
	for _, s := range e.undo.states {
		sum += len(s.text)
	}
	if sum > maxUndo {
		t.Errorf("%d bytes to undo", sum)
	}
}
