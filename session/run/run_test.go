package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

// fake sets the usual answers of four hosts: web1 is good, web2 fails, web3
// cannot be reached, web4 is lost.
func (f *fixture) trouble() {
	f.fakes["web1"].Default(hosttest.Answer{Stdout: "one\n"})
	f.fakes["web2"].Default(hosttest.Answer{Stderr: "bad\n", Code: 3})
	f.fakes["web3"].Default(hosttest.Answer{StartErr: unreachable("web3")})
	f.fakes["web4"].Default(hosttest.Answer{Lost: true})
}

func TestCommandOnSeveralHosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, nil)
	f.trouble()
	s := f.spec("/all", "$ uptime")
	s.Forks = 1
	r, events := f.runs(s)
	wantLines(t, events.all(),
		`run_started alice /all --run ["uptime"] [web1 web2 web3 web4]`,
		`host_started web1`,
		`output web1 stdout "one\n"`,
		`host_finished web1 ok 0`,
		`host_started web2`,
		`output web2 stderr "bad\n"`,
		`host_finished web2 failed 3`,
		`host_started web3`,
		`host_finished web3 unreachable`,
		`host_started web4`,
		`host_finished web4 unknown`,
		`run_finished failed 1 ok=1 failed=1 unreachable=1 unknown=1`,
	)
	if o := r.Outcome(); o.Err == nil || !strings.Contains(o.Err.Error(), "web2: exit status 3") {
		t.Errorf("outcome: %v", o.Err)
	}
}

func TestCommandOnOneHostHasItsExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer hosttest.Answer
		status Status
		code   int
	}{
		{hosttest.Answer{}, OK, 0},
		{hosttest.Answer{Code: 7}, Failed, 7},
		{hosttest.Answer{Code: 130}, Failed, 130},
		{hosttest.Answer{Code: 128 + 9, Signal: "KILL"}, Failed, 137},
		{hosttest.Answer{StartErr: unreachable("web1")}, Failed, 255},
		{hosttest.Answer{Lost: true}, Unknown, 255},
	} {
		f := newFixture(t, 1, nil)
		f.fakes["web1"].Default(c.answer)
		r, _ := f.runs(f.spec("/all", "$ x"))
		if o := r.Outcome(); o.Status != c.status || o.ExitCode != c.code {
			t.Errorf("%+v: %s, %d; want %s, %d", c.answer, o.Status, o.ExitCode, c.status, c.code)
		}
	}
}

func TestCommandTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testCommandTimesOut)
}

func testCommandTimesOut(t *testing.T) {
	f := newUnaudited(t, 2, nil)
	f.SetDefaults(Defaults{Timeout: 10 * time.Millisecond})
	f.fakes["web1"].Default(hosttest.Answer{Block: make(chan struct{})})
	f.fakes["web2"].Default(hosttest.Answer{Block: make(chan struct{})})
	s := f.spec("/all", "$ sleep")
	s.Timeout = time.Hour // the smallest wins
	_, events := f.runs(s)
	wantLines(t, events.only("run_finished"), "run_finished failed 1 timeout=2")
	s.Limit = limit(t, "web2")
	r, _ := f.runs(s)
	if o := r.Outcome(); o.ExitCode != 1 || o.Hosts[0].Status != Timeout {
		t.Errorf("on one host: %+v", o)
	}
}

func TestCancelKillsAndSkips(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"/all", "/cells/web"} {
		for _, action := range []string{"$ sleep", "sleep"} {
			t.Run(place+" "+action, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, 4, map[string]function{"sleep": command("sleep", host.RunOptions{})})
				running := make(chan struct{})
				f.fakes["web2"].Default(hosttest.Answer{Block: make(chan struct{}), OnStart: func() { close(running) }})
				s := f.spec(place, action)
				s.Forks = 1
				events := new(tape)
				s.Sink = events
				r := f.start(s)
				<-running
				r.Cancel(ErrCancelled)
				r.Cancel(ErrStopping)
				<-r.Done()
				wantLines(t, events.only("host_finished web2"), "host_finished web2 cancelled")
				wantLines(t, events.only("host_finished web4"), "host_finished web4 skipped")
				wantLines(t, events.only("run_finished"), "run_finished cancelled 130 ok=1 cancelled=1 skipped=2")
				wantLines(t, events.only("error"))
				if lines := f.fakes["web3"].Lines(); len(lines) > 0 {
					t.Errorf("web3 was given %q after the cancel", lines)
				}
			})
		}
	}
}

func TestAKillThatIsNotConfirmed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, nil)
	end := make(chan struct{})
	running := make(chan struct{})
	f.fakes["web1"].Default(hosttest.Answer{
		Block: end, OnStart: func() { close(running) }, KillErr: errBad,
	})
	events := new(tape)
	s := f.spec("/all", "$ sleep")
	s.Sink = events
	r := f.start(s)
	<-running
	r.Cancel(nil)
	<-r.Done() // the host gives it up after two seconds
	close(end)
	wantLines(t, events.only("host_finished"), "host_finished web1 cancelled unconfirmed")
}

func TestSplitAction(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, map[string]function{
		"deploy": func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			results, err := env.Hosts().Run(ctx, "deploy", host.RunOptions{})
			return results[0].Host + " done", err
		},
	})
	f.trouble()
	s := f.spec("/cells/web", "deploy")
	s.Forks, s.Words = 1, []string{"v1.2"}
	r, events := f.runs(s)
	wantLines(t, events.all(),
		`run_started alice /cells/web deploy ["v1.2"] [web1 web2 web3 web4]`,
		`host_started web1`,
		`output web1 stdout "one\n"`,
		`result web1 web1 done`,
		`host_finished web1 ok 0`,
		`host_started web2`,
		`output web2 stderr "bad\n"`,
		`host_finished web2 failed 3`,
		`host_started web3`,
		`host_finished web3 unreachable`,
		`host_started web4`,
		`host_finished web4 unknown`,
		`run_finished failed 1 ok=1 failed=1 unreachable=1 unknown=1`,
	)
	var exit *host.ExitError
	if err := r.Outcome().Hosts[1].Err; !errors.As(err, &exit) || exit.Host != "web2" {
		t.Errorf("web2: %v", err)
	}
}

func TestPlainAction(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, map[string]function{"deploy": command("deploy", host.RunOptions{})})
	f.trouble()
	s := f.spec("/all", "deploy")
	s.Forks, s.Limit = 1, limit(t, "web1,web2")
	_, events := f.runs(s)
	wantLines(t, events.all(),
		`run_started alice /all deploy [] [web1 web2]`,
		`host_started web1`,
		`output web1 stdout "one\n"`,
		`host_started web2`,
		`output web2 stderr "bad\n"`,
		`host_finished web1 ok 0`,
		`host_finished web2 failed 3`,
		`run_finished failed 1 ok=1 failed=1`,
	)
}

func TestWhatAnActionGotOverDoesNotCount(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, map[string]function{"try": command("try", host.RunOptions{NoCheck: true})})
	f.trouble()
	for _, place := range []string{"/all", "/cells/web"} {
		_, events := f.runs(f.spec(place, "try"))
		wantLines(t, events.only("run_finished"), "run_finished ok 0 ok=4")
	}
}

func TestAnActionThatFailsByItself(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, map[string]function{
		"fail": func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			if _, err := command("true", host.RunOptions{})(ctx, env, node.Args{}); err != nil {
				return nil, err
			}
			return nil, errBad
		},
		"panic": func(context.Context, *node.Env, node.Args) (any, error) { panic("ouch") },
	})
	_, events := f.runs(f.spec("/all", "fail"))
	wantLines(t, events.only("host_finished"), "host_finished web1 ok 0", "host_finished web2 ok 0")
	wantLines(t, events.only("error"), `error "all fail: it is bad"`)
	wantLines(t, events.only("run_finished"), "run_finished failed 1 ok=2")

	_, events = f.runs(f.spec("/cells/web", "fail"))
	wantLines(t, events.only("error"))
	wantLines(t, events.only("run_finished"), "run_finished failed 1 failed=2")

	_, events = f.runs(f.spec("/all", "panic"))
	if got := events.only("error"); len(got) != 1 || !strings.Contains(got[0], "ouch") {
		t.Errorf("after a panic: %q", got)
	}
	wantLines(t, events.only("run_finished"), "run_finished failed 1 skipped=2")
}

func TestAPlainActionTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testAPlainActionTimesOut)
}

func testAPlainActionTimesOut(t *testing.T) {
	f := newUnaudited(t, 2, map[string]function{
		"wait": func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"sleep": command("sleep", host.RunOptions{}),
	})
	f.fakes["web1"].Default(hosttest.Answer{Block: make(chan struct{})})
	s := f.spec("/all", "wait")
	s.Timeout = 5 * time.Millisecond
	_, events := f.runs(s)
	wantLines(t, events.only("error"), `error "all wait: timed out after 5ms"`)
	wantLines(t, events.only("run_finished"), "run_finished failed 1 skipped=2")

	s.Action = f.spec("/all", "sleep").Action
	_, events = f.runs(s)
	wantLines(t, events.only("host_finished"), "host_finished web1 timeout", "host_finished web2 ok 0")
	wantLines(t, events.only("run_finished"), "run_finished failed 1 ok=1 timeout=1")
}

func TestOnlyUnreachableOrUnknownIs255(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, map[string]function{"deploy": command("deploy", host.RunOptions{})})
	f.trouble()
	for _, place := range []string{"/all", "/cells/web"} {
		for _, action := range []string{"$ x", "deploy"} {
			s := f.spec(place, action)
			s.Limit = limit(t, "!web2")
			_, events := f.runs(s)
			wantLines(t, events.only("run_finished"), "run_finished failed 255 ok=1 unreachable=1 unknown=1")
			s.Limit = limit(t, "web1,web4")
			_, events = f.runs(s)
			wantLines(t, events.only("run_finished"), "run_finished unknown 255 ok=1 unknown=1")
		}
	}
}

func TestHostsReachedElsewhereAreAdded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, map[string]function{
		"deploy": command("x", host.RunOptions{}),
		"both": func(ctx context.Context, env *node.Env, args node.Args) (any, error) {
			db, _ := env.Root().Child("db")
			return db.Call(ctx, "deploy", args)
		},
	})
	f.fakes["db2"].Default(hosttest.Answer{Code: 2})
	s := f.spec("/all", "both")
	s.Forks = 1
	_, events := f.runs(s)
	wantLines(t, events.all(),
		`run_started alice /all both [] [web1]`,
		`host_started db1`,
		`host_started db2`,
		`host_finished web1 skipped`,
		`host_finished db1 ok 0`,
		`host_finished db2 failed 2`,
		`run_finished failed 1 ok=1 failed=1 skipped=1`,
	)
}

func TestResultsAndLogs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, map[string]function{
		"none": func(context.Context, *node.Env, node.Args) (any, error) { return nil, nil },
		"value": func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			env.Log("here")
			return int64(42), nil
		},
		"shown": func(context.Context, *node.Env, node.Args) (any, error) { return shownValue{}, nil },
	})
	for _, c := range []struct{ place, action, want string }{
		{"/all", "none", ""},
		{"/all", "value", `log "here"|result 42`},
		{"/all", "shown", `result x shown`},
		{"/cells/web", "none", ""},
		{"/cells/web", "value", `log web1 "here"|result web1 42|log web2 "here"|result web2 42`},
	} {
		s := f.spec(c.place, c.action)
		s.Forks = 1
		r, events := f.runs(s)
		var got []string
		for _, line := range events.all() {
			if strings.HasPrefix(line, kindLog) || strings.HasPrefix(line, kindResult) {
				got = append(got, line)
			}
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s %s: %q; want %s", c.place, c.action, got, c.want)
		}
		if o := r.Outcome(); o.Status != OK || o.ExitCode != 0 {
			t.Errorf("%s %s: %+v", c.place, c.action, o)
		}
	}
}

type shownValue struct{}

func (shownValue) WasShown() bool { return true }
func (shownValue) String() string { return "x" }

func TestSandboxReachesTheLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, nil)
	s := f.spec("/all", "$ rm -r /")
	s.Sandbox = true
	f.runs(s)
	want, err := host.Context{}.Sandbox().Line("rm -r /")
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, f.fakes["web1"].Lines(), want.String())
	if got := f.records()[0]; got.Text != "sandbox" {
		t.Errorf("the intent: %+v", got)
	}
}

func TestInputGoesToTheCommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, nil)
	for _, fake := range f.fakes {
		fake.Default(hosttest.Answer{Cat: true})
	}
	s := f.spec("/all", "$ cat")
	s.InputAll = []byte("to all\n")
	_, events := f.runs(s)
	if got := events.only("output"); len(got) != 2 {
		t.Errorf("InputAll: %q", got)
	}
	s.InputAll, s.Input, s.Limit = nil, strings.NewReader("to one\n"), limit(t, "web2")
	_, events = f.runs(s)
	wantLines(t, events.only("output"), `output web2 stdout "to one\n"`)
	s.Limit = nil
	if _, err := f.Start(t.Context(), s); err == nil {
		t.Error("one stream for two hosts: no error")
	}
}

func limit(t testing.TB, text string) *Limit {
	t.Helper()
	l, err := ParseLimit(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAtMostForksAtOnce(t *testing.T) {
	t.Parallel()
	const hosts, forks = 12, 3
	f := newFixture(t, hosts, map[string]function{"deploy": command("x", host.RunOptions{})})
	for _, place := range []string{"/all", "/cells/web"} {
		for _, action := range []string{"$ x", "deploy"} {
			started, end := make(chan struct{}, hosts), make(chan struct{})
			for i := range hosts {
				f.fakes[fmt.Sprintf("web%d", i+1)].Default(hosttest.Answer{Block: end, OnStart: func() { started <- struct{}{} }})
			}
			s := f.spec(place, action)
			s.Forks = forks
			r := f.start(s)
			for range forks {
				<-started
			}
			if n := len(started); n > 0 {
				t.Errorf("%s %s: %d more than %d are started", place, action, n, forks)
			}
			for range hosts - forks {
				end <- struct{}{}
				<-started
			}
			close(end)
			<-r.Done()
			if o := r.Outcome(); o.Status != OK {
				t.Errorf("%s %s: %+v", place, action, o)
			}
		}
	}
}
