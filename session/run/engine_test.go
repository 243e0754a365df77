package run

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

// blocked makes every host of f wait until the returned function is called.
func (f *fixture) blocked() (started <-chan struct{}, end func()) {
	starts, block := make(chan struct{}, 100), make(chan struct{})
	for _, fake := range f.fakes {
		fake.Default(hosttest.Answer{Block: block, OnStart: func() { starts <- struct{}{} }})
	}
	return starts, func() { close(block) }
}

func TestNoHosts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, map[string]function{"noop": nothing})
	s := f.spec("/all", "noop")
	s.Limit = limit(t, "db*")
	_, err := f.Start(t.Context(), s)
	var none *NoHostsError
	if !errors.As(err, &none) || err.Error() != "no host of /all matches --limit db*" {
		t.Errorf("Start: %v", err)
	}
	if _, err := f.Start(t.Context(), f.spec("/none", "$ x")); !errors.As(err, &none) {
		t.Errorf("a command without hosts: %v", err)
	}
	if r, _ := f.runs(f.spec("/none", "noop")); r.Outcome().Status != OK {
		t.Errorf("an action without hosts: %+v", r.Outcome())
	}
	if n := len(f.records()); n != 2 {
		t.Errorf("%d records; what did not start has none", n)
	}
}

func TestRunsPerUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, nil)
	f.SetDefaults(Defaults{PerUser: 2})
	started, end := f.blocked()
	s := f.spec("/all", "$ x")
	first, second := f.start(s), f.start(s)
	<-started
	<-started
	if _, err := f.Start(t.Context(), s); !errors.Is(err, ErrTooMany) {
		t.Errorf("the third: %v", err)
	}
	s.User = "bob"
	third := f.start(s)
	var ids []string
	for _, i := range f.List() {
		ids = append(ids, i.Run)
	}
	if d := cmp.Diff([]string{first.ID(), second.ID(), third.ID()}, ids); d != "" {
		t.Error(d)
	}
	if r, ok := f.Get(first.ID()); !ok || r != first {
		t.Error("Get does not find a run")
	}
	end()
	for _, r := range []*Run{first, second, third} {
		<-r.Done()
	}
	s.User = "alice"
	f.runs(s)
	if len(f.List()) > 0 {
		t.Errorf("after the end: %v", f.List())
	}
	if _, ok := f.Get(first.ID()); ok {
		t.Error("Get finds a run that has ended")
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, nil)
	_, end := f.blocked()
	s := f.spec("/all", "$ uptime -p")
	s.Sandbox = true
	r := f.start(s)
	want := Info{
		Run: r.ID(), User: "alice", Path: "/all", Action: "--run", Args: []string{"uptime -p"},
		Hosts: []string{"web1", "web2"}, Status: Running, Started: r.Info().Started, Sandbox: true,
	}
	if d := cmp.Diff([]Info{want}, f.List()); d != "" {
		t.Error(d)
	}
	end()
	<-r.Done()
	if got := r.Info().Status; got != OK {
		t.Errorf("status: %s", got)
	}
}

func TestDrainWaits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, nil)
	started, end := f.blocked()
	s := f.spec("/all", "$ x")
	r := f.start(s)
	<-started
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		f.Drain(t.Context())
	}()
	for {
		if _, err := f.Start(t.Context(), s); err != nil {
			if !errors.Is(err, ErrStopped) {
				t.Errorf("while stopping: %v", err)
			}
			break
		}
	}
	select {
	case <-drained:
		t.Error("Drain did not wait")
	default:
	}
	end()
	<-drained
	if o := r.Outcome(); o.Status != OK {
		t.Errorf("the run: %+v", o)
	}
	f.Drain(t.Context()) // once more does nothing
}

func TestDrainCancelsInTheEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, nil)
	started, end := f.blocked()
	defer end()
	r := f.start(f.spec("/all", "$ x"))
	<-started
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Drain(ctx)
	if o := r.Outcome(); o.Status != Cancelled || o.ExitCode != 130 || !errors.Is(o.Err, ErrStopping) {
		t.Errorf("the run: %+v", o)
	}
}

func TestARunOutlivesTheContextOfItsStart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, nil)
	started, end := f.blocked()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := f.Start(ctx, f.spec("/all", "$ x"))
	if err != nil {
		t.Fatal(err)
	}
	<-started
	cancel()
	end()
	<-r.Done()
	if o := r.Outcome(); o.Status != OK {
		t.Errorf("the run: %+v", o)
	}
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	var i ids
	var all []string
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for n := range 3000 {
		if n%1000 == 0 {
			now = now.Add(-time.Millisecond) // a clock that is set back
		}
		all = append(all, i.next(now))
		if n%3 == 0 {
			now = now.Add(time.Millisecond)
		}
	}
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("ids do not grow")
	}
	var other ids
	if a, b := i.next(now), other.next(now.Add(time.Hour)); a >= b || len(a) != 14 {
		t.Errorf("%s, and an hour later %s", a, b)
	}
}

// The user is told that something panicked; where is for the log.
func TestAPanicsStackIsInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1, map[string]function{
		"panic": func(context.Context, *node.Env, node.Args) (any, error) { panic("ouch") },
	})
	var log bytes.Buffer
	f.log = slog.New(slog.NewTextHandler(&log, nil))
	r, events := f.runs(f.spec("/all", "panic"))
	if text := log.String(); !strings.Contains(text, "panic in an action") || !strings.Contains(text, "engine_test.go") {
		t.Errorf("the log tells no place: %s", text)
	}
	if told := strings.Join(events.all(), "\n"); strings.Contains(told, "goroutine") || strings.Contains(r.Outcome().Err.Error(), "goroutine") {
		t.Errorf("the user is told the stack: %s", told)
	}
}
