package lineedit

import (
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "text", do: []string{"hello"}, want: "$ hello‸"},
		{name: "enter", do: []string{"hello\r"}, events: []string{`line "hello"`}, want: "$ hello\nok\n$ ‸"},
		{name: "two lines at once, ends of line of all kinds", do: []string{"a\r\nb\nc\r\x00d"}, events: []string{`line "a"`, `line "b"`, `line "c"`}, want: "$ a\nok\n$ b\nok\n$ c\nok\n$ d‸"},
		{name: "an empty line", do: []string{"\r\r"}, events: []string{`line ""`, `line ""`}, want: "$\nok\n$\nok\n$ ‸"},
		{name: "home and end", do: []string{"bc\x01a\x05d"}, want: "$ abcd‸"},
		{name: "home and end of every terminal", do: []string{"m\x1b[H1\x1b[F2\x1b[1~3\x1b[4~4\x1b[7~5\x1b[8~6\x1bOH7\x1bOF8"}, want: "$ 7531m2468‸"},
		{name: "left and right", do: []string{"abd\x02c\x06e\x1b[D\x1b[D\x1bOD-\x1b[C\x1bOC+"}, want: "$ ab-cd+‸e"},
		{name: "left at the start and right at the end stay", do: []string{"ab\x02\x02\x02x\x06\x06\x06\x06y"}, want: "$ xaby‸"},
		{name: "delete", do: []string{"abcdef\x01\x04\x1b[3~\x06\x1b[3~"}, want: "$ c‸ef"},
		{name: "both backspaces", do: []string{"abcd\x7f\x08"}, want: "$ ab‸"},
		{name: "words", do: []string{"one two-three four\x1bb\x1bb\x1bbX\x1bfY"}, want: "$ one XtwoY‸-three four"},
		{name: "words with arrows", do: []string{"one two three\x1b[1;5D\x1b[1;3DX\x1b[1;5CY\x1b[1;3C\x1b\x1b[DZ"}, want: "$ one XtwoY Z‸three"},
		{name: "words with the arrows of rxvt", do: []string{"one two three\x1bOd\x1bOdX\x1bOcY"}, want: "$ one XtwoY‸ three"},
		{name: "kill a word", do: []string{"one two-three four\x17\x1b\x7f\x1b\x08\x01\x1bd"}, want: "$ ‸"},
		{name: "kill a blank word and yank it", do: []string{"a one-two \x17\x19\x19"}, want: "$ a one-two one-two ‸"},
		{name: "kill to end and start", do: []string{"abcdef\x02\x02\x02\x0b\x02\x15\x05\x19"}, want: "$ cab‸"},
		{name: "killed in a row comes back as one", do: []string{"one two three\x02\x17\x17\x0b\x15\x19"}, want: "$ one two three‸"},
		{name: "yank what was killed before", do: []string{"a\x15b\x15c\x15\x19\x1by\x1by-\x19"}, want: "$ a-c‸"},
		{name: "transpose", do: []string{"ab\x14c\x01\x06\x14"}, want: "$ ab‸c"},
		{name: "the keypad and held keys", do: []string{"one two\x01\x1b[3;5~\x1bO5C\x1b[1;2D\x1b[3$\x1b[3^x\x1bOM"}, events: []string{`line " twx"`}, want: "$  twx\nok\n$ ‸"},
		{name: "undo", do: []string{"abc\x17def\x1f\x1f"}, want: "$ abc‸"},
		{name: "undo to nothing and beyond", do: []string{"abc\x1f\x1f\x1fx"}, want: "$ x‸"},
		{name: "interrupt", do: []string{"abc\x02\x03d"}, events: []string{"interrupt"}, want: "$ abc^C\n$ d‸"},
		{name: "end of file only in an empty line", do: []string{"a\x04\x7f\x04"}, events: []string{"eof"}, want: "$\n$ ‸"},
		{name: "suspend keeps the line", do: []string{"ab\x1ac"}, events: []string{"suspend"}, want: "$ abc‸"},
		{name: "clear", do: []string{"a\rbc\x02\x0c"}, events: []string{`line "a"`, "clear"}, want: "$ b‸c"},
	})
}

func TestSequencesLeaveNoCharacters(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "function keys", do: []string{"a\x1bOP\x1b[11~\x1b[[A\x1b[24;5~\x1b[15^\x1b[23$\x1b[2~\x1b[5~b"}, want: "$ ab‸"},
		{name: "the mouse and focus", do: []string{"a\x1b[M !!\x1b[<0;10;20M\x1b[<0;10;20m\x1b[I\x1b[Ob"}, want: "$ ab‸"},
		{name: "answers that nobody asked for", do: []string{"a\x1b[24;80R\x1b[?1;2c\x1b[?2026;2$y\x1b]11;rgb:0000/0000/0000\x1b\\\x1b]10;x\x07\x1bP1+r544e\x1b\\b"}, want: "$ ab‸"},
		{name: "eight bit controls", do: []string{"ab\u009bDc\u009d0;x\x07d"}, want: "$ acd‸b"},
		{name: "long parameters", do: []string{"a\x1b[99;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20~b"}, want: "$ ab‸"},
		{name: "Alt and a character of several bytes", do: []string{"a\x1béb\x1b中c"}, want: "$ abc‸"},
		{name: "Alt and what has no meaning", do: []string{"a\x1bq\x1b1\x1b \x1b.b"}, want: "$ ab‸"},
		{name: "a lone escape", do: []string{"a\x1b", timeout, "b"}, want: "$ ab‸"},
		{name: "an arrow that comes in pieces", do: []string{"ab\x1b[", timeout, "Dc"}, want: "$ ac‸b"},
		{name: "a string that never ends", do: []string{"a\x1b]", timeout, "b\x1bPxyz\rc"}, events: []string{`line "ab"`}, want: "$ ab\nok\n$ c‸"},
		{name: "controls behind an escape", do: []string{"ab\x1b\x03c\x1b\rd"}, events: []string{"interrupt", `line "c"`}, want: "$ ab^C\n$ c\nok\n$ d‸"},
		{name: "an interrupt within a sequence", do: []string{"ab\x1b[1;\x03c\x1bO\x03d"}, events: []string{"interrupt", "interrupt"}, want: "$ ab^C\n$ c^C\n$ d‸"},
		{name: "what is no UTF-8 shows", do: []string{"a\xffb\xe4\xb8c\xc3\r"}, events: []string{`line "a�b��c�"`}, want: "$ a�b��c�\nok\n$ ‸"},
	})
}

func TestCharacters(t *testing.T) {
	t.Parallel()
	runAll(t, []transcript{
		{name: "AltGr and dead keys are text", do: []string{"@€ñ\x02é"}, want: "$ @€é‸ñ"},
		{name: "wide", wide: true, do: []string{"中文字\x02\x02x\x1b[3~"}, want: "$ 中x‸字"},
		{name: "combining", wide: true, do: []string{"e\u0301x\x02\x02a\x05\x7f\x7f"}, want: "$ a‸"},
		{name: "an accent typed later joins", wide: true, do: []string{"ex\x02\u0301y"}, want: "$ e\u0301y‸x"},
		{name: "a letter before an accent joins", wide: true, do: []string{"\u0301\x01ex"}, want: "$ e\u0301x‸"},
		{name: "emoji", wide: true, do: []string{"a👩‍👩‍👧‍👦b🇫🇷c👍🏽d\x02\x7f\x02\x7f\x02\x7f"}, want: "$ a‸bcd"},
		{name: "what cannot be seen shows", wide: true, do: []string{"a\u202eb\u200bc\u0301"}, want: `$ a\u{202e}b\u{200b}c` + "\u0301‸"},
		{name: "a joke of accents", wide: true, do: []string{"a" + strings.Repeat("\u0301", 100) + "b\x02\x7f"}, want: "$ ‸b"},
		{name: "a wide character does not stand on two rows", wide: true, options: Options{Width: 5, Height: 4}, do: []string{"ab中\x02"}, want: "$ ab\n‸中"},
		{name: "a screen too narrow for it", wide: true, options: Options{Width: 1, Height: 4}, do: []string{"中a\x02"}, want: "$\n\n?\n‸a"},
	})
}

func TestAccentsAreWholeCharacters(t *testing.T) {
	t.Parallel()
	b := buffer{limit: MaxLine}
	b.set("e\u0301\u0302", 1)
	if b.at != len("e\u0301\u0302") {
		t.Errorf("the cursor stands within a character, at %d", b.at)
	}
}
