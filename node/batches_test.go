package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// batched hears of batches too.
type batched struct{ tracer }

func (b batched) BatchFinished(n *node.Node, names []string, ok, failed int) {
	b.add("batch %s %s ok %d failed %d", n.Path(), strings.Join(names, ","), ok, failed)
}

func batchRun() (*node.Run, *recorder) {
	r, seen := newRun()
	r.Trace = batched{tracer{seen}}
	return r, seen
}

// about keeps the lines that begin with a word.
func about(lines []string, word string) []string {
	var kept []string
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			kept = append(kept, rest)
		}
	}
	return kept
}

// failsOn is an action that fails in the cells of these hosts.
func failsOn(names ...string) *node.Action {
	return action(func(_ context.Context, e *node.Env, _ node.Args) (any, error) {
		for _, name := range names {
			if strings.HasSuffix(e.Node().Path(), ":"+name) {
				return nil, errors.New("broken")
			}
		}
		return "done", nil
	})
}

func serial(t testing.TB, v any) node.Serial {
	t.Helper()
	s, err := node.ParseSerial(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func maxFail(t testing.TB, v any) *node.MaxFail {
	t.Helper()
	m, err := node.ParseMaxFail(v)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBatches(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name          string
		node          []node.Member
		action        node.Bounds
		serial, most  any
		fails         []string
		started       int
		batches       []string
		err           string
		forks, dozens int
	}{
		{
			name: "by a number", node: []node.Member{with("serial", 2)}, started: 5,
			batches: []string{"/a h0,h1 ok 2 failed 0", "/a h2,h3 ok 2 failed 0", "/a h4 ok 1 failed 0"},
		},
		{
			name: "by a list", node: []node.Member{with("serial", []any{1, "40%"})}, started: 5,
			batches: []string{"/a h0 ok 1 failed 0", "/a h1,h2 ok 2 failed 0", "/a h3,h4 ok 2 failed 0"},
		},
		{
			name: "a failure stops them", node: []node.Member{with("serial", 2)}, fails: []string{"h0"}, started: 2,
			batches: []string{"/a h0,h1 ok 1 failed 1"},
			err:     "a do: h0: broken; 3 not started: 1 of 5 failed, more than max_fail 0 allows",
		},
		{
			name: "a failure in the last one", node: []node.Member{with("serial", 2)}, fails: []string{"h4"}, started: 5,
			batches: []string{"/a h0,h1 ok 2 failed 0", "/a h2,h3 ok 2 failed 0", "/a h4 ok 0 failed 1"},
			err:     "a do: h4: broken",
		},
		{
			name: "as many as allowed", node: []node.Member{with("serial", 2), with("max_fail", 1)}, fails: []string{"h0"}, started: 5,
			batches: []string{"/a h0,h1 ok 1 failed 1", "/a h2,h3 ok 2 failed 0", "/a h4 ok 1 failed 0"},
			err:     "a do: h0: broken",
		},
		{
			name: "over the whole run, not the batch", node: []node.Member{with("serial", 2), with("max_fail", 1)}, fails: []string{"h0", "h2"}, started: 4,
			batches: []string{"/a h0,h1 ok 1 failed 1", "/a h2,h3 ok 1 failed 1"},
			err:     "a do: h0: broken; h2: broken; 1 not started: 2 of 5 failed, more than max_fail 1 allows",
		},
		{
			name: "a percentage that is just reached", node: []node.Member{with("serial", 1), with("max_fail", "20%")}, fails: []string{"h0"}, started: 5,
			err: "a do: h0: broken",
			batches: []string{
				"/a h0 ok 0 failed 1", "/a h1 ok 1 failed 0", "/a h2 ok 1 failed 0", "/a h3 ok 1 failed 0", "/a h4 ok 1 failed 0",
			},
		},
		{
			name: "a percentage that is exceeded", node: []node.Member{with("serial", 1), with("max_fail", "19%")}, fails: []string{"h0"}, started: 1,
			batches: []string{"/a h0 ok 0 failed 1"},
			err:     "a do: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 19% allows",
		},
		{
			name: "no batches, no bound", fails: []string{"h0", "h1", "h2"}, started: 5,
			err: "a do: h0: broken; h1: broken; h2: broken",
		},
		{
			name: "no batches, but a bound", node: []node.Member{with("forks", 1), with("max_fail", 1)}, fails: []string{"h0", "h1"}, started: 2,
			err: "a do: h0: broken; h1: broken; 3 not started: 2 of 5 failed, more than max_fail 1 allows",
		},
		{
			name: "no batches, but a bound of the line", forks: 1, most: 0, fails: []string{"h0"}, started: 1,
			err: "a do: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows",
		},
		{
			name: "one batch ends whole", node: []node.Member{with("forks", 1), with("serial", "100%")}, fails: []string{"h0"}, started: 5,
			batches: []string{"/a h0,h1,h2,h3,h4 ok 4 failed 1"}, err: "a do: h0: broken",
		},
		{
			name: "the action wins over the node", node: []node.Member{with("serial", 1)}, action: node.Bounds{Serial: node.Serial{{N: 3}}}, started: 5,
			batches: []string{"/a h0,h1,h2 ok 3 failed 0", "/a h3,h4 ok 2 failed 0"},
		},
		{
			name: "the line wins over both", node: []node.Member{with("serial", 1)}, action: node.Bounds{Serial: node.Serial{{N: 3}}}, serial: "4", started: 5,
			batches: []string{"/a h0,h1,h2,h3 ok 4 failed 0", "/a h4 ok 1 failed 0"},
		},
		{
			name: "each by itself", node: []node.Member{with("max_fail", 1)}, serial: "2", fails: []string{"h0"}, started: 5,
			batches: []string{"/a h0,h1 ok 1 failed 1", "/a h2,h3 ok 2 failed 0", "/a h4 ok 1 failed 0"},
			err:     "a do: h0: broken",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			do := failsOn(c.fails...)
			do.Bounds = c.action
			tr := tree(t, plain(t, with("a", array(t, parallel(t, append(c.node, with("do", do))...), hostsOf("h", 5)))))
			r, seen := batchRun()
			r.Serial, r.MaxFail, r.Forks = serial(t, c.serial), maxFail(t, c.most), c.forks
			_, err := env(t, tr, "/a", r).Call(context.Background(), "do", node.Args{})
			if c.err == "" {
				c.err = "no error"
			}
			wantError(t, err, c.err)
			lines := seen.all()
			if diff := cmp.Diff(c.batches, about(lines, "batch")); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			if got := strings.Count(strings.Join(lines, "\n"), " starts"); got != c.started {
				t.Errorf("%d started, want %d", got, c.started)
			}
			if got := strings.Count(strings.Join(lines, "\n"), " ends "); got != 5 {
				t.Errorf("%d ended, want 5", got)
			}
		})
	}
}

func TestBoundsAreInherited(t *testing.T) {
	t.Parallel()
	base := parallel(t, with("serial", 1), with("max_fail", 2), with("do", noop()), with("logs", parallel(t, with("do", noop()))))
	for _, c := range []struct {
		name string
		typ  *node.Type
		path string
		want int // batches of 4 hosts
	}{
		{"its own", base, "/a", 4},
		{"of the parallel node around", base, "/a/logs", 4},
		{"derived", derive(t, base, with("forks", 3)), "/a", 4},
		{"overridden", derive(t, base, with("serial", 2)), "/a", 2},
		{"taken back", derive(t, base, with("serial", nil)), "/a", 0},
		{"reached into", derive(t, base, with("logs__serial", 3)), "/a/logs", 2},
	} {
		tr := tree(t, plain(t, with("a", array(t, c.typ, hostsOf("h", 4)))))
		r, seen := batchRun()
		if _, err := env(t, tr, c.path, r).Call(context.Background(), "do", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if got := len(about(seen.all(), "batch")); got != c.want {
			t.Errorf("%s: %d batches, want %d", c.name, got, c.want)
		}
	}
}

func TestABatchWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := newCrowd()
		tr := tree(t, plain(t, with("a", array(t, parallel(t, with("serial", []any{1, 3}), with("busy", seen.busy("a"))), hostsOf("h", 7)))))
		r, _ := newRun()
		start := time.Now()
		if _, err := env(t, tr, "/a", r).Call(context.Background(), "busy", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); seen.most["a"] != 3 || took != 3*time.Second {
			t.Errorf("%d at once in %s, want 3 in 3s", seen.most["a"], took)
		}
	})
}

func TestCancelDuringABatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := action(func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
		cancel(errors.New("enough"))
		return nil, context.Cause(ctx)
	})
	tr := tree(t, plain(t, with("a", array(t, parallel(t, with("serial", 1), with("stop", stop)), hostsOf("h", 3)))))
	r, _ := newRun()
	_, err := env(t, tr, "/a", r).Call(ctx, "stop", node.Args{})
	wantError(t, err, "a stop: h0: enough; 2 not started")
}

// inner calls an action of the node b; attempted says whether it gets over its
// failure, and then whether the rest of the run is afterwards.
func inner(wrap func(*node.Env, context.Context) context.Context, catch bool) *node.Action {
	return action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		b, _ := e.Root().Child("b")
		_, err := b.Call(wrap(e, ctx), "do", node.Args{})
		if catch {
			return nil, nil
		}
		return nil, err
	})
}

func plainly(_ *node.Env, ctx context.Context) context.Context { return ctx }

func TestFailuresCountOverTheWholeRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		outer   *node.Action
		started string
		err     string
	}{
		{
			"a failure deeper down", inner(plainly, false), "h0",
			"a do: h0: b do: d0: broken; 2 not started: 2 of 3 failed, more than max_fail 0 allows; 2 not started: 2 of 6 failed, more than max_fail 0 allows",
		},
		{"a failure that was got over", inner((*node.Env).Attempt, true), "h0 h1 h2", "no error"},
		{"a failure that was not meant to be got over", inner((*node.Env).Attempt, false), "h0", ""},
	} {
		a := array(t, parallel(t, with("serial", 1), with("do", c.outer)), hostsOf("h", 3))
		b := array(t, parallel(t, with("serial", 1), with("do", failsOn("d0"))), hostsOf("d", 3))
		tr := tree(t, plain(t, with("a", a), with("b", b)))
		r, seen := batchRun()
		_, err := env(t, tr, "/a", r).Call(context.Background(), "do", node.Args{})
		var started []string
		for _, line := range about(seen.all(), "cell") {
			if name, ok := strings.CutPrefix(line, "/a:"); ok && strings.HasSuffix(line, " starts") {
				started = append(started, strings.Fields(name)[0])
			}
		}
		if got := strings.Join(started, " "); got != c.started {
			t.Errorf("%s: started %s, want %s", c.name, got, c.started)
		}
		if c.name == "a failure that was got over" {
			wantError(t, err, c.err)
		}
	}
}

func TestOnlyAFailureDeeperDownStopsTheRestThere(t *testing.T) {
	t.Parallel()
	// Two cells at once call b's and c's; b's failure stops c's next batch.
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		failing := action(func(context.Context, *node.Env, node.Args) (any, error) {
			defer close(release)
			return nil, errors.New("broken")
		})
		waiting := action(func(context.Context, *node.Env, node.Args) (any, error) {
			<-release
			time.Sleep(time.Second) // until the failure has ended its cell
			return nil, nil
		})
		both := action(func(ctx context.Context, e *node.Env, args node.Args) (any, error) {
			path := "c"
			if strings.HasSuffix(e.Node().Path(), ":h0") {
				path = "b"
			}
			return call(path, "do").Fn(ctx, e, args)
		})
		tr := tree(t, plain(
			t,
			with("a", array(t, parallel(t, with("do", both)), hostsOf("h", 2))),
			with("b", array(t, parallel(t, with("do", failing)), hostsOf("b", 1))),
			with("c", array(t, parallel(t, with("serial", 1), with("do", waiting)), hostsOf("c", 2))),
		))
		r, _ := newRun()
		_, err := env(t, tr, "/a", r).Call(context.Background(), "do", node.Args{})
		// The failed are b0 and h0, of h0, h1, b0, c0 and c1.
		wantError(t, err, "a do: h0: b do: b0: broken; h1: c do: 1 not started: 2 of 5 failed, more than max_fail 0 allows")
	})
}

func TestWhatPutsThingsRightIsNotStopped(t *testing.T) {
	t.Parallel()
	cleaned := 0
	clean := action(func(context.Context, *node.Env, node.Args) (any, error) { cleaned++; return nil, nil })
	root := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		a, _ := e.Root().Child("a")
		_, err := a.Call(ctx, "do", node.Args{})
		if _, after := a.Call(e.Afterwards(ctx), "clean", node.Args{}); after != nil {
			t.Error(after)
		}
		return nil, err
	})
	a := array(t, parallel(t, with("serial", 1), with("do", failsOn("h0")), with("clean", clean)), hostsOf("h", 3))
	tr := tree(t, plain(t, with("a", a), with("go", root)))
	r, _ := newRun()
	_, err := env(t, tr, "/", r).Call(context.Background(), "go", node.Args{})
	wantError(t, err, "go: a do: h0: broken; 2 not started: 1 of 3 failed, more than max_fail 0 allows")
	if cleaned != 3 {
		t.Errorf("%d cells were put right, want 3", cleaned)
	}
}

func TestCommandsInBatches(t *testing.T) {
	t.Parallel()
	hosts := numbered("h", 5)
	hosts[2].(*target).code = 3
	named := node.Hosts{role("host", hosts...)}
	for _, c := range []struct {
		name         string
		node         []node.Member
		serial, most any
		checked      bool
		ran          int
		batches      []string
		err          string
	}{
		{
			name: "the line's", serial: "2", ran: 4,
			batches: []string{"/a h0,h1 ok 2 failed 0", "/a h2,h3 ok 1 failed 1"},
		},
		{
			name: "the node's", node: []node.Member{with("serial", 3)}, ran: 3,
			batches: []string{"/a h0,h1,h2 ok 2 failed 1"},
		},
		{
			name: "with an error", serial: "2", checked: true, ran: 4,
			batches: []string{"/a h0,h1 ok 2 failed 0", "/a h2,h3 ok 1 failed 1"},
			err:     "h2: exit status 3: h2 says hello; 1 not started: 1 of 5 failed, more than max_fail 0 allows",
		},
		{
			name: "the line's bound", serial: "2", most: "20%", ran: 5,
			batches: []string{"/a h0,h1 ok 2 failed 0", "/a h2,h3 ok 1 failed 1", "/a h4 ok 1 failed 0"},
		},
		{name: "neither", ran: 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tr := tree(t, plain(t, with("a", array(t, parallel(t, c.node...), named))))
			r, seen := batchRun()
			r.Serial, r.MaxFail = serial(t, c.serial), maxFail(t, c.most)
			results, err := env(t, tr, "/a", r).RunCommand(context.Background(), "uptime", host.RunOptions{NoCheck: !c.checked})
			if c.err != "" && !strings.HasSuffix(fmt.Sprint(err), "not started: 1 of 5 failed, more than max_fail 0 allows") {
				t.Errorf("error %v, want %s", err, c.err)
			}
			ran := 0
			for _, result := range results {
				if result.Skipped == (result.Err == nil) && result.Skipped {
					t.Errorf("%s: skipped, and it is not said why", result.Host)
				}
				if !result.Skipped {
					ran++
				}
			}
			if ran != c.ran {
				t.Errorf("%d ran, want %d", ran, c.ran)
			}
			if diff := cmp.Diff(c.batches, about(seen.all(), "batch")); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
		})
	}
}

func TestContainersOfALineInBatches(t *testing.T) {
	t.Parallel()
	hosts := numbered("h", 4)
	hosts[0].(*target).code = 3
	for _, c := range []struct {
		noCheck bool
		ran     int
	}{{false, 2}, {true, 4}} {
		var ran int
		do := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
			results, err := e.Hosts().Run(ctx, "uptime", host.RunOptions{NoCheck: c.noCheck})
			for _, result := range results {
				if !result.Skipped {
					ran++
				}
			}
			return nil, err
		})
		tr := tree(t, plain(t, with("p", plain(t, with("hosts", node.Hosts{role("web", hosts...)}), with("do", do)))))
		r, seen := batchRun()
		r.Serial = serial(t, 2)
		_, err := env(t, tr, "/p", r).Call(context.Background(), "do", node.Args{})
		if ran != c.ran || (err == nil) != c.noCheck {
			t.Errorf("without check %v: %d ran, want %d; error %v", c.noCheck, ran, c.ran, err)
		}
		if told := about(seen.all(), "batch"); told != nil {
			t.Errorf("a container's batches are told: %v", told)
		}
	}
}

// TestRandomNestingEnds builds trees whose actions call each other at random,
// with bounds of every kind, and sees that each run ends, that no node has more
// cells at work than it allows, and that every cell has one end. Were calls to
// wait for each other, synctest would report the deadlock.
func TestRandomNestingEnds(t *testing.T) {
	t.Parallel()
	for seed := range 150 {
		synctest.Test(t, func(t *testing.T) { randomNesting(t, int64(seed)) })
	}
}

// leafCrowd counts cells that work, and not those that wait for a call.
type leafCrowd struct {
	mu        sync.Mutex
	now, most map[string]int
}

func (c *leafCrowd) add(name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[name] += n
	c.most[name] = max(c.most[name], c.now[name])
}
