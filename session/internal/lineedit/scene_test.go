package lineedit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	t.Parallel()
	narrow := Options{Width: 10, Height: 4}
	runAll(t, []transcript{
		{name: "a line wraps", options: narrow, do: []string{"abcdefghijk"}, want: "$ abcdefgh\nijk‸"},
		{name: "a full row", options: narrow, do: []string{"abcdefgh"}, want: "$ abcdefgh\n‸"},
		{name: "and back", options: narrow, do: []string{"abcdefghi\x7f\x7f"}, want: "$ abcdefg‸"},
		{name: "into the middle", options: narrow, do: []string{"abcdefghijklmnop\x01x"}, want: "$ x‸abcdefg\nhijklmnop"},
		{name: "enter leaves no empty row", options: narrow, do: []string{"abcdefgh\r"}, events: []string{`line "abcdefgh"`}, want: "$ abcdefgh\nok\n$ ‸"},
		{name: "enter in the first row leaves all of them", options: narrow, do: []string{"abcdefghij\x01\r"}, events: []string{`line "abcdefghij"`}, want: "$ abcdefgh\nij\nok\n$ ‸"},
		{name: "more than the screen", options: narrow, do: []string{"abcdefgh0123456789ABCDEFGHIJ0123456789xyz"}, want: "0123456789\nABCDEFGHIJ\n0123456789\nxyz‸"},
		{name: "its start", options: narrow, do: []string{"abcdefgh0123456789ABCDEFGHIJ0123456789xyz\x01"}, want: "$ ‸abcdefgh\n0123456789\nABCDEFGHIJ\n0123456789"},
		{name: "killed", options: narrow, do: []string{"abcdefgh0123456789ABCDEFGHIJ0123456789xyz\x01\x0ba"}, want: "$ a‸"},
		{name: "one cell", options: Options{Width: 1, Height: 1}, do: []string{"abc\x02"}, want: "‸c"},
		{name: "a prompt with colours", prompt: Prompt{Text: "\x1b[1;32malice\x1b[0m@box \x1b[31m>\x1b[0m "}, do: []string{"ab\x02c"}, want: "alice@box > ac‸b"},
		{name: "a prompt that would draw", prompt: Prompt{Text: "\x1b[2J\x1b[5> "}, do: []string{"a"}, want: "\\u{1b}[2J\\u{1b}[5> a‸"},
		{name: "a prompt of two rows", prompt: Prompt{Text: "above\n> "}, do: []string{"ab\x15c"}, want: "above\n> c‸"},
		{name: "a prompt longer than the screen", options: narrow, prompt: Prompt{Text: "production.web:web1 > "}, do: []string{"ls -l"}, want: "production\n.web:web1\n> ls -l‸"},
	})
}

func TestSomethingShowsAboveTheLine(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "one row", do: []string{"ab\x02", says("a word from bob"), "c"}, want: "a word from bob\n$ ac‸b"},
		{name: "several, with ends of line of all kinds", do: []string{"ab", says("one\ntwo\r\nthree\n")}, want: "one\ntwo\nthree\n$ ab‸"},
		{name: "above a line of three rows", options: Options{Width: 10, Height: 6}, do: []string{"abcdefghijklmnopqrstuvwxyz\x01", says("word")}, want: "word\n$ ‸abcdefgh\nijklmnopqr\nstuvwxyz"},
		{name: "in a search", history: []string{"abc"}, do: []string{"\x12b", says("word"), "\x05"}, want: "word\n$ abc‸"},
		{name: "in the middle of a key", do: []string{"ab\x1b[", says("word"), "Dc"}, want: "word\n$ ac‸b"},
	})
}

func TestResize(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "wider", options: Options{Width: 10, Height: 5}, do: []string{"abcdefghijklm", resize(20, 5), "n"}, want: "$ abcdefghijklmn‸"},
		{name: "narrower", options: Options{Width: 20, Height: 5}, do: []string{"abcdefghijklm", resize(10, 5), "n"}, want: "$ abcdefgh\nijklmn‸"},
		{name: "lower", options: Options{Width: 10, Height: 6}, do: []string{"abcdefgh0123456789xyz", resize(10, 2), "n"}, want: "0123456789\nxyzn‸"},
		{name: "to one cell and back", options: Options{Width: 10, Height: 4}, do: []string{"abc", resize(1, 1), "d\x02", resize(10, 4)}, want: "$ abc‸d"},
		{name: "in the middle of a key", options: Options{Width: 20, Height: 5}, do: []string{"abcdefghijklm\x1b[", resize(10, 5), "Dn"}, want: "$ abcdefgh\nijkln‸m"},
	})
}

func TestResizeWhereTheTerminalWrapsAnew(t *testing.T) {
	t.Parallel()
	play := func(line string, sizes ...string) string {
		screen := newTerminal(40, 40, true)
		o := &owner{t: t, e: New(Options{Width: 40, Height: 40}), screen: screen, prompt: Prompt{Text: "alice@box production > "}}
		o.write([]byte("one\r\ntwo\r\n"))
		o.start()
		o.do(line, whole)
		for _, size := range sizes {
			o.do(size, whole)
		}
		return picture(screen)
	}
	for _, line := range []string{"", "short", "abcdefghijklmnopqrstuvwxyz0123456789", "中文中文中文中文中文中文中文", "abcdefghijklmnopqrstuvwxyz0123456789\x01", "abcdefghijklmnopqrstuvwxyz0123456789\x1bb"} {
		want := play(line, resize(45, 40))
		for width := 3; width <= 50; width++ {
			if diff := cmp.Diff(want, play(line, resize(width, 40), resize(45, 40))); diff != "" {
				t.Errorf("%q at %d (-want +got):\n%s", line, width, diff)
			}
		}
	}
}

func TestPaste(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "never runs by itself", do: []string{pasteFrom + "one\ntwo\r\nthree\r" + pasteTo}, want: "$ one↵\n> two↵\n> three‸"},
		{name: "runs at Enter, whole", do: []string{pasteFrom + "one\ntwo\n" + pasteTo + "\r"}, events: []string{`line "one\ntwo"`}, want: "$ one↵\n> two\nok\n$ ‸"},
		{name: "keys in it are no keys", do: []string{"ab\x02" + pasteFrom + "x\x03\x04\x1b[Dy\x1b[201" + pasteTo + "z"}, want: "$ ax���[Dy�[201z‸b"},
		{name: "a tab in it completes nothing", do: []string{pasteFrom + "a\tb" + pasteTo}, want: "$ a␉b‸"},
		{name: "is undone at once", do: []string{"ab" + pasteFrom + "cd" + pasteTo + "\x1f"}, want: "$ ab‸"},
		{name: "an end without a beginning", do: []string{"a" + pasteTo + "b"}, want: "$ ab‸"},
		{name: "a pause changes nothing", do: []string{pasteFrom + "one\n", timeout, "two" + pasteTo}, want: "$ one↵\n> two‸"},
	})
}

func TestLineIsBounded(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "$ "})
	fits := strings.Repeat("x", MaxLine-1)
	if out := e.Feed([]byte(pasteFrom + fits + pasteTo)).Out; strings.Contains(string(out), "\a") {
		t.Error("a bell for what fits")
	}
	for _, more := range []string{pasteFrom + "yz" + pasteTo, pasteFrom + strings.Repeat("z", 3*MaxLine) + pasteTo, "yz"} {
		if out := e.Feed([]byte(more)).Out; !strings.Contains(string(out), "\a") {
			t.Errorf("no bell for %d bytes more", len(more))
		}
	}
	if got := e.Feed([]byte("\r")).Event.Line; got != fits+"y" {
		t.Errorf("the line has %d bytes and ends in %q", len(got), got[len(got)-3:])
	}
}

func TestLineIsBoundedByItsPrompt(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "login: ", Limit: 5})
	if got := e.Feed([]byte("ab" + pasteFrom + "cdef" + pasteTo + "cdefgh\r")).Event.Line; got != "abcde" {
		t.Errorf("the line is %q", got)
	}
}

// A stranger may send what is slow to cut into characters: without a bound this
// takes minutes.
func TestLinesMadeToBeSlow(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"\u0301", "🇫", "👩\u200d", "\u0600", "\u202e"} {
		e := New(Options{})
		e.Start(Prompt{Text: "$ "})
		e.Feed([]byte("x\x02"))
		slow := strings.Repeat(c, MaxLine/4/len(c))
		for rest := []byte(slow); len(rest) > 0; {
			n := min(len(rest), 1024)
			e.Feed(rest[:n])
			rest = rest[n:]
		}
		e.Feed([]byte(strings.Repeat("\x1bb\x1bf\x02\x06", 10)))
		if line, _ := e.Line(); len(line) != len(slow)+1 {
			t.Errorf("%q: the line has %d bytes", c, len(line))
		}
	}
}

func TestContinuation(t *testing.T) {
	t.Parallel()
	open := Options{Incomplete: func(line string) bool {
		return strings.Count(line, "'")%2 == 1 || strings.HasSuffix(line, `\`)
	}}
	runAll(t, []transcript{
		{name: "a quote left open", options: open, do: []string{"echo 'a\rb'\r"}, events: []string{`line "echo 'a\nb'"`}, want: "$ echo 'a↵\n> b'\nok\n$ ‸"},
		{name: "a backslash, from the middle", options: open, do: []string{"ls \\\x02\x02\rx"}, want: "$ ls \\↵\n> x‸"},
		{name: "backspace joins", options: open, do: []string{"'a\r\x7fb"}, want: "$ 'ab‸"},
		{name: "interrupt", options: open, do: []string{"'a\rb\x03"}, events: []string{"interrupt"}, want: "$ 'a↵\n> b^C\n$ ‸"},
		{name: "comes back from the history", options: open, do: []string{"'a\rb'\r\x10\x02\x02\x02\x02"}, events: []string{`line "'a\nb'"`}, want: "$ 'a↵\n> b'\nok\n$ '‸a↵\n> b'"},
	})
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	words := []Candidate{{Text: "web1", End: " "}, {Text: "web2", End: " "}, {Text: "worker", End: "/"}}
	documented := []Candidate{{Text: "deploy", Kind: "*", Doc: "Deploys a version.\nSlowly."}, {Text: "destroy", Kind: "*"}, {Text: "de", Kind: "@", Doc: "A property"}}
	var many []Candidate
	for i := range 100 {
		many = append(many, Candidate{Text: fmt.Sprintf("w%02d", i)})
	}
	runAll(t, []transcript{
		{name: "one", answers: words, do: []string{"cd wo\t!"}, events: []string{`complete "cd wo" 5 false`}, want: "$ cd worker/!‸"},
		{name: "in the middle", answers: words, do: []string{"cd wox\x02\t"}, events: []string{`complete "cd wox" 5 false`}, want: "$ cd worker/‸x"},
		{name: "as far as they agree", answers: words, do: []string{"cd we\t1\t"}, events: []string{`complete "cd we" 5 false`, `complete "cd web1" 7 false`}, want: "$ cd web1 ‸"},
		{name: "none", answers: words, do: []string{"x\t\t"}, events: []string{`complete "x" 1 false`, `complete "x" 1 true`}, want: "$ x‸"},
		{name: "the second lists", answers: words, do: []string{"cd w\t\te\x02"}, events: []string{`complete "cd w" 4 false`, `complete "cd w" 4 true`}, want: "$ cd w\nweb1    web2    worker\n$ cd w‸e"},
		{name: "in columns", options: Options{Width: 16}, answers: words, do: []string{"w\t\t"}, events: []string{`complete "w" 1 false`, `complete "w" 1 true`}, want: "$ w\nweb1    worker\nweb2\n$ w‸"},
		{name: "with kind and doc", answers: documented, do: []string{"de\t\t"}, events: []string{`complete "de" 2 false`, `complete "de" 2 true`}, want: "$ de\ndeploy*   Deploys a version.\ndestroy*\nde@       A property\n$ de‸"},
		{name: "more than the screen", options: Options{Width: 12, Height: 6}, answers: many, do: []string{"w\t\t"}, events: []string{`complete "w" 1 false`, `complete "w" 1 true`}, want: "$ w\nw00  w03\nw01  w04\nw02  w05\n... and 94 m\n$ w‸"},
		{name: "accents are no common start", answers: []Candidate{{Text: "ae"}, {Text: "ae\u0301"}}, do: []string{"a\t\t"}, events: []string{`complete "a" 1 false`, `complete "a" 1 true`}, want: "$ a\nae  ae\u0301\n$ a‸", wide: true},
		{name: "more than a line holds", answers: []Candidate{{Text: "a" + strings.Repeat("x", MaxLine)}}, do: []string{"a\t"}, events: []string{`complete "a" 1 false`}, want: "$ a‸"},
		{name: "a tiny screen", options: Options{Width: 3, Height: 1}, answers: many, do: []string{"w\t\t"}, events: []string{`complete "w" 1 false`, `complete "w" 1 true`}, want: "‸"},
		{name: "another key between", answers: words, do: []string{"w\t\x02\x06\t"}, events: []string{`complete "w" 1 false`, `complete "w" 1 false`}, want: "$ w‸"},
		{name: "undo", answers: words, do: []string{"cd wo\t\x1f"}, events: []string{`complete "cd wo" 5 false`}, want: "$ cd wo‸"},
	})
}

func TestCompletionOfAWordThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, from := range []int{-1, 1, 2, 4, 99} { // 1 and 2 are within the character
		e := New(Options{})
		e.Start(Prompt{Text: "$ "})
		e.Feed([]byte("中\t"))
		if out := e.Complete(Completion{From: from, Candidates: []Candidate{{Text: "x"}}}); string(out) != "\a" {
			t.Errorf("from %d: it wrote %q", from, out)
		}
	}
}

func TestCompletionThatComesLate(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "$ "})
	e.Feed([]byte("a\t"))
	e.Feed([]byte("b"))
	if out := e.Complete(Completion{Candidates: []Candidate{{Text: "abc"}}}); len(out) > 0 {
		t.Errorf("it wrote %q", out)
	}
	if line, at := e.Line(); line != "ab" || at != 2 {
		t.Errorf("the line is %q, at %d", line, at)
	}
}
