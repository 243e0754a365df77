package session

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, grüße 世界":    "plain text, grüße 世界",
		"tab\tstays":              "tab\tstays",
		"a\x00b\x07c\rd\ne":       `a\x00b\x07c\x0dd\x0ae`,
		"\x1b]0;title\x07":        `\x1b]0;title\x07`,
		"\x1b[2J\x1b[31mred":      `\x1b[2J\x1b[31mred`,
		"del\x7f c1\u009b \u202e": `del\x7f c1\u{9b} \u{202e}`,
		"\u2066\u200f\u061c":      `\u{2066}\u{200f}\u{61c}`,
		"bad\xff\xc3":             `bad\xff\xc3`,
		"real \uFFFD":             "real \uFFFD",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestColoursPassAndAreSwitchedOff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\x1b[31mred\x1b[0m":                     "\x1b[31mred\x1b[0m",
		"\x1b[1;38:5:9mred\x1b[m":                "\x1b[1;38:5:9mred\x1b[m",
		"\x1b[31mred":                            "\x1b[31mred\x1b[0m",
		"\x1b[2Kx":                               `\x1b[2Kx`,
		"\x1b[?25lx":                             `\x1b[?25lx`,
		"\x1b[31":                                `\x1b[31`,
		"\x1b[" + strings.Repeat("1;", 40) + "m": `\x1b[` + strings.Repeat("1;", 40) + "m",
	} {
		if got := string(appendPrintable(nil, []byte(in), true)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func mark(pieces ...[]byte) string {
	m := marker{mark: "web1: "}
	var got []byte
	for _, p := range pieces {
		got = m.write(got, p)
	}
	return string(m.end(got))
}

// Whatever pieces the bytes come in, the lines are the same.
func TestMarkedLinesDoNotDependOnPieces(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                       "",
		"one\n":                  "web1: one\n",
		"one\ntwo":               "web1: one\nweb1: two\n",
		"\n\nx\n":                "web1: \nweb1: \nweb1: x\n",
		"a\x1b[31mb\n grü\xffße": "web1: a\x1b[31mb\x1b[0m\nweb1:  grü\\xffße\n",
		"x\r\n":                  "web1: x\\x0d\n",
	} {
		whole := []byte(in)
		if got := mark(whole); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := mark(bytes.SplitAfter(whole, nil)...); got != want && utf8.ValidString(in) {
			t.Errorf("%q character by character: %q, want %q", in, got, want)
		}
		for i := range whole {
			if got := mark(whole[:i], whole[i:]); got != want {
				t.Errorf("%q split at %d: %q, want %q", in, i, got, want)
			}
		}
	}
}

func TestLongLinesAreCutWithoutLoss(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", maxMarked) + "\x1b[31mred\x1b[0m" + strings.Repeat("x", maxMarked)
	got := mark([]byte(long + "\nnext\n"))
	if strings.ReplaceAll(strings.ReplaceAll(got, "web1: ", ""), "\n", "") != long+"next" {
		t.Error("bytes were lost, torn or changed")
	}
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "web1: ") || len(line) > maxMarked+20 {
			t.Errorf("a line of %d bytes: %.40q", len(line), line)
		}
	}
	if bytewise := mark(bytes.SplitAfter([]byte(long+"\nnext\n"), nil)...); bytewise != got {
		t.Error("it depends on the pieces")
	}
}

func FuzzMarker(f *testing.F) {
	f.Add([]byte("one\ntwo\x1b[31m\xff\u202e"), 3)
	f.Add(bytes.Repeat([]byte("\xe4\xb8\x96"), maxMarked/2), 70000)
	f.Add([]byte("\x1b[0m\r\n\x1b]52;c;x\a"), 1)
	f.Fuzz(func(t *testing.T, data []byte, split int) {
		if split < 0 || split > len(data) {
			split = len(data) / 2
		}
		whole := mark(data)
		if got := mark(data[:split], data[split:]); got != whole {
			t.Fatalf("split at %d: %q, want %q", split, got, whole)
		}
		checkHarmless(t, whole, true)
		checkHarmless(t, printable(string(data)), false)
	})
}

// checkHarmless looks for what a terminal would obey.
func checkHarmless(t *testing.T, text string, colours bool) {
	t.Helper()
	for i, r := range text {
		switch {
		case r == 0x1b && colours && sgr([]byte(text[i:min(len(text), i+maxSGR)])) > 0, r == '\n' && colours, r == '\t':
		case isControl(r), isTricky(r), r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			t.Fatalf("%q at byte %d of %q", r, i, text)
		}
	}
}
