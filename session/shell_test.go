package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/run"
)

func TestAShell(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.prompted("/")
	p.types("cd production.web:web1\r")
	p.prompted("production.web:web1")
	p.types("..\rpwd\r")
	p.prompted("production")
	p.types("-\r")
	p.prompted("production.web:web1")
	p.types("ls\r")
	p.sees("broke")
	got := p.prompted("production.web:web1")
	want := `deployerd 1.2.3 on box: you are alice.
help lists the commands, Tab completes, Ctrl-D leaves.
alice@box / > cd production.web:web1
alice@box production.web:web1 > ..
alice@box production > pwd
/production
alice@box production > -
alice@box production.web:web1 > ls
deploy
version
logs
broke
alice@box production.web:web1 >`
	if got != want {
		t.Errorf("%s", got)
	}
	p.types("exit\r")
	if code := p.leaves(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWrongLinesAtAPrompt(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.types("prodution\rls production 'x\r")
	p.sees("prodution: no such node or action here; did you mean production?", "\n>")
	p.types("\x03monitor\rjobs &\r \r")
	got := p.sees("jobs: not in this version")
	if strings.Contains(got, "deployerd: ") {
		t.Errorf("a mark that nobody needs here:\n%s", got)
	}
	p.types("\x04")
	p.leaves()
}

func TestSeveralHostsAtATerminal(t *testing.T) {
	t.Parallel()
	for _, size := range []Size{{80, 24}, {20, 5}, {200, 50}} {
		w := newOffice(t)
		let := make(chan struct{})
		for _, name := range []string{"web1", "web2"} {
			w.fakes[name].On("version", hosttest.Answer{Stdout: "v1\n"})
		}
		w.fakes["web3"].On("version", hosttest.Answer{Stdout: "\x1b[31mred\x1b[2J\nlast words", Code: 3, Block: let})
		// vt10x cuts rows and does not wrap them anew, as xterm does.
		p := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true, Size: size})
		p.types("--run production.web -- version\r")
		status := "running 1, done 2, waiting on web3 ("
		p.sees(strings.TrimSpace(status[:min(len(status), size.Width-1)]))
		if size.Width == 80 {
			p.resize(30, 10)
			p.sees("running 1, done 2, waiting on")
			p.resize(80, 24)
		}
		close(let)
		p.prompted("/")
		if size.Width != 80 {
			p.types("\x04")
			p.leaves()
			continue
		}
		screen := settle(p.screen())
		for _, want := range []string{
			"web1: v1\n", "web3: red\\x1b[2J\n", "web3: last words\n",
			"web[1-2]: v1\nproduction.web --run: web3: exit status 3\n  | red\\x1b[2J\n  | last words\n2 ok, 1 failed in T (run ID)\nalice@box / >",
		} {
			if !strings.Contains(screen, want) {
				t.Errorf("no %q in\n%s", want, screen)
			}
		}
		if strings.Contains(screen, "running") {
			t.Errorf("the status is still there:\n%s", screen)
		}
		p.types("\x04")
		p.leaves()
	}
}

func TestOneHostAtATerminal(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	let := make(chan struct{})
	w.fakes["web1"].On("half", hosttest.Answer{Stdout: "one\r\n\x1b]0;title\x07half", Block: let})
	p := w.at80x24(t)
	p.types("--run production.web:web1 -- half\r")
	p.sees(`\x1b]0;title\x07half`)
	close(let)
	p.prompted("/")
	p.sees("one\n\\x1b]0;title\\x07half\nalice@box / >")
	p.types("\x04")
	p.leaves()
}

// A run that does not end, and what can be done about it.
func (w *world) stuck(t *testing.T, name string) (started chan struct{}, let chan struct{}) {
	t.Helper()
	started, let = make(chan struct{}), make(chan struct{})
	w.fakes[name].On("sleep", hosttest.Answer{Block: let, OnStart: func() { close(started) }})
	return started, let
}

func TestCtrlCCancelsAndReturnsToThePrompt(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	started, _ := w.stuck(t, "web1")
	p := w.at80x24(t)
	p.types("--run production.web -- sleep 1000\rdropped\r")
	<-started
	p.types("dropped too\r\x03pwd\r")
	got := p.sees(" cancelled in ", "pwd\n/\nalice@box / >")
	if strings.Contains(got, "dropped: no such") {
		t.Errorf("what was typed before Ctrl-C was done:\n%s", got)
	}
	p.types("\x04")
	p.leaves()
}

func TestTwoCtrlCStopWaiting(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	started, let := make(chan struct{}), make(chan struct{})
	w.fakes["web2"].On("sleep", hosttest.Answer{Block: let, OnStart: func() { close(started) }, KillErr: context.DeadlineExceeded})
	p := w.at80x24(t)
	p.types("--run production.web:web2 -- sleep 1000\r")
	<-started
	p.types("\x03\x03")
	p.sees("web2: not waited for any more, whether it ended is unknown (run ")
	p.prompted("/")
	close(let)
	p.types("\x04")
	p.leaves()
}

func TestTypeAhead(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	started, let := w.stuck(t, "web1")
	p := w.at80x24(t)
	p.types("--run production.web:web1 -- sleep 1000\r")
	<-started
	p.types("pw")
	p.types("d\r")
	p.types("\x1a")
	p.sees("not in this version; Ctrl-C cancels")
	p.types("\x1b[200~ls\rls\r\x1b[201~")
	close(let)
	p.sees("pwd\n/\n", "> ls") // the paste waits for Enter
	if got := p.screen(); strings.Contains(got, "staging") {
		t.Errorf("a paste ran by itself:\n%s", got)
	}
	p.types("\x03\x04")
	p.leaves()
}

func TestTooMuchTypedAheadIsNotHalfDone(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	started, let := w.stuck(t, "web1")
	p := w.at80x24(t)
	p.types("--run production.web:web1 -- sleep 1000\r")
	<-started
	for range maxAhead/1024 + 1 {
		p.types(strings.Repeat("noop #\r#", 128))
	}
	close(let)
	p.sees("more was typed than is kept: none of it is done")
	p.prompted("/")
	p.types("\x04")
	p.leaves()
}

// Every way to leave ends the shell, and leaves nothing behind (TestMain looks
// for goroutines).
func TestWaysToLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leave func(p *person)
		code  int
		word  string
	}{
		"exit":           {func(p *person) { p.types("exit\r") }, 0, ""},
		"return":         {func(p *person) { p.types("return\r") }, 0, ""},
		"Ctrl-D":         {func(p *person) { p.types("\x04") }, 0, ""},
		"the input ends": {func(p *person) { close(p.keys) }, 0, ""},
		"lost":           {func(p *person) { p.hangs(ErrLost) }, exitUnknown, ""},
		"disconnected":   {func(p *person) { p.hangs(ErrDisconnected) }, exitUnknown, ""},
		"in a key":       {func(p *person) { p.types("abc\x1b["); p.hangs(ErrLost) }, exitUnknown, ""},
		"in a list":      {func(p *person) { p.types("\t\t"); p.hangs(ErrLost) }, exitUnknown, ""},
		"the daemon stops": {func(p *person) {
			ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
			defer cancel()
			p.w.End(ctx)
		}, exitRefused, "the daemon is stopping"},
		"the account ends": {func(p *person) {
			state := *p.w.state.Load()
			state.Users = users(p.t, "bob")
			p.w.Swap(state)
		}, exitRefused, "the account was removed or disabled"},
		"idle": {func(p *person) { p.s.end(ErrIdle) }, exitRefused, "the session was idle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newOffice(t)
			p := w.at80x24(t)
			p.prompted("/")
			c.leave(p)
			if code := p.leaves(); code != c.code {
				t.Errorf("exit code %d", code)
			}
			if !strings.HasSuffix(p.screen(), c.word) {
				t.Errorf("%s", p.screen())
			}
			if got := w.Sessions(); len(got) > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestWaysToLeaveDuringARun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leave func(p *person)
		code  int
		left  bool // the run goes on
		word  string
	}{
		"lost":         {func(p *person) { p.hangs(ErrLost) }, exitUnknown, true, ""},
		"disconnected": {func(p *person) { p.hangs(ErrDisconnected) }, exitUnknown, false, ""},
		"idle":         {func(p *person) { p.s.end(ErrIdle) }, exitRefused, true, "the session was idle"},
		"the account ends": {func(p *person) {
			state := *p.w.state.Load()
			state.Users = users(p.t, "bob")
			p.w.Swap(state)
		}, exitRefused, true, "the account was removed or disabled"},
	} {
		for _, line := range []string{"--run production.web:web1 -- sleep 9", "--run production.web -- sleep 9"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newOffice(t)
				started, let := w.stuck(t, "web1")
				p := w.at80x24(t)
				p.types(line + "\r")
				<-started
				r, _ := w.engine.Get(w.engine.List()[0].Run)
				c.leave(p)
				if code := p.leaves(); code != c.code {
					t.Errorf("exit code %d\n%s", code, p.screen())
				}
				want := line + "\nrun " + r.ID() + " is left to itself\n" + c.word
				if c.word != "" && !strings.HasSuffix(p.screen(), want) {
					t.Errorf("%s", p.screen())
				}
				if c.left {
					close(let)
				}
				<-r.Done()
				if got := r.Outcome().Status; (got == run.OK) != c.left {
					t.Errorf("the run: %s", got)
				}
			})
		}
	}
}

func TestAPanicEndsOneSession(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	other := w.at80x24(t)
	w.o.Reload = func(context.Context) error { panic("boom") }
	p := w.at80x24(t)
	p.types("reload\r")
	if code := p.leaves(); code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	p.sees("something went wrong inside deployerd")
	other.types("pwd\r")
	other.sees("pwd\n/\n")
	other.types("\x04")
	other.leaves()
}

// A screen that stands still stops neither the cancel nor the end.
func TestAScreenThatStandsStill(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	started, _ := w.stuck(t, "web1")
	p := w.at80x24(t)
	p.types("--run production.web:web1 -- sleep 1000\r")
	<-started
	r, _ := w.engine.Get(w.engine.List()[0].Run)
	p.mu.Lock()
	p.stall = make(chan struct{})
	stall := p.stall
	p.mu.Unlock()
	p.types("\x1a\x1a\x03")
	<-r.Done()
	p.mu.Lock()
	p.stall = nil
	p.mu.Unlock()
	close(stall)
	p.sees("1 cancelled")
	p.types("\x04")
	p.leaves()
}

func TestATerminalThatDrawsNothing(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	w.fakes["web1"].On("hello", hosttest.Answer{Stdout: "\x1b[31mred\x1b[0m\n"})
	p := w.sit(t, "alice", Terminal{Term: "dumb"})
	p.types("--run production.web:web1 -- hello\r\nw\r\nno 'such\r\n")
	p.sees("red\r\n", "alice@box / > > ")
	if got := p.screen(); strings.Contains(got, "\x1b") || strings.Contains(strings.ReplaceAll(got, "\r\n", ""), "\n") {
		t.Errorf("%q", got)
	}
	p.types("\x03\x04")
	p.leaves()
}

func TestWhoIsHere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, operator("see", "run", "shell"))
	w.o.HostName = "box"
	started, let := w.stuck(t, "web1")
	p := w.at80x24(t)
	p.types("cd production\r--run web:web1 -- sleep 9\r")
	<-started
	q := w.sit(t, "bob", Terminal{Term: "xterm-256color", Echo: true, Size: Size{200, 50}})
	q.types("w\r")
	q.sees("1        alice  10.0.0.9  ssh  production  production.web:web1 --run  0 s\n2        bob    10.0.0.9  ssh  /           -")
	close(let)
	p.prompted("production")
	for _, one := range []*person{p, q} {
		one.types("\x04")
		one.leaves()
	}
}

func TestOthersPlacesAreHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Swap(State{Tree: w.state.Load().Tree, Users: w.state.Load().Users, Rules: makeRules(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/staging/**"}})})
	w.o.HostName = "box"
	p := w.at80x24(t)
	p.types("cd production\r")
	p.prompted("production")
	out, _, code := w.exec(t, "bob", "w", "")
	if code != 0 || strings.Contains(out, "production") || !strings.Contains(out, "alice") {
		t.Errorf("%d %s", code, out)
	}
	p.types("\x04")
	p.leaves()
}

func TestIdle(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	state := *w.state.Load()
	state.Limits.Idle = time.Millisecond
	w.Swap(state)
	p := w.at80x24(t)
	if code := p.leaves(); code != exitRefused {
		t.Errorf("exit code %d", code)
	}
	p.sees("the session was idle: nothing was typed for 1 ms")
}
