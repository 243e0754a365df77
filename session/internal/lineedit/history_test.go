package lineedit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecall(t *testing.T) {
	t.Parallel()
	old := []string{"deploy v1", "ls", "deploy v2"}
	runAll(t, []transcript{
		{name: "back and forth", history: old, do: []string{"\x1b[A\x1b[A\x1bOB"}, want: "$ deploy v2‸"},
		{name: "the edited line is kept", history: old, do: []string{"new\x10\x10\x0e\x0e!"}, want: "$ new!‸"},
		{name: "so is what was made of an old one", history: old, do: []string{"\x10!\x10\x0e"}, want: "$ deploy v2!‸"},
		{name: "the ends", history: old[:1], do: []string{"\x10\x10\x10\x0e\x0e\x0ex"}, want: "$ x‸"},
		{name: "lines of this session", do: []string{"one\rtwo\r\x10\x10"}, events: []string{`line "one"`, `line "two"`}, want: "$ one\nok\n$ two\nok\n$ one‸"},
		{name: "undo leads back", history: old, do: []string{"ab\x10\x1f"}, want: "$ ab‸"},
		{name: "long and short lines", options: Options{Width: 10, Height: 5}, history: []string{"x", "abcdefghijklmnopqrstu"}, do: []string{"\x10\x10"}, want: "$ x‸"},
	})
}

func TestSearch(t *testing.T) {
	t.Parallel()
	old := []string{"deploy v1", "ls", "deploy v2", "deploy v2 --sandbox"}
	runAll(t, []transcript{
		{name: "find", history: old, do: []string{"\x12dep"}, want: "(reverse-i-search)`dep': ‸deploy v2 --san\ndbox"},
		{name: "the next", history: old, do: []string{"\x12v2\x12"}, want: "(reverse-i-search)`v2': deploy ‸v2"},
		{name: "and back", history: old, do: []string{"\x12dep\x12\x12\x13"}, want: "(i-search)`dep': ‸deploy v2"},
		{name: "run it", history: old, do: []string{"\x12v1\r"}, events: []string{`line "deploy v1"`}, want: "$ deploy v1\nok\n$ ‸"},
		{name: "edit it", history: old, do: []string{"\x12v1\x05!"}, want: "$ deploy v1!‸"},
		{name: "an arrow leaves and works", history: old, do: []string{"\x12v1\x1b[C-"}, want: "$ deploy v-‸1"},
		{name: "escape leaves", history: old, do: []string{"\x12v1\x1b", timeout, "x"}, want: "$ deploy x‸v1"},
		{name: "Ctrl-G takes all back", history: old, do: []string{"abc\x02\x12v1\x07"}, want: "$ ab‸c"},
		{name: "nothing found", history: old, do: []string{"ab\x12v1zz"}, want: "(failed reverse-i-search)`v1zz': deploy\n‸v1"},
		{name: "a shorter text finds again", history: old, do: []string{"\x12v1\x7f2\x7f\x7f"}, want: "(reverse-i-search)`': ‸"},
		{name: "nothing left to delete", history: old, do: []string{"ab\x12x\x7f\x7f\x7f"}, want: "(reverse-i-search)`': ab‸"},
		{name: "the last search again", history: old, do: []string{"\x12v1\x07\x12\x12"}, want: "(reverse-i-search)`v1': deploy ‸v1"},
		{name: "walk on from what was found", history: old, do: []string{"\x12ls\r\x12ls\x1b[A"}, events: []string{`line "ls"`}, want: "$ ls\nok\n$ deploy v2 --sandbox‸"},
		{name: "interrupt", history: old, do: []string{"\x12v1\x03"}, events: []string{"interrupt"}, want: "$ deploy v1^C\n$ ‸"},
		{name: "undo leads back", history: old, do: []string{"abc\x12v1\x05\x1f"}, want: "$ abc‸"},
	})
}

func TestHistoryKeeps(t *testing.T) {
	t.Parallel()
	h := NewHistory([]string{"a", "a", "", " secret", "\tsecret", "b", "a", "\xff", strings.Repeat("x", MaxLine+1)})
	if diff := cmp.Diff([]string{"a", "b", "a"}, h.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	h := NewHistory(nil)
	for i := range maxHistoryLines + 10 {
		h.Add(fmt.Sprint(i))
	}
	if lines := h.Lines(); len(lines) != maxHistoryLines || lines[0] != "10" {
		t.Errorf("%d lines from %s on", len(lines), lines[0])
	}
	for i := range 20 {
		h.Add(strings.Repeat(string(rune('a'+i)), MaxLine))
	}
	if n := len(strings.Join(h.Lines(), "")); n > maxHistoryBytes {
		t.Errorf("%d bytes", n)
	}
}

func TestLineSaysWhetherItWasKept(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.Start(Prompt{Text: "$ "})
	for line, want := range map[string]bool{"ls": true, " ls": false, "": false} {
		if got := e.Feed([]byte(line + "\r")).Event; got.Kept != want || got.Line != line {
			t.Errorf("%q: kept %v as %q", line, got.Kept, got.Line)
		}
	}
	e.Start(Prompt{Text: "Sure? ", Question: true})
	if e.Feed([]byte("yes\r")).Event.Kept {
		t.Error("an answer is in the history")
	}
}
