package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host/hosttest"
)

func shownAs(pieces ...[]byte) string {
	var s stream
	var got []byte
	for _, p := range pieces {
		got = s.write(got, p)
	}
	return string(s.end(got))
}

// Whatever pieces the output comes in, the screen gets the same.
func TestAStreamDoesNotDependOnPieces(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                       "",
		"one\r\ntwo\rx\r\n":                      "one\ntwo\\x0dx\n",
		"grüße 世界":                               "grüße 世界",
		"\xff\xc3":                               `\xff\xc3`,
		"\x1b[31mred\nnot\x1b[0m\n":              "\x1b[31mred\x1b[0m\nnot\x1b[0m\n",
		"\x1b[1;31mopen":                         "\x1b[1;31mopen\x1b[0m",
		"\x1b]0;t\x07\x1b[2J\x1b[6n\x1b":         `\x1b]0;t\x07\x1b[2J\x1b[6n\x1b`,
		"\x1b[" + strings.Repeat("1;", 40) + "m": `\x1b[` + strings.Repeat("1;", 40) + "m",
		"\u202e\u009b":                           `\u{202e}\u{9b}`,
	} {
		whole := []byte(in)
		if got := shownAs(whole); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		var bytewise [][]byte
		for i := range whole {
			bytewise = append(bytewise, whole[i:i+1])
			if got := shownAs(whole[:i], whole[i:]); got != want {
				t.Errorf("%q split at %d: %q, want %q", in, i, got, want)
			}
		}
		if got := shownAs(bytewise...); got != want {
			t.Errorf("%q byte by byte: %q, want %q", in, got, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("\x1b[31mred\r\n\xc3"), 3)
	f.Add([]byte("\x1b\x1b[\x1b[1;"), 1)
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		if at < 0 || at > len(data) {
			return
		}
		whole, split := shownAs(data), shownAs(bytes.Clone(data[:at]), data[at:])
		if whole != split {
			t.Errorf("%q, split at %d: %q", whole, at, split)
		}
		if rest := withoutColours([]byte(whole)); bytes.ContainsFunc(rest, func(r rune) bool { return r != '\n' && r != '\t' && isControl(r) }) {
			t.Errorf("%q", rest)
		}
	})
}

// Output without end that nobody reads any more is neither kept nor in the way.
func TestOutputWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	for _, name := range []string{"web1", "web2", "web3"} {
		w.fakes[name].On("flood", hosttest.Answer{Stdout: strings.Repeat(strings.Repeat(name, 200)+"\n", 5000)})
	}
	p := w.sit(t, "alice", Terminal{Term: "dumb", Echo: true})
	p.prompted("/")
	p.mu.Lock()
	stall := make(chan struct{})
	p.stall = stall
	p.mu.Unlock()
	p.types("--run production.web -- flood\r")
	p.hangs(ErrLost)
	close(stall)
	if code := p.leaves(); code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	for _, i := range w.engine.List() {
		if r, ok := w.engine.Get(i.Run); ok {
			<-r.Done()
		}
	}
}

// Many people at once, each at something else, then gone: TestMain finds what
// they leave behind.
func TestManyShells(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	var people []*person
	for i := range 50 {
		p := w.sit(t, "alice", Terminal{Term: []string{"xterm", "dumb", "", "linux"}[i%4], Echo: i%4 != 2})
		people = append(people, p)
		p.types([]string{"--run production.web -- sleep 1\r", "production.web version\r", "prod\t\t", "ls -R\rw\r", "'open\r"}[i%5])
	}
	for i, p := range people {
		switch i % 3 {
		case 0:
			p.hangs(ErrLost)
		case 1:
			p.types("\x03\x03\x03exit\r")
		default:
			p.types("\x03\x04")
			p.cancel(ErrStopping)
		}
	}
	for _, p := range people {
		p.leaves()
	}
	if got := w.Sessions(); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

// goneScreen is a screen that is gone.
type goneScreen struct{}

func (goneScreen) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAScreenThatIsGone(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	keys := make(chan []byte, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	s := w.open(t, ctx, "alice")
	keys <- []byte("--run production.web -- id\rls\r")
	cancel(ErrLost)
	if code := s.Shell(Terminal{Input: keys, Term: "xterm", Echo: true, Out: goneScreen{}}); code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	close(keys)
	s = w.open(t, t.Context(), "alice")
	if code := s.Shell(Terminal{Input: keys, Term: "xterm", Echo: true, Out: goneScreen{}}); code != exitUnknown && code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestThePromptsColours(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.types("production.web:web1\r..\r/staging\r/\r")
	p.until("the root", func(string) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.HasSuffix(p.raw.String(), "x") || strings.Count(p.raw.String(), "alice@box") == 5
	})
	p.types("\x04")
	p.leaves()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, want := range []string{"\x1b[1malice@box\x1b[0m / > ", "\x1b[31mproduction\x1b[0m.\x1b[31mweb:web1\x1b[0m > ", "\x1b[33mstaging\x1b[0m > "} {
		if !strings.Contains(p.raw.String(), want) {
			t.Errorf("no %q in %q", want, p.raw.String())
		}
	}
}

func TestWhoAsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, _, code := w.exec(t, "alice", "--json w", "")
	want := `[{"session":"1","user":"alice","from":"10.0.0.9","transport":"ssh","place":"/","running":"","since":"`
	if code != 0 || !strings.HasPrefix(out, want) || !strings.Contains(out, `"idle_seconds":0`) {
		t.Errorf("%d %s", code, out)
	}
}

func TestGroupsInTheSummary(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	for i, name := range []string{"web1", "web2", "web3"} {
		w.fakes[name].On("say-same", hosttest.Answer{Stdout: "a\nb\n"})
		w.fakes[name].On("say-each", hosttest.Answer{Stdout: fmt.Sprintln(i)})
		w.fakes[name].On("say-fail", hosttest.Answer{Code: 2, Stderr: "no\n"})
	}
	w.fakes["web2"].On("say-odd", hosttest.Answer{Stdout: "x\ny\nz\n"})
	p := w.sit(t, "alice", Terminal{Term: "dumb", Echo: true})
	after := func(line, want string) {
		t.Helper()
		p.types(line + "\r")
		p.until(want, func(screen string) bool {
			return strings.HasSuffix(settle(screen), strings.ReplaceAll(want, "\n", "\r\n"))
		})
	}
	after("--run production.web -- say-same", "b\n3 ok in T (run ID)\nalice@box / > ")
	after("--run production.web -- say-each", "\n3 ok in T (run ID)\nalice@box / > ")
	after("--run production.web -- say-odd", "web[1,3]: no output\nweb2: 3 lines of its own\n3 ok in T (run ID)\nalice@box / > ")
	after("--run production.web -- say-fail", "\nproduction.web --run: web[1-3]: exit status 2\n  | no\n3 failed in T (run ID)\nalice@box / > ")
	p.types("\x04")
	p.leaves()
}
