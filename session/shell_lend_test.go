package session

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// connected is a person in a target's terminal that repeats what is typed.
func connected(t *testing.T, w *world) (p *person, r *run.Run) {
	t.Helper()
	started := make(chan struct{})
	w.fakes["web1"].Default(hosttest.Answer{Stdout: "welcome\r\n", Cat: true, OnStart: func() { close(started) }})
	p = w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
	p.types("--connect production.web:web1\r")
	<-started
	p.sees("welcome")
	r, _ = w.engine.Get(w.engine.List()[0].Run)
	return p, r
}

func TestATargetsTerminal(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p, r := connected(t, w)
	p.types("raw \x1b[31mred\x1b[0m \x03\x1a\x1c.")
	p.until("raw bytes", func(string) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return strings.Contains(p.raw.String(), "raw \x1b[31mred\x1b[0m \x03\x1a\x1c.")
	})
	p.resize(100, 30)
	for len(w.fakes["web1"].Ptys()) < 2 && t.Context().Err() == nil {
		runtime.Gosched() // the target has no word for it
	}
	p.types("x")
	p.sees(".x")
	if got := w.Sessions()[0].Running; got != "production.web:web1 --connect" {
		t.Errorf("runs %q", got)
	}
	r.Cancel(run.ErrCancelled) // the remote shell's end
	p.sees("x\n", "1 cancelled in", "alice@box / >")
	p.types("pwd\r")
	p.sees("pwd\n/\n")
	want := []host.Pty{{Term: "xterm", Width: 80, Height: 24}, {Term: "xterm", Width: 100, Height: 30}}
	if diff := cmp.Diff(want, w.fakes["web1"].Ptys()); diff != "" {
		t.Error(diff)
	}
	p.types("\x04")
	p.leaves()
	intents := w.records(t, journal.Intent)
	if len(intents) != 1 || !strings.Contains(intents[0], "--connect") {
		t.Errorf("%q", intents)
	}
}

// Whatever a target has done to the terminal, the prompt is a prompt again.
func TestTheTerminalIsSaneAfterwards(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.fakes["web1"].Default(hosttest.Answer{Stdout: "\x1b[?1049h\x1b[?25l\x1b[31mvim", Lost: true})
	p := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
	p.types("--connect production.web:web1\r")
	p.sees("was lost", "alice@box / >")
	p.mu.Lock()
	raw := p.raw.String()
	p.mu.Unlock()
	if !strings.Contains(raw, "vim\x1b[?1049l"+sane+pastesOn+"\r\n") {
		t.Errorf("%q", raw)
	}
	p.types("\x04")
	p.leaves()
}

// The code of a remote shell is no failure.
func TestARemoteShellThatEnds(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.fakes["web1"].Default(hosttest.Answer{Stdout: "logout\r\n", Code: 3})
	p := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
	p.types("--connect production.web:web1\r")
	p.sees("web:web1\nlogout\nalice@box / >")
	p.types("--connect production.web\r")
	p.sees("  1  web1\n  2  web2\n  3  web3\nWhich host:")
	p.types("7\r")
	p.sees("type 1 to ")
	p.types("\x03")
	p.prompted("/")
	p.types("--connect production.web\rweb1\r")
	p.sees("Which host: web1\nlogout\nalice@box / >")
	p.types("--connect production.web\r\x04")
	p.prompted("/")
	p.types("\x04")
	p.leaves()
}

func TestLeavingATargetsTerminal(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(p *person){
		"lost":         func(p *person) { p.hangs(ErrLost) },
		"disconnected": func(p *person) { p.hangs(ErrDisconnected) },
		"idle":         func(p *person) { p.s.end(ErrIdle) },
		"rights":       func(p *person) { p.s.end(ErrRightsEnded) },
		"end of keys":  func(p *person) { close(p.keys) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := connected(t, newOffice(t))
			p.types("half")
			leave(p)
			p.leaves()
			<-r.Done() // the remote shell does not stay
		})
	}
}

// A session that must end in the middle of vim leaves a terminal that is one,
// and says why; what ended with it is not said to go on.
func TestASessionThatEndsInATargetsTerminal(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{ErrIdle, ErrRightsEnded} {
		w := newOffice(t)
		let := make(chan struct{})
		t.Cleanup(func() { close(let) })
		w.fakes["web1"].Default(hosttest.Answer{Stdout: "\x1b[?1049h\x1b[?25lvim", Block: let})
		p := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
		p.types("--connect production.web:web1\r")
		p.sees("vim")
		p.s.end(cause)
		if code := p.leaves(); code != exitRefused {
			t.Errorf("%v: exit code %d", cause, code)
		}
		p.mu.Lock()
		_, raw, _ := strings.Cut(p.raw.String(), "vim")
		p.mu.Unlock()
		want := "\x1b[?1049l" + sane + pastesOn + "\r\n" + pastesOff + "\x1b[1m" + cause.Error() + "\x1b[0m\r\n"
		if diff := cmp.Diff(want, raw); diff != "" {
			t.Errorf("%v (-want +got):\n%s", cause, diff)
		}
	}
}

func TestTheOtherScreenIsFollowed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "\x1b[?1049h": "\x1b[?1049l", "a\x1b[?1049hb\x1b[?1049l": "", "\x1b[?47h": "\x1b[?47l",
		"\x1b[?1049l\x1b[?1047hx": "\x1b[?1047l", "\x1b[?1049h\x1b[?47l": "", "?1049h": "",
	} {
		for i := range len(text) + 1 {
			r := &rawWriter{d: &display{out: io.Discard}}
			for _, part := range []string{text[:i], text[i:]} {
				if _, err := r.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.end(); got != want {
				t.Errorf("%q split at %d: %q", text, i, got)
			}
		}
	}
}

// A target that reads nothing holds back what is typed, and loses none of it.
func TestAKeyboardIsBounded(t *testing.T) {
	t.Parallel()
	k := newKeyboard()
	k.put(make([]byte, maxAhead))
	if !k.full() {
		t.Error("it takes without end")
	}
	buf := make([]byte, 10)
	if n, err := k.Read(buf); n != 10 || err != nil || k.full() {
		t.Errorf("%d %v", n, err)
	}
	<-k.room
	read := make(chan error)
	empty := newKeyboard()
	go func() {
		_, err := empty.Read(buf)
		read <- err
	}()
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != io.EOF {
		t.Errorf("%v", err)
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
	p.types("ask\r")
	p.sees("web1: Name\\x1b[2J [nobody]:")
	p.types("me\r")
	p.sees("Secret:")
	p.types("hunter2\r")
	p.sees("  1  small\n  2  large\nSize [small]:")
	p.types("3\r")
	p.sees("type 1 to ")
	p.types("2\r")
	p.sees("Sure? (y/n) [no]:")
	p.types("y\r")
	p.sees("me 7 1 true\nalice@box / >")
	if got := p.screen(); strings.Contains(got, "hunter2") {
		t.Errorf("the password shows:\n%s", got)
	}
	p.types("ask\r")
	p.sees("true\nalice@box / > ask\nweb1: Name")
	p.types("\x03")
	p.sees("cancelled", "alice@box / >")
	p.types("\x10\x10")
	if got := p.sees("/ > "); strings.Contains(got, "> me") {
		t.Errorf("an answer is in the history:\n%s", got)
	}
	p.types("\x15\x04")
	p.leaves()
}

// What happens meanwhile is told above the question, which stays.
func TestWordsDuringAQuestion(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.types("ask\r")
	p.sees("[nobody]:")
	p.types("hal\x1a")
	p.sees(noBackground + "\nweb1: Name\\x1b[2J [nobody]: hal")
	w.Stop()
	p.sees("the daemon is stopping; this run may still end by itself\nweb1: Name\\x1b[2J [nobody]: hal")
	p.types("\x03")
	p.prompted("/")
	p.types("\x04")
	p.leaves()
}

func TestAHostIsNamedOnceInAQuestion(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{"exit status 3": "web1: exit status 3: ", "web1: exit status 3": "web1: exit status 3: "} {
		q := question{Question: node.Question{Label: label, Host: "web1", Kind: node.AskInput}}
		if got := q.text(); got != want {
			t.Errorf("%q: %q", label, got)
		}
	}
}

func TestLeavingAQuestion(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(p *person){
		"lost":         func(p *person) { p.hangs(ErrLost) },
		"disconnected": func(p *person) { p.hangs(ErrDisconnected) },
		"rights":       func(p *person) { p.s.end(ErrRightsEnded) },
		"end of keys":  func(p *person) { close(p.keys) },
		"Ctrl-D":       func(p *person) { p.types("\x04"); p.prompted("/"); p.types("\x04") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOffice(t)
			p := w.at80x24(t)
			p.types("ask\r")
			p.sees("Name")
			r, _ := w.engine.Get(w.engine.List()[0].Run)
			leave(p)
			p.leaves()
			<-r.Done()
		})
	}
}

// Without a person the defaults answer.
func TestQuestionsWithoutAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{{line: "ask", out: "nobody 0 0 false\n"}})
}
