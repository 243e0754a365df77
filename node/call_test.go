package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func env(t testing.TB, tr *node.Tree, path string, r *node.Run) *node.Env {
	t.Helper()
	return node.NewEnv(find(t, tr, path), r)
}

// showResults prints a split call's results as keys=value.
func showResults(t testing.TB, value any) string {
	t.Helper()
	results, ok := value.(*node.CellResults)
	if !ok {
		t.Fatalf("got %T, want *node.CellResults", value)
	}
	var shown []string
	for _, c := range results.Cells {
		text := fmt.Sprint(c.Value)
		if c.Err != nil {
			text = "!" + c.Err.Error()
		}
		shown = append(shown, strings.Join(c.Keys, ":")+"="+text)
	}
	return strings.Join(shown, " ")
}

func TestCallRunsOncePerCellThatIsNotChosen(t *testing.T) {
	t.Parallel()
	tr := grid(t, with("where", whereAmI()))
	for path, want := range map[string]string{
		"/":            "/",
		"/plain":       "/plain",
		"/a:w1":        "/a:w1",
		"/a/x:w1":      "/a/x:w1",
		"/a/x/b:w1:d2": "/a/x/b:w1:d2",
		"/a":           "w1=/a:w1 w2=/a:w2",
		"/a/logs":      "w1=/a/logs:w1 w2=/a/logs:w2",
		"/a/x":         "w1=/a/x:w1 w2=/a/x:w2",
		"/a/x/b":       "w1:d1=/a/x/b:w1:d1 w1:d2=/a/x/b:w1:d2 w2:d1=/a/x/b:w2:d1 w2:d2=/a/x/b:w2:d2",
		"/a:w2/x/b":    "d1=/a/x/b:w2:d1 d2=/a/x/b:w2:d2",
	} {
		r, _ := newRun()
		value, err := env(t, tr, path, r).Call(context.Background(), "where", node.Args{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := fmt.Sprint(value)
		if _, ok := value.(*node.CellResults); ok {
			got = showResults(t, value)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestMovingAroundInARun(t *testing.T) {
	t.Parallel()
	r, _ := newRun()
	e := env(t, grid(t), "/a/x/b:w1:d2", r)
	if got := e.Parent().Node().Path(); got != "/a/x:w1" {
		t.Errorf("parent: %s", got)
	}
	sibling, ok := e.Parent().Parent().Child("logs")
	if !ok || sibling.Node().Path() != "/a/logs:w1" {
		t.Errorf("the parent's other child: %v", sibling)
	}
	if got := e.Root(); got.Node().Path() != "/" || got.Parent() != nil || got.Run() != r {
		t.Errorf("root: %v", got)
	}
	if _, ok := e.Child("nope"); ok {
		t.Error("a child that is not there")
	}
}

func TestLimitFiltersCellsAndContainers(t *testing.T) {
	t.Parallel()
	r, _ := newRun()
	r.Limit = func(name string) bool { return name == "w2" || name == "d1" }
	tr := grid(t, with("where", whereAmI()))
	for path, want := range map[string]string{"/a": "w2=/a:w2", "/a/x/b": "w2:d1=/a/x/b:w2:d1", "/a/x/c": "w2:w2=/a/x/c:w2:w2 w2:d1=/a/x/c:w2:d1"} {
		value, err := env(t, tr, path, r).Call(context.Background(), "where", node.Args{})
		if err != nil || showResults(t, value) != want {
			t.Errorf("%s: %v %v, want %s", path, value, err, want)
		}
	}
	a := env(t, tr, "/a", r)
	if got := showRoles(a.Hosts().Roles()); got != "host=w2 db=d1" {
		t.Errorf("container: %s", got)
	}
	if cells := a.Cells(); len(cells) != 1 || cells[0].Node().Path() != "/a:w2" {
		t.Errorf("cells: %v", cells)
	}
	if cell, err := a.Cell(node.CellKey{Number: 1}); err != nil || cell.Node().Path() != "/a:w2" {
		t.Errorf("cell 1: %v %v", cell, err)
	}
	_, err := a.Cell(node.CellKey{Host: "w1"})
	wantError(t, err, "a:w1 is left out by --limit")
}

func TestNoCellsIsAnEmptyResultAndALineInTheLog(t *testing.T) {
	t.Parallel()
	r, rec := newRun()
	r.Limit = func(string) bool { return false }
	value, err := env(t, grid(t, with("where", whereAmI())), "/a", r).Call(context.Background(), "where", node.Args{})
	if err != nil || showResults(t, value) != "" {
		t.Errorf("%v %v", value, err)
	}
	if diff := cmp.Diff([]string{"log /a [] a where: it has no cells here, nothing was done"}, rec.all()); diff != "" {
		t.Error(diff)
	}
}

func TestAllCellsFinishAndTheErrorNamesEach(t *testing.T) {
	t.Parallel()
	h := []host.Host{&target{name: "web1"}, &target{name: "web2", code: 2}, &target{name: "web3"}}
	deploy := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		if _, err := e.Hosts().Run(ctx, "uptime", host.RunOptions{}); err != nil {
			return nil, err
		}
		if e.Node().Path() == "/production/web:web3" {
			panic("out of luck")
		}
		return "done", nil
	})
	web := array(t, parallel(t, with("deploy", deploy)), node.Hosts{role("host", h...)})
	rollout := action(func(ctx context.Context, e *node.Env, a node.Args) (any, error) {
		web, _ := e.Child("web")
		return web.Call(ctx, "deploy", a)
	})
	tr := tree(t, plain(t, with("production", plain(t, with("web", web), with("rollout", rollout)))))

	r, rec := newRun()
	value, err := env(t, tr, "/production/web", r).Call(context.Background(), "deploy", node.Args{})
	wantError(t, err, "production.web deploy: web2: exit status 2; web3: internal error: panic: out of luck")
	if got := showResults(t, value); !strings.HasPrefix(got, "web1=done web2=!production.web:web2 deploy: web2: exit status 2 web3=!") {
		t.Errorf("results: %s", got)
	}
	cells, ok := errors.AsType[*node.CellsError](err)
	if exit, isExit := errors.AsType[*host.ExitError](err); !ok || !isExit || exit.Host != "web2" || cells.Results.Cells[0].Value != "done" {
		t.Errorf("the facts are not in the error: %#v", err)
	}
	log := strings.Join(rec.all(), "\n")
	for _, want := range []string{
		"cell /production/web:web1 web1 starts", "cell /production/web:web1 web1 ends done <nil>",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the trace:\n%s", want, log)
		}
	}
	panicked, ok := errors.AsType[*node.PanicError](err)
	if !ok || !strings.Contains(panicked.Stack, "call_test.go") || strings.Contains(log, "goroutine") {
		t.Errorf("the stack belongs into the error, not on the screen: %#v\n%s", panicked, log)
	}

	_, err = env(t, tr, "/production", r).Call(context.Background(), "rollout", node.Args{})
	wantError(t, err, "production rollout: production.web deploy: web2: exit status 2; web3: internal error: panic: out of luck")
}

func TestErrorsNameAtMostTwentyCells(t *testing.T) {
	t.Parallel()
	fails := action(func(context.Context, *node.Env, node.Args) (any, error) { return nil, errors.New("no") })
	tr := tree(t, plain(t, with("a", array(t, parallel(t, with("x", fails)), node.Hosts{role("host", numbered("h", 33)...)}))))
	r, _ := newRun()
	_, err := env(t, tr, "/a", r).Call(context.Background(), "x", node.Args{})
	text := err.Error()
	if !strings.HasPrefix(text, "a x: h0: no; h1: no;") || !strings.HasSuffix(text, "h19: no; and 13 more") {
		t.Error(text)
	}
}

func TestErrorsReadWell(t *testing.T) {
	t.Parallel()
	failing := func(err error) *node.Action {
		return action(func(context.Context, *node.Env, node.Args) (any, error) { return nil, err })
	}
	traced := failing(&node.ActionError{Trace: "tree.star:3", Err: errors.New("no such key")})
	tr := tree(t, plain(t, with("boom", failing(errors.New("no"))), with("traced", traced),
		with("p", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return nil, errors.New("no value") }}),
		with("site", plain(t, with("boom", failing(errors.New("no"))), with("p", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { panic("p") }})))))
	r, _ := newRun()
	root, site := env(t, tr, "/", r), env(t, tr, "/site", r)
	_, err := root.Call(context.Background(), "boom", node.Args{})
	wantError(t, err, "boom: no")
	_, err = site.Call(context.Background(), "boom", node.Args{})
	wantError(t, err, "site boom: no")
	_, err = site.Call(context.Background(), "bom", node.Args{})
	wantError(t, err, `site bom: no "bom" in site; did you mean boom?`)
	_, _, err = root.Attr(context.Background(), "p")
	wantError(t, err, "p: no value")
	_, found, err := site.Attr(context.Background(), "p")
	wantError(t, err, "site p: internal error: panic: p")
	if !found {
		t.Error("a property that fails is there")
	}
	_, err = root.Call(context.Background(), "traced", node.Args{})
	if diff := cmp.Diff(&node.ActionError{Path: "/", Action: "traced", Trace: "tree.star:3", Err: errors.New("no such key")}, err, cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() })); diff != "" {
		t.Error(diff)
	}
	if made, _ := errors.AsType[*node.ActionError](err); made.Trace != "tree.star:3" || made.Action != "traced" {
		t.Errorf("the backtrace is lost: %#v", made)
	}
}

func TestAttr(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("v", 7), with("none", nil), with("act", noop()), with("child", plain(t)),
		with("p", &node.Property{Fn: func(_ context.Context, e *node.Env) (any, error) { return e.Node().Path(), nil }})))
	r, _ := newRun()
	e := env(t, tr, "/", r)
	for name, want := range map[string][2]any{"v": {7, true}, "none": {nil, true}, "p": {"/", true}, "act": {nil, false}, "child": {nil, false}, "nope": {nil, false}} {
		value, found, err := e.Attr(context.Background(), name)
		if err != nil || value != want[0] || found != want[1] {
			t.Errorf("%s: %v %v %v", name, value, found, err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	t.Parallel()
	again := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		child, ok := e.Child("b")
		if !ok {
			child = e.Root()
		}
		return child.Call(ctx, "ping", node.Args{})
	})
	deepest := &atomic.Int32{}
	p := &node.Property{Fn: func(ctx context.Context, e *node.Env) (any, error) {
		deepest.Add(1)
		v, _, err := e.Attr(ctx, "p")
		return v, err
	}}
	tr := tree(t, plain(t, with("ping", again), with("p", p), with("b", plain(t, with("ping", again)))))
	r, _ := newRun()
	_, err := env(t, tr, "/", r).Call(context.Background(), "ping", node.Args{})
	wantError(t, err, "ping: calls nest more than 64 deep: / ping > /b ping > / ping > /b ping > ... > /b ping > / ping > /b ping > / ping")
	deep, ok := errors.AsType[*node.DepthError](err)
	if !ok || len(deep.Chain) != node.MaxDepth+1 {
		t.Errorf("chain: %v", deep)
	}
	if _, _, err := env(t, tr, "/", r).Attr(context.Background(), "p"); err == nil || deepest.Load() != node.MaxDepth {
		t.Errorf("a property of itself: %v after %d", err, deepest.Load())
	}
}

func TestArgumentsAreNotShared(t *testing.T) {
	t.Parallel()
	spoil := action(func(_ context.Context, e *node.Env, a node.Args) (any, error) {
		a.Pos[0], a.Named[0].Value = e.Node().Path(), e.Node().Path()
		return a.Pos[0], nil
	})
	tr := tree(t, plain(t, with("a", array(t, parallel(t, with("x", spoil)), node.Hosts{role("host", numbered("h", 5)...)}))))
	r, _ := newRun()
	args := node.Args{Pos: []any{"v1"}, Named: []node.Keyword{{Name: "n", Value: 1}}}
	if _, err := env(t, tr, "/a", r).Call(context.Background(), "x", args); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(node.Args{Pos: []any{"v1"}, Named: []node.Keyword{{Name: "n", Value: 1}}}, args); diff != "" {
		t.Error(diff)
	}
}

func TestCallFuncSplitsLikeAnAction(t *testing.T) {
	t.Parallel()
	r, _ := newRun()
	value, err := env(t, grid(t), "/a", r).CallFunc(context.Background(), "f", whereAmI(), node.Args{})
	if err != nil || showResults(t, value) != "w1=/a:w1 w2=/a:w2" {
		t.Errorf("%v %v", value, err)
	}
}

func TestATimeOutIsPerCellFromItsStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
			wait := 9 * time.Second
			if e.Node().Path() == "/a:h2" {
				wait = time.Hour
			}
			select {
			case <-time.After(wait):
				return "done", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		tr := tree(t, plain(t, with("slow", slow), with("a", array(t, parallel(t, with("slow", slow)), node.Hosts{role("host", numbered("h", 4)...)}))))
		r, _ := newRun()
		r.Forks, r.Timeout = 1, 10*time.Second
		value, err := env(t, tr, "/a", r).Call(context.Background(), "slow", node.Args{})
		wantError(t, err, "a slow: h2: timed out after 10s")
		if got := showResults(t, value); got != "h0=done h1=done h2=!a:h2 slow: h2: timed out after 10s h3=done" {
			t.Error(got)
		}
		timeout, ok := errors.AsType[*host.TimeoutError](err)
		if !ok || timeout.Host != "h2" || timeout.After != 10*time.Second {
			t.Errorf("got %#v", timeout)
		}
		r.Timeout = time.Second
		_, err = env(t, tr, "/", r).Call(context.Background(), "slow", node.Args{})
		wantError(t, err, "slow: timed out after 1s")
	})
}

func TestATimeOutKillsTheCommandAndIsNamedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
			time.Sleep(time.Second)
			_, err := e.Hosts().Run(ctx, "sleep 1000", host.RunOptions{})
			return nil, err
		})
		tr := tree(t, plain(t, with("a", array(t, parallel(t, with("hang", hang)), node.Hosts{role("host", &target{name: "h1", hangs: true})}))))
		r, rec := newRun()
		r.Timeout = 5 * time.Second
		_, err := env(t, tr, "/a", r).Call(context.Background(), "hang", node.Args{})
		wantError(t, err, "a hang: h1: timed out after 5s")
		if log := strings.Join(rec.all(), "\n"); !strings.Contains(log, "sleep 1000 ends 143") {
			t.Errorf("the command was not killed:\n%s", log)
		}
	})
}

func TestATimeOutTellsWhatWasNotItsDoing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		both := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
			time.Sleep(time.Second)
			_, err := e.Hosts().Run(ctx, "sleep 1000", host.RunOptions{})
			return nil, err
		})
		hosts := node.Hosts{role("web", &target{name: "h1", hangs: true}, &target{name: "h2", code: 3})}
		r, _ := newRun()
		r.Timeout = 5 * time.Second
		_, err := env(t, tree(t, plain(t, with("hosts", hosts), with("both", both))), "/", r).Call(context.Background(), "both", node.Args{})
		wantError(t, err, "both: timed out after 5s (h1: timed out after 5s; h2: exit status 3)")
	})
}

func TestACancelSkipsWhatHasNotStarted(t *testing.T) {
	t.Parallel()
	cause := errors.New("alice pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stop := action(func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
		cancel(cause)
		<-ctx.Done()
		return nil, fmt.Errorf("waiting: %w", ctx.Err())
	})
	tr := tree(t, plain(t, with("stop", stop), with("a", array(t, parallel(t, with("stop", stop)), node.Hosts{role("host", numbered("h", 3)...)}))))
	r, rec := newRun()
	r.Forks = 1
	value, err := env(t, tr, "/a", r).Call(ctx, "stop", node.Args{})
	wantError(t, err, "a stop: h0: alice pressed Ctrl-C (waiting: context canceled); 2 not started")
	cells := value.(*node.CellResults).Cells
	var skipped *node.SkippedError
	if !errors.As(cells[2].Err, &skipped) || !errors.Is(skipped, cause) || errors.As(cells[0].Err, &skipped) {
		t.Errorf("cells: %v", showResults(t, value))
	}
	want := []string{"cell /a:h0 h0 starts", "cell /a:h0 h0 ends", "cell /a:h1 h1 ends <nil> not started", "cell /a:h2 h2 ends <nil> not started"}
	for i, line := range rec.all() {
		if !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: got %s, want %s", i, line, want[i])
		}
	}
	_, err = env(t, tr, "/", r).Call(ctx, "stop", node.Args{})
	wantError(t, err, "stop: alice pressed Ctrl-C")
}

func TestStepsAreCountedOverTheWholeRun(t *testing.T) {
	t.Parallel()
	r := &node.Run{Steps: 100}
	if a, b, c := r.TakeSteps(60), r.TakeSteps(60), r.TakeSteps(60); a != 60 || b != 40 || c != 0 {
		t.Errorf("got %d %d %d", a, b, c)
	}
	if got := (&node.Run{}).TakeSteps(1 << 40); got != 50_000_000 {
		t.Errorf("by default %d", got)
	}
}

func TestARunWithoutATrace(t *testing.T) {
	t.Parallel()
	tr := grid(t, with("say", action(func(_ context.Context, e *node.Env, _ node.Args) (any, error) {
		e.Log("hello")
		panic("no one hears")
	})))
	_, err := env(t, tr, "/a", &node.Run{}).Call(context.Background(), "say", node.Args{})
	wantError(t, err, "a say: w1: internal error: panic: no one hears; w2: internal error: panic: no one hears")
}
