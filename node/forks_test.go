package node_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// crowd counts how many are inside at once, per name.
type crowd struct {
	mu        chan struct{}
	now, most map[string]int
}

func newCrowd() *crowd {
	return &crowd{mu: make(chan struct{}, 1), now: map[string]int{}, most: map[string]int{}}
}

func (c *crowd) add(name string, n int) {
	c.mu <- struct{}{}
	c.now[name] += n
	c.most[name] = max(c.most[name], c.now[name])
	<-c.mu
}

// busy is an action that is inside for a second.
func (c *crowd) busy(name string) *node.Action {
	return action(func(context.Context, *node.Env, node.Args) (any, error) {
		c.add(name, 1)
		defer c.add(name, -1)
		time.Sleep(time.Second)
		return nil, nil
	})
}

func hostsOf(prefix string, n int) node.Hosts {
	return node.Hosts{role("host", numbered(prefix, n)...)}
}

func TestHowManyCellsAtOnce(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name              string
		line, node, usual int
		want              int
	}{
		{"by default", 0, 0, 0, 20},
		{"as configured", 0, 0, 7, 7},
		{"the node wins, fewer", 0, 3, 7, 3},
		{"the node wins, more", 0, 30, 7, 30},
		{"the line wins, fewer", 2, 30, 7, 2},
		{"the line wins, more", 40, 3, 7, 40},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				seen := newCrowd()
				members := []node.Member{with("busy", seen.busy("a")), with("logs", parallel(t, with("busy", seen.busy("a"))))}
				if c.node > 0 {
					members = append(members, with("forks", c.node))
				}
				tr := tree(t, plain(t, with("a", array(t, parallel(t, members...), hostsOf("h", 50)))))
				for _, path := range []string{"/a", "/a/logs"} {
					r, _ := newRun()
					r.Forks, r.DefaultForks = c.line, c.usual
					if _, err := env(t, tr, path, r).Call(context.Background(), "busy", node.Args{}); err != nil {
						t.Fatal(err)
					}
				}
				if seen.most["a"] != c.want {
					t.Errorf("%d at once, want %d", seen.most["a"], c.want)
				}
			})
		})
	}
}

// call is an action that calls another node's action from the root.
func call(path, name string) *node.Action {
	return action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		child, _ := e.Root().Child(path)
		return child.Call(ctx, name, node.Args{})
	})
}

func TestASmallerNodeIsBoundedOverTheWholeRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := newCrowd()
		web := array(t, parallel(t, with("deploy", call("db", "busy"))), hostsOf("w", 8))
		db := array(t, parallel(t, with("forks", 2), with("busy", seen.busy("db"))), hostsOf("d", 5))
		tr := tree(t, plain(t, with("web", web), with("db", db)))
		r, _ := newRun()
		start := time.Now()
		if _, err := env(t, tr, "/web", r).Call(context.Background(), "deploy", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); seen.most["db"] != 2 || took != 20*time.Second {
			t.Errorf("%d at once for %s, want 2 for 20s", seen.most["db"], took)
		}
	})
}

func TestACellLendsItsSlotToItsOwnNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := newCrowd()
		a := array(t, parallel(t, with("forks", 2), with("outer", call("a", "busy")), with("busy", seen.busy("a"))), hostsOf("h", 4))
		tr := tree(t, plain(t, with("a", a), with("big", array(t, parallel(t), hostsOf("b", 1)))))
		r, _ := newRun()
		if _, err := env(t, tr, "/a", r).Call(context.Background(), "outer", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if seen.most["a"] != 2 {
			t.Errorf("%d at once, want 2", seen.most["a"])
		}
	})
}

// TestCallsInARingDoNotWaitForEver has cells of a that call b's while cells of
// b call a's, each with a bound of one. Were they to wait for each other,
// synctest would report the deadlock.
func TestCallsInARingDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := newCrowd()
		wait := func(next *node.Action) *node.Action {
			return action(func(ctx context.Context, e *node.Env, a node.Args) (any, error) {
				time.Sleep(time.Second)
				return next.Fn(ctx, e, a)
			})
		}
		a := array(t, parallel(t, with("forks", 1), with("cross", wait(call("b", "busy"))), with("busy", seen.busy("a"))), hostsOf("a", 3))
		b := array(t, parallel(t, with("forks", 1), with("cross", wait(call("a", "busy"))), with("busy", seen.busy("b"))), hostsOf("b", 3))
		both := action(func(ctx context.Context, e *node.Env, args node.Args) (any, error) {
			path := "b"
			if handle, _ := e.Host(); handle.Host().Name() == "c0" {
				path = "a"
			}
			return call(path, "cross").Fn(ctx, e, args)
		})
		tr := tree(t, plain(t, with("a", a), with("b", b), with("c", array(t, parallel(t, with("both", both)), hostsOf("c", 2)))))
		r, _ := newRun()
		if _, err := env(t, tr, "/c", r).Call(context.Background(), "both", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if seen.most["a"] == 0 || seen.most["b"] == 0 {
			t.Errorf("the ring did not run: %v", seen.most)
		}
	})
}

func TestDeepNestingWithOneForkEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := newCrowd()
		b := array(t, parallel(t, with("go", seen.busy("b"))), hostsOf("b", 3))
		c := array(t, parallel(t, with("go", call("b", "go"))), hostsOf("c", 3))
		d := array(t, parallel(t, with("go", call("c", "go"))), hostsOf("d", 3))
		tr := tree(t, plain(t, with("b", b), with("c", c), with("d", d)))
		r, _ := newRun()
		r.Forks = 1
		if _, err := env(t, tr, "/d", r).Call(context.Background(), "go", node.Args{}); err != nil {
			t.Fatal(err)
		}
		if seen.most["b"] != 1 {
			t.Errorf("%d at once", seen.most["b"])
		}
	})
}

func TestWaitingForASmallerNodeEndsWithTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		hang := action(func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		tr := tree(t, plain(t, with("a", array(t, parallel(t, with("forks", 1), with("hang", hang)), hostsOf("h", 5)))))
		r, _ := newRun()
		go func() {
			synctest.Wait()
			cancel(errors.New("enough"))
		}()
		_, err := env(t, tr, "/a", r).Call(ctx, "hang", node.Args{})
		if cells, ok := errors.AsType[*node.CellsError](err); !ok || len(cells.Unwrap()) != 5 {
			t.Errorf("got %v", err)
		}
		wantError(t, err, "a hang: "+cellOf(err)+": enough; 4 not started")
	})
}

// cellOf names the cell that started.
func cellOf(err error) string {
	cells, _ := errors.AsType[*node.CellsError](err)
	for _, c := range cells.Results.Cells {
		if _, skipped := errors.AsType[*node.SkippedError](c.Err); !skipped {
			return c.Keys[0]
		}
	}
	return ""
}

func TestContainersKeepTheForksOfTheirNode(t *testing.T) {
	t.Parallel()
	seen := newCrowd()
	var hosts []host.Host
	for _, h := range numbered("h", 30) {
		hosts = append(hosts, &counted{target: h.(*target), crowd: seen})
	}
	tr := tree(t, plain(t, with("a", array(t, parallel(t, with("forks", 3)), node.Hosts{role("host", hosts...)}))))
	synctest.Test(t, func(t *testing.T) {
		seen.mu = make(chan struct{}, 1)
		r, _ := newRun()
		if _, err := env(t, tr, "/a", r).RunCommand(context.Background(), "uptime", host.RunOptions{}); err != nil {
			t.Fatal(err)
		}
		if seen.most["hosts"] != 3 {
			t.Errorf("%d at once, want 3", seen.most["hosts"])
		}
	})
}

// counted is a host whose start takes a second.
type counted struct {
	*target
	crowd *crowd
}

func (h *counted) Start(ctx context.Context, line host.Line, io host.IO) (host.Process, error) {
	h.crowd.add("hosts", 1)
	defer h.crowd.add("hosts", -1)
	time.Sleep(time.Second)
	return h.target.Start(ctx, line, io)
}
