package session

import (
	"strings"
	"testing"

	"github.com/deployerd/deployerd/session/run"
)

func TestPastesAreFollowedHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	const text = "a" + pasteBegin + "b\x1b[20" + pasteEnd + "c\x1b" + pasteBegin + pasteEnd
	for i := range len(text) + 1 {
		var p pastes
		var in, out strings.Builder
		for _, rest := range []string{text[:i], text[i:]} {
			for left := []byte(rest); len(left) > 0; {
				part, inside, more := p.cut(left)
				if inside {
					in.Write(part)
				} else {
					out.Write(part)
				}
				left = more
			}
		}
		if in.String() != "b\x1b[20"+pasteEnd+pasteEnd || out.String() != "a"+pasteBegin+"c\x1b"+pasteBegin || p.open {
			t.Errorf("split at %d: %q %q", i, in.String(), out.String())
		}
	}
}

// What is left of a paste whose beginning went to a run, or was thrown away
// with it, is nothing that runs.
func TestHalfAPasteNeverRuns(t *testing.T) {
	t.Parallel()
	flood := strings.Repeat("x", maxAhead/2)
	for name, c := range map[string]struct{ during, after []string }{
		"Ctrl-C in it":          {[]string{pasteBegin + "a\x03env EVIL=1\renv EVIL=2\r" + pasteEnd}, nil},
		"Ctrl-C in it, torn":    {[]string{pasteBegin + "a\x03env EVIL=1\renv"}, []string{" EVIL=2\r" + pasteEnd}},
		"too long":              {[]string{pasteBegin + flood, flood, flood}, []string{flood + "\renv EVIL=1\r", "\r" + pasteEnd}},
		"the mark is torn":      {[]string{"\x1b[20"}, []string{"0~env EVIL=1\renv EVIL=2\r" + pasteEnd + "\x03"}},
		"goes on at the prompt": {[]string{pasteBegin + "env EVIL=1\r"}, []string{"env EVIL=2\r" + pasteEnd + "\x03"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOffice(t)
			started, let := w.stuck(t, "web1")
			p := w.at80x24(t)
			p.types("--run production.web:web1 -- sleep 9\r")
			<-started
			for _, keys := range c.during {
				p.types(keys)
			}
			close(let)
			p.until("the end", func(string) bool { return len(w.engine.List()) == 0 })
			p.sees("/ >")
			for _, keys := range c.after {
				p.types(keys)
			}
			p.types("env\rpwd\r")
			if got := p.sees("> env\nalice@box / > pwd\n/\n"); strings.Contains(got, "EVIL=2\nalice") {
				t.Errorf("%s", got)
			}
			p.types("\x04")
			p.leaves()
		})
	}
}

func TestAPasteIntoATargetEndsWithIt(t *testing.T) {
	t.Parallel()
	p, r := connected(t, newOffice(t))
	p.types(pasteBegin + "half")
	p.sees("half")
	r.Cancel(run.ErrCancelled)
	p.sees("1 cancelled in", "alice@box / >")
	p.types("env EVIL=1\r" + pasteEnd + "pwd\r")
	if got := p.sees("> pwd\n/\n"); strings.Contains(got, "EVIL") {
		t.Errorf("%s", got)
	}
	p.types("\x04")
	p.leaves()
}

// A paste that was begun before a question does not answer it.
func TestAPasteDoesNotAnswerAQuestion(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.types("ask\r" + pasteBegin + "one\r")
	p.sees("[nobody]:")
	p.types("two\r" + pasteEnd + "me\r")
	p.sees("[nobody]: me\n", "Secret:")
	p.types("secret\r")
	p.sees("Size")
	p.types("2\r")
	p.sees("Sure")
	p.types("y\r")
	p.sees("> one↵\n> two")
	p.types("\x15\x03\x04")
	p.leaves()
}
