package lineedit

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
)

// display is what a person looks at.
type display interface {
	io.Writer
	Resize(width, height int)
	String() string
	cursor() (y, x int)
}

// vt is the emulation of another author, with one cell for each code point.
type vt struct{ vt10x.Terminal }

func (v vt) cursor() (y, x int) { return v.Cursor().Y, v.Cursor().X }

func (v vt) String() string {
	var rows [][]string
	for _, row := range strings.Split(strings.TrimSuffix(v.Terminal.String(), "\n"), "\n") {
		rows = append(rows, []string{row})
	}
	return screenText(rows)
}

// owner uses an editor as a session does: every line is answered and another
// one asked for.
type owner struct {
	t       *testing.T
	e       *Editor
	screen  display
	prompt  Prompt
	answers []Candidate
	log     []string // of the events
}

func (o *owner) write(out []byte) {
	if _, err := o.screen.Write(out); err != nil {
		o.t.Fatal(err)
	}
}

func (o *owner) start() { o.write(o.e.Start(o.prompt)) }

func (o *owner) feed(in []byte) {
	for {
		step := o.e.Feed(in)
		o.write(step.Out)
		o.event(step.Event)
		if in = step.Rest; len(in) == 0 {
			return
		}
	}
}

func (o *owner) event(event Event) {
	switch event.Kind {
	case Line:
		o.log = append(o.log, fmt.Sprintf("line %q", event.Line))
		o.write([]byte("ok\r\n"))
		o.start()
	case Interrupt:
		o.log = append(o.log, "interrupt")
		o.start()
	case EOF:
		o.log = append(o.log, "eof")
		o.start()
	case Suspend:
		o.log = append(o.log, "suspend")
	case ClearScreen:
		o.log = append(o.log, "clear")
	case Complete:
		o.log = append(o.log, fmt.Sprintf("complete %q %d %v", event.Line, event.Cursor, event.Again))
		o.write(o.e.Complete(o.complete(event)))
	}
}

// complete finds the candidates for the last word.
func (o *owner) complete(event Event) Completion {
	from := strings.LastIndexByte(event.Line[:event.Cursor], ' ') + 1
	var found []Candidate
	for _, c := range o.answers {
		if strings.HasPrefix(c.Text, event.Line[from:event.Cursor]) {
			found = append(found, c)
		}
	}
	return Completion{From: from, Candidates: found}
}

// do is one thing that happens: keys, or an order to the owner that begins
// with a NUL.
func (o *owner) do(what string, pieces func(string) []string) {
	order, isOrder := strings.CutPrefix(what, "\x00")
	var width, height int
	switch {
	case !isOrder:
		for _, piece := range pieces(what) {
			o.feed([]byte(piece))
		}
	case order == "timeout":
		o.write(o.e.Timeout())
	case strings.HasPrefix(order, "print "):
		o.write(o.e.Print(order[len("print "):]))
	default:
		if _, err := fmt.Sscanf(order, "resize %d %d", &width, &height); err != nil {
			o.t.Fatal(err)
		}
		o.screen.Resize(width, height)
		o.write(o.e.Resize(width, height))
	}
}

const (
	timeout   = "\x00timeout"
	pasteFrom = "\x1b[200~"
	pasteTo   = "\x1b[201~"
)

func resize(width, height int) string { return fmt.Sprintf("\x00resize %d %d", width, height) }
func says(text string) string         { return "\x00print " + text }

// transcript is a scene: what is typed, and what then stands on the screen.
type transcript struct {
	name    string
	options Options
	history []string
	prompt  Prompt
	answers []Candidate
	do      []string
	events  []string
	want    string // the screen, with ‸ for the cursor
	wide    bool   // the other emulation counts it wrongly
}

func (c *transcript) play(t *testing.T, screen display, pieces func(string) []string) *owner {
	t.Helper()
	options := c.options
	options.History = NewHistory(c.history)
	options.NoReflow = true
	o := &owner{t: t, e: New(options), screen: screen, prompt: c.prompt, answers: c.answers}
	if o.prompt.Text == "" {
		o.prompt.Text = "$ "
	}
	o.start()
	for _, what := range c.do {
		o.do(what, pieces)
	}
	return o
}

// picture is the screen with the cursor in it.
func picture(d display) string {
	y, x := d.cursor()
	rows := strings.Split(d.String(), "\n")
	for len(rows) <= y {
		rows = append(rows, "")
	}
	var out strings.Builder
	for _, c := range cells(rows[y]) {
		if x == 0 {
			out.WriteString("‸")
		}
		x -= c.width
		out.WriteString(c.text)
	}
	for ; x > 0; x-- {
		out.WriteByte(' ')
	}
	rows[y] = out.String()
	if x == 0 && !strings.Contains(rows[y], "‸") {
		rows[y] += "‸"
	}
	return strings.Join(rows, "\n")
}

func (c *transcript) check(t *testing.T, how string, pieces func(string) []string) {
	t.Helper()
	width, height := size(c.options.Width, 40), size(c.options.Height, 10)
	c.options.Width, c.options.Height = width, height
	ours := newTerminal(width, height, false)
	displays := []display{ours}
	if !c.wide {
		displays = append(displays, vt{vt10x.New(vt10x.WithSize(width, height))})
	}
	for _, d := range displays {
		o := c.play(t, d, pieces)
		if diff := cmp.Diff(c.events, o.log); diff != "" {
			t.Fatalf("%s: events (-want +got):\n%s", how, diff)
		}
		if diff := cmp.Diff(c.want, picture(d)); diff != "" {
			t.Fatalf("%s: %T (-want +got):\n%s", how, d, diff)
		}
	}
	if ours.wraps > 0 || len(ours.wrong) > 0 {
		t.Fatalf("%s: the terminal wrapped %d times; wrong: %q", how, ours.wraps, ours.wrong)
	}
}

func whole(s string) []string { return []string{s} }

func bytewise(s string) []string {
	var out []string
	for i := range len(s) {
		out = append(out, s[i:i+1])
	}
	return out
}

// run plays a scene whole, byte by byte, and with each key part cut in two at
// every place.
func (c *transcript) run(t *testing.T) {
	c.check(t, "whole", whole)
	c.check(t, "byte by byte", bytewise)
	longest := 0
	for _, what := range c.do {
		longest = max(longest, len(what))
	}
	for i := 1; i < longest; i++ {
		c.check(t, fmt.Sprintf("split at %d", i), func(s string) []string {
			if i >= len(s) {
				return []string{s}
			}
			return []string{s[:i], s[i:]}
		})
	}
}

func runAll(t *testing.T, cases []transcript) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}
