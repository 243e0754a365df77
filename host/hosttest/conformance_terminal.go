package hosttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host"
)

// terminalCases are what every kind of host does the same way with a terminal.
var terminalCases = []conformanceCase{
	{"terminal", givesTerminal},
	{"terminal's resizes", followsSize},
	{"terminal without a name", namelessTerminal},
	{"terminal's keys", passesKeys},
	{"terminal's exit", terminalExits},
	{"ten megabytes through a terminal", tenMegabytes},
	{"terminal held in the background", heldTerminal},
	{"terminal whose input has no end", typingGoesOn},
	{"kill a terminal", killsTerminal},
	{"kill a login shell", killsLogin},
	{"login shell", loginShell},
	{"no terminal has no size", sizeless},
}

// screen is a terminal's output for tests, which can be waited for.
type screen struct {
	mu   sync.Mutex
	news chan struct{} // closed at the next Write
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
	return s.text.Write(b)
}

// String is all output so far, unchanged.
func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) look() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news == nil {
		s.news = make(chan struct{})
	}
	return s.text.String(), s.news
}

// shows waits until text has been written.
func (s *screen) shows(t testing.TB, text string) {
	t.Helper()
	late := time.After(conformanceTime)
	for {
		all, news := s.look()
		if strings.Contains(all, text) {
			return
		}
		select {
		case <-news:
		case <-late:
			t.Fatalf("%q does not come, only %q", text, all)
		}
	}
}

// terminal is a command in a terminal.
type terminal struct {
	host.Process
	*screen
	keys *io.PipeWriter
}

func open(t *testing.T, h host.Host, line host.Line, p host.Pty) *terminal {
	t.Helper()
	in, keys := io.Pipe()
	t.Cleanup(func() { _ = keys.Close() })
	term := &terminal{screen: &screen{}, keys: keys}
	ctx, cancel := context.WithTimeout(t.Context(), conformanceTime)
	defer cancel()
	process, err := h.Start(ctx, line, host.IO{Stdin: in, Stdout: term.screen, Stderr: neverWriter{t}, Pty: &p})
	if err != nil {
		t.Fatalf("start in a terminal: %v", err)
	}
	term.Process = process
	return term
}

func openCommand(t *testing.T, h host.Host, command string) *terminal {
	t.Helper()
	line, err := host.Context{}.Line(command)
	must(t, err)
	return open(t, h, line, host.Pty{Term: "xterm-256color", Width: 91, Height: 33})
}

func (o *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(o.keys, keys); err != nil {
		t.Fatal(err)
	}
}

func (o *terminal) ends(t *testing.T, want host.Exit) {
	t.Helper()
	exit, err := await(t, o.Process)
	if err != nil || exit != want {
		t.Errorf("%v %v, want %v; the screen: %q", exit, err, want, o.String())
	}
}

// neverWriter is the stderr of a terminal.
type neverWriter struct{ t *testing.T }

func (n neverWriter) Write(b []byte) (int, error) {
	n.t.Errorf("%q was written to the stderr of a terminal", b)
	return len(b), nil
}

func givesTerminal(t *testing.T, h host.Host) {
	o := openCommand(t, h, `stty size; echo "$TERM"; test -t 0 && test -t 1 && test -t 2 && echo all >&2`)
	o.ends(t, host.Exit{})
	if got, want := o.String(), "33 91\r\nxterm-256color\r\nall\r\n"; got != want {
		t.Errorf("the screen is %q, not %q", got, want)
	}
}

func followsSize(t *testing.T, h host.Host) {
	o := openCommand(t, h, `trap w=1 WINCH; echo ready; while :; do sleep 0.05; if [ -n "$w" ]; then w=; stty size; fi; done`)
	o.shows(t, "ready")
	must(t, o.Resize(120, 40))
	o.shows(t, "40 120\r\n")
	must(t, o.Resize(5000, -1))
	o.shows(t, "1 1000\r\n")
	kill(t, o.Process)
	_, err := await(t, o.Process)
	must(t, err)
	if o.Resize(80, 24) == nil {
		t.Error("a terminal that is gone was resized")
	}
}

func namelessTerminal(t *testing.T, h host.Host) {
	line, err := host.Context{}.Line(`echo "$TERM"; stty size`)
	must(t, err)
	o := open(t, h, line, host.Pty{Term: "x$(id)"})
	o.ends(t, host.Exit{})
	if got, want := o.String(), "dumb\r\n1 1\r\n"; got != want {
		t.Errorf("the screen is %q, not %q", got, want)
	}
}

func passesKeys(t *testing.T, h host.Host) {
	o := openCommand(t, h, `(trap 'echo quit' QUIT; read -r line; echo "got $line"); bash -c 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done'; echo "code $?"`)
	o.press(t, "wörd\r")
	o.shows(t, "got wörd\r\n")
	o.shows(t, "ready\r\n")
	o.press(t, "\x03")
	o.shows(t, "interrupted\r\n")
	_, err := await(t, o.Process)
	must(t, err)
}

func terminalExits(t *testing.T, h host.Host) {
	for _, code := range []int{0, 3, 255} {
		openCommand(t, h, fmt.Sprintf("exit %d", code)).ends(t, host.Exit{Code: code})
	}
	openCommand(t, h, "kill -TERM $$; sleep 60").ends(t, host.Exit{Code: 143, Signal: "TERM"})
}

func tenMegabytes(t *testing.T, h host.Host) {
	const size = 10 << 20
	o := openCommand(t, h, fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x; echo; echo end", size))
	o.ends(t, host.Exit{})
	got, ok := strings.CutSuffix(o.String(), "\r\nend\r\n")
	if n := strings.Count(got, "x"); !ok || n != size || len(got) != size {
		t.Errorf("%d of %d bytes came, and %d others", n, size, len(got)-n)
	}
}

// heldTerminal: what is left behind does not hold Wait up.
func heldTerminal(t *testing.T, h host.Host) {
	o := openCommand(t, h, "trap '' HUP; sleep 1000 & echo pid $!; exit 5")
	o.ends(t, host.Exit{Code: 5})
	pid := strings.TrimSpace(strings.TrimPrefix(o.String(), "pid "))
	perform(t, h, host.Context{}, "kill "+pid, nil)
}

func typingGoesOn(t *testing.T, h host.Host) {
	o := openCommand(t, h, "read -r a; echo got $a; read -r -t 0.3 b || echo nothing more")
	o.press(t, "one\n")
	must(t, o.keys.Close())
	o.shows(t, "nothing more\r\n")
	_, err := await(t, o.Process)
	must(t, err)
}

func kill(t *testing.T, p host.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), conformanceTime)
	defer cancel()
	if err := p.Kill(ctx); err != nil {
		t.Errorf("kill: %v", err)
	}
}

// gone waits until a process has ended. A zombie has.
func gone(t *testing.T, h host.Host, pid string) {
	t.Helper()
	got := perform(t, h, host.Context{}, fmt.Sprintf("for i in $(seq 200); do case $(ps -o stat= -p %s) in ''|Z*) echo gone; exit;; esac; sleep 0.05; done", pid), nil)
	expect(t, got, outcome{Stdout: "gone\n"})
}

func pidOn(t *testing.T, o *terminal) string {
	t.Helper()
	o.shows(t, " end\r\n")
	all := o.String() // of an interactive shell also the command as typed
	pid, _, _ := strings.Cut(all[strings.LastIndex(all, "pid=")+len("pid="):], " end")
	return pid
}

func killsTerminal(t *testing.T, h host.Host) {
	o := openCommand(t, h, "trap '' HUP TERM; sleep 1000 & echo pid=$! end; wait; sleep 1000")
	pid := pidOn(t, o)
	kill(t, o.Process)
	o.ends(t, host.Exit{Code: 137, Signal: "KILL"})
	gone(t, h, pid)
}

// killsLogin: what runs in the foreground of an interactive shell is in a
// group of its own.
func killsLogin(t *testing.T, h host.Host) {
	line, err := host.Context{}.Line("exec bash --noprofile --norc -i")
	must(t, err)
	o := open(t, h, line, host.Pty{Term: "dumb", Width: 200, Height: 24})
	o.press(t, "sh -c 'echo pid=$$ \"end\"; exec sleep 1000'\r")
	pid := pidOn(t, o)
	kill(t, o.Process)
	if exit, err := await(t, o.Process); err != nil || exit.Code == 0 {
		t.Errorf("%v %v, want it killed", exit, err)
	}
	gone(t, h, pid)
}

func loginShell(t *testing.T, h host.Host) {
	folder := t.TempDir()
	c, err := host.Context{}.Cd(folder, false).Setenv("AWFUL", "a'b $HOME", true)
	must(t, err)
	line, err := c.LoginShell()
	must(t, err)
	o := open(t, h, line, host.Pty{Term: "dumb", Width: 1000, Height: 24})
	o.press(t, `printf '<%s>\n' "$PWD" "$AWFUL"; exit 7`+"\r")
	o.ends(t, host.Exit{Code: 7})
	for _, want := range []string{"<" + folder + ">\r\n", "<a'b $HOME>\r\n"} {
		if !strings.Contains(o.String(), want) {
			t.Errorf("%q does not show %q", o.String(), want)
		}
	}
	if strings.Contains(o.String(), "deployerd:") {
		t.Errorf("the announcement is shown: %q", o.String())
	}
}

func sizeless(t *testing.T, h host.Host) {
	p := begin(t, h, host.Context{}, "exit 0", host.IO{})
	if p.Resize(80, 24) == nil {
		t.Error("what has no terminal was resized")
	}
	_, err := await(t, p)
	must(t, err)
}
