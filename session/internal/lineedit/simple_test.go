package lineedit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaskedLinesNeverShow(t *testing.T) {
	t.Parallel()
	masked := Prompt{Text: "Password: ", Masked: true}
	runAll(t, []transcript{
		{name: "typed", prompt: masked, do: []string{"secret"}, want: "Password: ‸"},
		{name: "edited", prompt: masked, do: []string{"wrong\x15xsecre\x01\x7fet \x17secret\r"}, events: []string{`line "secret"`}, want: "Password:\nok\nPassword: ‸"},
		{name: "pasted", prompt: masked, do: []string{pasteFrom + "secret\n" + pasteTo + "\r"}, events: []string{`line "secret"`}, want: "Password:\nok\nPassword: ‸"},
		{name: "other keys do nothing", prompt: masked, history: []string{"ls"}, do: []string{"a\x10\x12\x1b[A\x19\x1f\x0b\x1b[Db\r"}, events: []string{`line "ab"`}, want: "Password:\nok\nPassword: ‸"},
		{name: "interrupt", prompt: masked, do: []string{"secret\x03"}, events: []string{"interrupt"}, want: "Password: ^C\nPassword: ‸"},
		{name: "end of file", prompt: masked, do: []string{"a\x04\x7f\x04"}, events: []string{"eof"}, want: "Password:\nPassword: ‸"},
		{name: "resized, with a word above", prompt: masked, do: []string{"secret", resize(8, 5), says("word")}, want: "word\nPassword\n: ‸"},
	})
}

func TestMaskedLinesAreKeptNowhere(t *testing.T) {
	t.Parallel()
	history := NewHistory(nil)
	e := New(Options{History: history})
	e.Start(Prompt{Text: "Password: ", Masked: true})
	e.Feed([]byte("secret\x17secret\x15secret"))
	if line, _ := e.Line(); line != "" {
		t.Errorf("the line tells %q", line)
	}
	if event := e.Feed([]byte("\r")).Event; event.Line != "secret" || event.Kept {
		t.Errorf("the event is %+v", event)
	}
	if len(history.Lines()) > 0 {
		t.Errorf("the history holds %q", history.Lines())
	}
	var out []byte
	out = append(out, e.Start(Prompt{Text: "$ "})...)
	out = append(out, e.Feed([]byte("\x19\x1f\x10\x12sec")).Out...)
	if strings.Contains(string(out), "secret") {
		t.Errorf("it came back: %q", out)
	}
}

func TestAnswersHaveNoHistoryAndNoCompletion(t *testing.T) {
	t.Parallel()
	question := Prompt{Text: "Which? ", Question: true}
	open := Options{Incomplete: func(string) bool { return true }}
	runAll(t, []transcript{
		{name: "keys", prompt: question, history: []string{"ls"}, options: open, do: []string{"a\x10\t\x12b\x02c\r"}, events: []string{`line "acb"`}, want: "Which? acb\nok\nWhich? ‸"},
	})
}

// plainly feeds bytes to a plain editor as a session would and returns all it
// wrote.
func plainly(t *testing.T, options Options, prompt Prompt, keys string, pieces func(string) []string) (string, []string) {
	t.Helper()
	options.Plain = true
	var screen recorder
	o := &owner{t: t, e: New(options), screen: &screen, prompt: prompt}
	o.start()
	for _, piece := range pieces(keys) {
		o.feed([]byte(piece))
	}
	return string(screen.out), o.log
}

type recorder struct{ out []byte }

func (r *recorder) Write(p []byte) (int, error) {
	r.out = append(r.out, p...)
	return len(p), nil
}
func (r *recorder) Resize(int, int)    {}
func (r *recorder) String() string     { return string(r.out) }
func (r *recorder) cursor() (y, x int) { return 0, 0 }

func TestPlain(t *testing.T) {
	t.Parallel()
	open := func(line string) bool { return strings.HasSuffix(line, `\`) }
	cases := []struct {
		name, keys, want string
		options          Options
		prompt           Prompt
		events           []string
	}{
		{name: "no echo", keys: "ls\r\n", want: "$ ok\r\n$ ", events: []string{`line "ls"`}},
		{name: "echo", options: Options{Echo: true}, keys: "ls\r", want: "$ ls\r\nok\r\n$ ", events: []string{`line "ls"`}},
		{name: "backspace", options: Options{Echo: true}, keys: "lx\x7fs", want: "$ lx\b \bs"},
		{name: "backspace over a wide one", options: Options{Echo: true}, keys: "a中\x7f", want: "$ a中\b \b\b \b"},
		{name: "an accent that joins", options: Options{Echo: true}, keys: "ae\u0301", want: "$ ae\b \be\u0301"},
		{name: "no backspace at the start", options: Options{Echo: true}, keys: "\x7fa", want: "$ a"},
		{name: "kill", options: Options{Echo: true}, keys: "ab cd\x17\x15", want: "$ ab cd\b \b\b \b\b \b\b \b\b \b"},
		{name: "arrows are swallowed", options: Options{Echo: true}, keys: "a\x1b[A\x1b[D\x1bOHb", want: "$ ab"},
		{name: "a tab is text", keys: "a\tb\r", want: "$ ok\r\n$ ", events: []string{`line "a\tb"`}},
		{name: "interrupt", options: Options{Echo: true}, keys: "ab\x03", want: "$ ab^C\r\n$ ", events: []string{"interrupt"}},
		{name: "interrupt without echo", keys: "ab\x03", want: "$ \r\n$ ", events: []string{"interrupt"}},
		{name: "end of file", keys: "\x04", want: "$ \r\n$ ", events: []string{"eof"}},
		{name: "colours", prompt: Prompt{Text: "\x1b[1;31mbox\x1b[0m> "}, want: "box> "},
		{name: "masked", options: Options{Echo: true}, prompt: Prompt{Text: "Password: ", Masked: true}, keys: "secret\r", want: "Password: \r\nok\r\nPassword: ", events: []string{`line "secret"`}},
		{name: "continued", options: Options{Incomplete: open}, keys: "a\\\rb\r", want: "$ > ok\r\n$ ", events: []string{`line "a\\\nb"`}},
		{name: "continued with echo", options: Options{Incomplete: open, Echo: true}, keys: "a\\\rb\r", want: "$ a\\\r\n> b\r\nok\r\n$ ", events: []string{`line "a\\\nb"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.prompt.Text == "" {
				c.prompt.Text = "$ "
			}
			got, events := plainly(t, c.options, c.prompt, c.keys, bytewise)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("byte by byte (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.events, events); diff != "" {
				t.Errorf("byte by byte: events (-want +got):\n%s", diff)
			}
			if _, events := plainly(t, c.options, c.prompt, c.keys, whole); !cmp.Equal(c.events, events) {
				t.Errorf("whole: events %q", events)
			}
		})
	}
}

func TestPlainPrintsAndStartsAnew(t *testing.T) {
	t.Parallel()
	e := New(Options{Plain: true, Echo: true})
	var out []byte
	for _, b := range [][]byte{
		e.Print("hello"), e.Start(Prompt{Text: "$ "}), e.Feed([]byte("ab")).Out, e.Print("\x1b[31ma word\x1b[0m\n"), e.Resize(10, 10),
		e.Feed([]byte("c")).Out, e.Redraw(), e.Start(Prompt{Text: "> "}),
	} {
		out = append(out, b...)
	}
	if diff := cmp.Diff("hello\r\n$ ab\r\na word\r\n$ abc$ abc\r\n> ", string(out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
