package lineedit

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
)

// reference draws the line on a high terminal that wraps it by itself, and
// returns its rows and where the cursor belongs.
func reference(e *Editor) (rows []string, y, x int) {
	t := newTerminal(e.width, 4+2*e.width*4+4*len(e.buf.text)+len(e.label)+maxQuery, false)
	write := func(c cell) {
		if c.width > e.width {
			c = cell{text: "?", width: 1}
		}
		if c == rowBreak || c.width > 2 && (t.full || t.x+c.width > t.width) { // such a one is never torn
			_, _ = t.Write([]byte("\r\n"))
		}
		if c == rowBreak {
			return
		}
		_, _ = t.Write([]byte(c.text))
	}
	label := e.label
	if e.search.on {
		label = cells(e.searchPrompt())
	}
	for _, c := range label {
		write(c)
	}
	place := func(width int) (int, int) {
		if width > e.width {
			width = 1
		}
		if t.full || t.x+width > t.width {
			return t.y + 1, 0
		}
		return t.y, t.x
	}
	for i := 0; i < len(e.buf.text); {
		c, size := firstCell(e.buf.text[i:])
		if i == e.buf.at {
			y, x = place(c.width)
		}
		write(c)
		if e.buf.text[i] == '\n' {
			write(rowBreak)
			for _, c := range e.more {
				write(c)
			}
		}
		i += size
	}
	if e.buf.at == len(e.buf.text) {
		y, x = place(1)
	}
	last := max(y, t.y)
	for _, row := range t.rows[:last+1] {
		rows = append(rows, strings.Join(row, ""))
	}
	return rows, y, x
}

// consistent fails the test if the line, the cursor or the screen are not what
// they must be.
func consistent(t *testing.T, e *Editor, screen *terminal) {
	t.Helper()
	if !utf8.Valid(e.buf.text) || len(e.buf.text) > MaxLine {
		t.Fatalf("the line is %q", e.buf.text)
	}
	places := []int{0}
	for g := uniseg.NewGraphemes(string(e.buf.text)); g.Next(); {
		_, to := g.Positions()
		places = append(places, to)
	}
	if !slices.Contains(places, e.buf.at) {
		t.Fatalf("the cursor is at %d of %q", e.buf.at, e.buf.text)
	}
	if len(screen.wrong) > 0 {
		t.Fatalf("%q, drawn with %q", e.buf.text, screen.wrong)
	}
	if !e.active || e.prompt.Masked {
		return
	}
	rows, y, x := reference(e)
	if screen.x != x || screen.full {
		t.Fatalf("the cursor is in column %d and belongs into %d of %q", screen.x, x, rows)
	}
	height := min(len(rows), screen.height)
	top := screen.y - (y - e.top) // where the first row that shows is
	if e.top > y || y >= e.top+height || top < 0 || top+height > screen.height {
		t.Fatalf("%d rows from row %d on, %d of the line, cursor at %d and %d", height, top, e.top, screen.y, y)
	}
	var got []string
	for _, row := range screen.rows[top:] {
		got = append(got, strings.Join(row, ""))
	}
	want := slices.Clone(rows[e.top : e.top+height])
	for len(want) < len(got) {
		want = append(want, strings.Repeat(" ", screen.width))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q at %d (-want +got):\n%s", e.buf.text, e.buf.at, diff)
	}
}

// What in the data of a fuzz test is an order and no key.
const (
	orderResize  = 0xfe // with two more bytes
	orderTimeout = 0xfd
	orderPrint   = 0xfc
)

// scene plays the data and checks after each piece.
func scene(t *testing.T, data []byte, chunk int) []string {
	t.Helper()
	screen := newTerminal(20, 6, false)
	o := &owner{t: t, screen: screen, prompt: Prompt{Text: "\x1b[1malice\x1b[0m > "}}
	o.answers = []Candidate{{Text: "web1", End: " "}, {Text: "web2"}, {Text: "中文", Kind: "*", Doc: "é"}}
	o.e = New(Options{
		Width: 20, Height: 6, NoReflow: true,
		History:    NewHistory([]string{"deploy v1", "中文", "ls -l\n-a"}),
		Incomplete: func(line string) bool { return strings.HasSuffix(line, `\`) },
	})
	o.start()
	for len(data) > 0 {
		switch {
		case data[0] == orderResize && len(data) > 2:
			o.do(resize(int(data[1])%30+1, int(data[2])%10+1), whole)
			data = data[3:]
		case data[0] == orderTimeout:
			o.do(timeout, whole)
			data = data[1:]
		case data[0] == orderPrint:
			o.do(says("word"), whole)
			data = data[1:]
		default:
			n := 1
			for n < len(data) && n < chunk && data[n] < orderPrint {
				n++
			}
			o.feed(data[:n])
			data = data[n:]
		}
		consistent(t, o.e, screen)
	}
	line, _ := o.e.Line()
	return append(o.log, line)
}

func FuzzEditor(f *testing.F) {
	for _, seed := range []string{
		"hello\x01\x1b[C\x7fx\r", "\xfe\x00\x00abc\xfe\x10\x05d", "中文\x02e\u0301\x02🇫🇷👩‍👩‍👧‍👦", "we\t\t1\x1f",
		"\x12dep\x12\xfe\x02\x02\x07", pasteFrom + "a\nb\x03" + pasteTo + "\r", "\x10\x10\x02\x02\\\rx\x17\x19\x1by", "\x1b]0;\xfd\x1b[M123", "a\xfcb\xfe\x01\x01\xfc",
		"\u0301\u200b\u0600a\u0915\u094d\u0937", "\xff\xe4\xb8", "abcdefghijklmnopqrstuvwxyz\x01\x0b\x19\xfe\x03\x03\x19\x14",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 400 {
			return
		}
		one := scene(t, data, 1)
		if diff := cmp.Diff(one, scene(t, data, 50)); diff != "" {
			t.Fatalf("byte by byte and at once (-one +many):\n%s", diff)
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("ab\x7f\x1b[A\r\n\x03\x04"), true, false)
	f.Add([]byte("secret\x15中\x7f\r"), true, true)
	f.Add([]byte(pasteFrom+"a\x1bb\n"+pasteTo), false, false)
	f.Fuzz(func(t *testing.T, data []byte, echo, masked bool) {
		if len(data) > 2000 {
			return
		}
		prompt := Prompt{Text: "$ ", Masked: masked}
		out, one := plainly(t, Options{Echo: echo}, prompt, string(data), bytewise)
		if strings.Contains(out, "\x1b") || !utf8.ValidString(out) {
			t.Fatalf("it wrote %q", out)
		}
		if _, many := plainly(t, Options{Echo: echo}, prompt, string(data), whole); !cmp.Equal(one, many) {
			t.Fatalf("one by one %q, at once %q", one, many)
		}
	})
}

// TestAnyKeys presses keys as a person might, in windows of many sizes.
func TestAnyKeys(t *testing.T) {
	t.Parallel()
	keys := []string{
		"a", "b", " ", "x y", "long-word_and more", "中", "e\u0301", "🇫🇷", "👩‍👩‍👧‍👦", "\t", "\r", "\\\r", "\u202e",
		"\x01", "\x02", "\x04", "\x05", "\x06", "\x07", "\x0b", "\x0c", "\x0e", "\x10", "\x12", "\x13", "\x14", "\x15", "\x17", "\x19", "\x1f", "\x7f", "\x7f",
		"\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[3~", "\x1b[1;5C", "\x1bb", "\x1bd", "\x1b\x7f", "\x1by", "\x03", pasteFrom + "one\ntwo\n" + pasteTo,
		string([]byte{orderTimeout}), string([]byte{orderPrint}), "\xfe\x00\x00", "\xfe\x01\x03", "\xfe\x04\x02", "\xfe\x0c\x05", "\xfe\x13\x05", "\xfe\x1d\x09",
	}
	for seed := range uint64(25) {
		random := rand.New(rand.NewPCG(seed, 1))
		var data []byte
		for range 60 {
			data = append(data, keys[random.IntN(len(keys))]...)
		}
		if diff := cmp.Diff(scene(t, data, 1), scene(t, data, 50)); diff != "" {
			t.Fatalf("seed %d, %q (-one +many):\n%s", seed, data, diff)
		}
	}
}
