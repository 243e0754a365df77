package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// group is a group of hosts in one role.
func group(o GroupOptions, hosts ...Host) *Group {
	o.Roles = []Role{{Name: "host", Hosts: hosts}}
	return NewGroup(o)
}

func TestRunTellsTheHooksEverything(t *testing.T) {
	t.Parallel()
	hooks := &recorder{}
	g := group(GroupOptions{Hooks: hooks, Limiter: NewLimiter(1)},
		ends("a", "out", "err", done{}), ends("b", "", "", done{exit: Exit{Code: 3}}))
	results, err := g.Run(t.Context(), "cmd", RunOptions{})
	want := []string{
		"before [a b]",
		"started a", `a stdout "out"`, `a stderr "err"`, "finished a ok=true skipped=false",
		"started b", "finished b ok=false skipped=false",
		"after",
	}
	if diff := cmp.Diff(want, hooks.events); diff != "" {
		t.Error(diff)
	}
	if got := results[0]; string(got.Stdout) != "out" || string(got.Stderr) != "err" || !got.OK || got.Command != "cmd" {
		t.Errorf("a: %+v", got)
	}
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Host != "b" || exit.Exit.Code != 3 || exit.Command != "cmd" {
		t.Errorf("error %v", err)
	}
	if len(hooks.after) != 2 || hooks.after[1].Host != "b" {
		t.Errorf("After got %+v", hooks.after)
	}
}

func TestRunErrorNamesEveryFailedHost(t *testing.T) {
	t.Parallel()
	refused := &fakeHost{name: "web7", do: func(context.Context, Line, IO) (Process, error) {
		return nil, &DialError{Host: "web7", Address: "10.0.0.7:22", Stage: StageDial, Err: errors.New("connection refused")}
	}}
	g := group(GroupOptions{}, ends("web1", "", "", done{}), ends("web3", "", "", done{exit: Exit{Code: 2}}), refused,
		ends("web8", "", "", done{err: &LostError{Host: "web8", Err: io.EOF}}))
	results, err := g.Run(t.Context(), "x", RunOptions{})
	want := "web3: exit status 2; web7: dial web7 (10.0.0.7:22): connection refused; " +
		"web8: connection to web8 was lost before the exit status came: the result is unknown: EOF"
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	var dial *DialError
	var lost *LostError
	if !errors.As(err, &dial) || !errors.As(err, &lost) || !errors.Is(err, io.EOF) {
		t.Error("the hosts' errors cannot be reached")
	}
	if len(results) != 4 || !results[0].OK {
		t.Errorf("a good result was lost: %+v", results)
	}
	if again, err := g.Run(t.Context(), "x", RunOptions{NoCheck: true}); err != nil || again[1].OK || again[1].Err == nil {
		t.Errorf("without check: %v, %+v", err, again[1])
	}
}

func TestCallErrorNamesTwentyAtMost(t *testing.T) {
	t.Parallel()
	e := &CallError{Results: make([]Result, 32)}
	for i := range e.Results {
		e.Results[i] = Result{Host: fmt.Sprintf("h%d", i), Skipped: true}
	}
	text := e.Error()
	if strings.Count(text, ": skipped") != 20 || !strings.HasSuffix(text, "h19: skipped; and 12 more") {
		t.Errorf("text %q", text)
	}
}

func TestRunBeforeRefusesEverything(t *testing.T) {
	t.Parallel()
	refused := errors.New("no audit")
	hooks := &recorder{refuse: refused}
	results, err := group(GroupOptions{Hooks: hooks}, fakes("a", "b")...).Run(t.Context(), "x", RunOptions{})
	if !errors.Is(err, refused) || results != nil {
		t.Errorf("%v, %v", results, err)
	}
	if diff := cmp.Diff([]string{"before [a b]"}, hooks.events); diff != "" {
		t.Error(diff)
	}
}

func TestRunDescribesTheCall(t *testing.T) {
	t.Parallel()
	hooks := &recorder{}
	g := group(GroupOptions{Hooks: hooks, Context: Context{}.Sudo("app").Sandbox()}, fakes("a")...)
	if _, err := g.Run(t.Context(), "x", RunOptions{ReadOnly: true, Quiet: true}); err != nil {
		t.Fatal(err)
	}
	want := Call{Command: "x", Hosts: []string{"a"}, Sudo: true, User: "app", ReadOnly: true, Sandbox: true, Quiet: true}
	if diff := cmp.Diff(want, hooks.call); diff != "" {
		t.Error(diff)
	}
	if _, err := g.Run(t.Context(), "x", RunOptions{Sudo: true, User: "db"}); err != nil || hooks.call.User != "db" {
		t.Errorf("%v, %+v", err, hooks.call)
	}
}

func TestRunSandboxOnlyChecksUnlessReadOnly(t *testing.T) {
	t.Parallel()
	var got Line
	h := &fakeHost{name: "a", do: func(_ context.Context, l Line, _ IO) (Process, error) {
		got = l
		return done{}, nil
	}}
	c := Context{}.Cd("dir", false)
	g := group(GroupOptions{Context: c.Sandbox()}, h)
	for _, o := range []RunOptions{{}, {ReadOnly: true}} {
		want := c
		if !o.ReadOnly {
			want = c.Sandbox()
		}
		if _, err := g.Run(t.Context(), "x", o); err != nil || got != line(t, want, "x") {
			t.Errorf("read only %t: %v, line %q", o.ReadOnly, err, got)
		}
	}
}

func TestRunQuietAndStream(t *testing.T) {
	t.Parallel()
	hooks := &recorder{}
	g := group(GroupOptions{Hooks: hooks}, ends("a", "out", "why\n", done{exit: Exit{Code: 1}}))
	results, err := g.Run(t.Context(), "x", RunOptions{Quiet: true})
	if strings.Contains(fmt.Sprint(hooks.events), "stdout") || string(results[0].Stdout) != "out" {
		t.Errorf("quiet: %v, %+v, %v", hooks.events, results, err)
	}
	results, err = g.Run(t.Context(), "x", RunOptions{Stream: true})
	if !strings.Contains(fmt.Sprint(hooks.events), `a stdout "out"`) || len(results[0].Stdout) > 0 || results[0].Truncated {
		t.Errorf("stream: %v, %+v", hooks.events, results)
	}
	var exit *ExitError
	if !errors.As(err, &exit) || string(exit.Tail) != "why\n" {
		t.Errorf("stream: the tail is %+v", exit)
	}
}

func TestRunInput(t *testing.T) {
	t.Parallel()
	cat := func(_ context.Context, _ Line, streams IO) (Process, error) {
		_, err := io.Copy(streams.Stdout, streams.Stdin)
		return done{}, err
	}
	a, b := &fakeHost{name: "a", do: cat}, &fakeHost{name: "b", do: cat}
	results, err := group(GroupOptions{}, a, b).Run(t.Context(), "cat", RunOptions{InputAll: []byte("all")})
	if err != nil || string(results[0].Stdout)+string(results[1].Stdout) != "allall" {
		t.Errorf("to all: %+v, %v", results, err)
	}
	results, err = group(GroupOptions{}, a).Run(t.Context(), "cat", RunOptions{Input: strings.NewReader("one")})
	if err != nil || string(results[0].Stdout) != "one" {
		t.Errorf("to one: %+v, %v", results, err)
	}
	hooks := &recorder{}
	for _, o := range []RunOptions{{Input: strings.NewReader("")}, {Timeout: -1}} {
		if _, err := group(GroupOptions{Hooks: hooks}, a, b).Run(t.Context(), "cat", o); err == nil {
			t.Errorf("%+v was taken for two hosts", o)
		}
	}
	if _, err := group(GroupOptions{Hooks: hooks}, a).Run(t.Context(), "a\x00b", RunOptions{}); err == nil {
		t.Error("a command with NUL was taken")
	}
	if hooks.events != nil {
		t.Errorf("refused calls were announced: %v", hooks.events)
	}
}

func TestRunOnNoHostDoesNothing(t *testing.T) {
	t.Parallel()
	hooks := &recorder{}
	results, err := group(GroupOptions{Hooks: hooks}).Run(t.Context(), "x", RunOptions{})
	if len(results) != 0 || err != nil || hooks.events != nil {
		t.Errorf("%v, %v, %v", results, err, hooks.events)
	}
}

func TestRunTimeoutIsPerHostAndTheSmaller(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ group, command, want time.Duration }{
		{0, 5 * time.Second, 5 * time.Second}, {3 * time.Second, 5 * time.Second, 3 * time.Second}, {7 * time.Second, 0, 7 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			g := group(GroupOptions{Timeout: c.group, Limiter: NewLimiter(1)},
				runs("a", &running{}), ends("b", "", "", done{}), runs("c", &running{}))
			results, err := g.Run(t.Context(), "x", RunOptions{Timeout: c.command})
			if took := time.Since(begin); took != 2*c.want {
				t.Errorf("it took %s, want twice %s", took, c.want)
			}
			var timeout *TimeoutError
			if !errors.As(results[0].Err, &timeout) || timeout.After != c.want || timeout.Unconfirmed != nil || timeout.Host != "a" {
				t.Errorf("a: %#v", results[0].Err)
			}
			if !results[1].OK || results[2].OK || results[2].Exit.Signal != "TERM" || results[2].Duration != c.want {
				t.Errorf("%+v", results)
			}
			if !strings.HasPrefix(err.Error(), "a: timed out after "+c.want.String()) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRunCancelKillsAndSkips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hooks := &recorder{}
		g := group(GroupOptions{Hooks: hooks, Limiter: NewLimiter(1)}, runs("a", &running{}), fakes("b")[0])
		cause := errors.New("Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		results, err := g.Run(ctx, "x", RunOptions{})
		var cancelled *CancelError
		if !errors.As(results[0].Err, &cancelled) || cancelled.Unconfirmed != nil || !errors.Is(err, cause) {
			t.Errorf("a: %#v, error %v", results[0].Err, err)
		}
		if !results[1].Skipped || results[1].OK || results[1].Host != "b" || results[1].Err != nil {
			t.Errorf("b: %+v", results[1])
		}
		want := []string{"before [a b]", "started a", "finished a ok=false skipped=false", "finished b ok=false skipped=true", "after"}
		slices.Sort(hooks.events[2:4]) // b need not wait for the kill
		if diff := cmp.Diff(want, hooks.events); diff != "" {
			t.Error(diff)
		}
		if text := err.Error(); text != "a: cancelled; b: skipped" {
			t.Errorf("error %q", text)
		}
	})
}

func TestRunCancelWhileConnecting(t *testing.T) {
	t.Parallel()
	h := func(name string) Host {
		return &fakeHost{name: name, do: func(ctx context.Context, _ Line, _ IO) (Process, error) {
			<-ctx.Done()
			return nil, &DialError{Host: name, Stage: StageDial, Err: context.Cause(ctx)}
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := group(GroupOptions{}, h("a")).Run(t.Context(), "x", RunOptions{Timeout: time.Second})
		var timeout *TimeoutError
		if !errors.As(err, &timeout) {
			t.Errorf("time-out: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = group(GroupOptions{}, h("a")).Run(ctx, "x", RunOptions{Timeout: time.Hour})
		var cancelled *CancelError
		if !errors.As(err, &cancelled) {
			t.Errorf("cancel: %v", err)
		}
	})
}

func TestRunGivesUpWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for _, r := range []*running{{killErr: errors.New("no answer")}, {stuck: true}} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var stdout io.Writer
			h := runs("a", r).(*fakeHost)
			start := h.do
			h.do = func(ctx context.Context, l Line, streams IO) (Process, error) {
				stdout = streams.Stdout
				return start(ctx, l, streams)
			}
			hooks := &recorder{}
			results, err := group(GroupOptions{Hooks: hooks}, h).Run(t.Context(), "x", RunOptions{Timeout: time.Second})
			if took := time.Since(begin); took != time.Second+endGrace {
				t.Errorf("it took %s", took)
			}
			var timeout *TimeoutError
			if !errors.As(err, &timeout) || !errors.Is(timeout.Unconfirmed, r.killErr) || results[0].OK {
				t.Errorf("error %#v", err)
			}
			if _, err := stdout.Write([]byte("late")); err == nil || strings.Contains(fmt.Sprint(hooks.events), "late") {
				t.Error("output that came after the end was taken")
			}
			r.end() // as the Pool does when it closes the connection
		})
	}
}

func TestRunHasNoResultButItsOwn(t *testing.T) {
	t.Parallel()
	hosts := make([]Host, 500)
	for i := range hosts {
		name := fmt.Sprintf("h%d", i)
		hosts[i] = ends(name, name, "", done{})
	}
	results, err := group(GroupOptions{Limiter: NewLimiter(50)}, hosts...).Run(t.Context(), "x", RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Host != hosts[i].Name() || string(r.Stdout) != r.Host {
			t.Fatalf("result %d is of %s and has %q", i, r.Host, r.Stdout)
		}
	}
}

func TestCaptureKeepsTheStartAndTheTail(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100, 3000, 20000} {
		c := &capture{limit: 5000}
		var all []byte
		for i := 0; len(all) < 40000; i++ {
			p := bytes.Repeat([]byte(fmt.Sprintf("line %d\n", i)), max(size/8, 1))
			all = append(all, p...)
			if n, err := c.Write(p); n != len(p) || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
		}
		data, cut := c.close()
		if !cut || !bytes.Equal(data, all[:5000]) {
			t.Errorf("pieces of %d: cut %t, %d bytes", size, cut, len(data))
		}
		tail := c.lastLines()
		if len(tail) < tailSize-20 || len(tail) > tailSize || !bytes.HasSuffix(all, tail) || all[len(all)-len(tail)-1] != '\n' {
			t.Errorf("pieces of %d: tail of %d bytes %.20q", size, len(tail), tail)
		}
	}
}

func TestCaptureBelowItsLimit(t *testing.T) {
	t.Parallel()
	c := &capture{limit: 5000}
	_, _ = c.Write(bytes.Repeat([]byte("x"), 5000))
	if data, cut := c.close(); cut || len(data) != 5000 {
		t.Errorf("cut %t, %d bytes", cut, len(data))
	}
	if tail := c.lastLines(); len(tail) != tailSize {
		t.Errorf("of one long line %d bytes are the tail", len(tail))
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write after close: %v", err)
	}
}

// BenchmarkGroupRun is a call on 2000 hosts that answer at once.
func BenchmarkGroupRun(b *testing.B) {
	hosts := make([]Host, 2000)
	for i := range hosts {
		hosts[i] = ends(fmt.Sprintf("host%d", i), "hostname\n", "", done{})
	}
	g := group(GroupOptions{Limiter: NewLimiter(100)}, hosts...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Run(b.Context(), "hostname", RunOptions{Timeout: time.Minute}); err != nil {
			b.Fatal(err)
		}
	}
}
