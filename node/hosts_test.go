package node_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func TestCommandsAskTheGateOnceAndAreTraced(t *testing.T) {
	t.Parallel()
	h := []host.Host{&target{name: "web1"}, &target{name: "web2", code: 3}}
	tr := tree(t, plain(t, with("site", plain(t, with("hosts", node.Hosts{role("a", h...), role("b", h[1])})))))
	r, rec := newRun()
	r.Forks = 1
	results, err := env(t, tr, "/site", r).RunCommand(context.Background(), "uptime", host.RunOptions{})
	wantError(t, err, "web2: exit status 3")
	if len(results) != 2 || string(results[0].Stdout) != "web1 says hello\n" {
		t.Errorf("results: %v", results)
	}
	want := []string{
		"gate /site uptime [web1 web2]",
		"/site web1: uptime starts",
		`/site web1: stdout "web1 says hello\n"`,
		"/site web1: uptime ends 0",
		"/site web2: uptime starts",
		`/site web2: stdout "web2 says hello\n"`,
		"/site web2: uptime ends 3",
		"done uptime 2",
	}
	if diff := cmp.Diff(want, rec.all()); diff != "" {
		t.Error(diff)
	}
}

func TestTheGateRefuses(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("hosts", node.Hosts{role("a", targets("web1")...)})))
	r, rec := newRun()
	denied := errors.New("you may not")
	rec.refuse = denied
	if _, err := env(t, tr, "/", r).RunCommand(context.Background(), "reboot", host.RunOptions{}); !errors.Is(err, denied) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"gate / reboot [web1]"}, rec.all()); diff != "" {
		t.Error(diff)
	}
	_, err := env(t, tr, "/", &node.Run{}).RunCommand(context.Background(), "reboot", host.RunOptions{})
	wantError(t, err, "this run reaches no host: the command is refused")
}

func TestRunCommandInACellAndInASandbox(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	r, rec := newRun()
	r.Sandbox = true
	if _, err := env(t, tr, "/a:w2", r).RunCommand(context.Background(), "rm x", host.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := rec.all()[0]; got != "gate /a:w2 rm x [w2 d1 d2]" {
		t.Errorf("got %s", got)
	}
	e := env(t, tr, "/a:w2", r)
	if got := showRoles(e.Hosts().Roles()); got != "host=w2 db=d1,d2" {
		t.Errorf("hosts: %s", got)
	}
}

func TestHostIsTheOneHostOfACell(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	r, _ := newRun()
	for path, want := range map[string]string{"/a:w2": "w2", "/a/logs:w1": "w1", "/a/x:w1": "w1", "/a/x/b:w1:d2": "d2"} {
		handle, err := env(t, tr, path, r).Host()
		if err != nil || handle.Host().Name() != want {
			t.Errorf("%s: %v %v, want %s", path, handle, err, want)
		}
	}
	for path, want := range map[string]string{
		"/":              "/ is no cell: only a cell of an array, or a just_one, has the one host; use its hosts",
		"/a":             "a is no cell: only a cell of an array, or a just_one, has the one host; use its hosts",
		"/a/logs/sub:w1": `a.logs.sub:w1 has 0 hosts in its role "host", not one`,
	} {
		_, err := env(t, tr, path, r).Host()
		wantError(t, err, want)
	}
}

// TestOneContainerUsedByManyCells hands one container to all cells, so that
// its calls are traced while they overlap.
func TestOneContainerUsedByManyCells(t *testing.T) {
	t.Parallel()
	var once sync.Once
	var shared *host.Group
	use := action(func(ctx context.Context, e *node.Env, _ node.Args) (any, error) {
		once.Do(func() { shared = e.Root().Hosts() })
		_, err := shared.Run(ctx, "echo "+e.Node().Path(), host.RunOptions{})
		return nil, err
	})
	web := numbered("w", 8)
	tr := tree(t, plain(t, with("hosts", node.Hosts{role("all", web...)}), with("a", array(t, parallel(t, with("use", use)), nil))))
	r, rec := newRun()
	if _, err := env(t, tr, "/a", r).Call(context.Background(), "use", node.Args{}); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, line := range rec.all() {
		if strings.HasPrefix(line, "done ") || strings.HasSuffix(line, " starts") && strings.Contains(line, "echo") {
			count[line]++
		}
	}
	for _, cell := range web {
		path := "/a:" + cell.Name()
		if count["done echo "+path+" 8"] != 1 {
			t.Errorf("%s: %d ends", path, count["done echo "+path+" 8"])
		}
		for _, h := range web {
			if line := "/ " + h.Name() + ": echo " + path + " starts"; count[line] != 1 {
				t.Errorf("%s: %d", line, count[line])
			}
		}
	}
}

func TestTheSessionsContextIsWhereCommandsStart(t *testing.T) {
	t.Parallel()
	r, _ := newRun()
	var err error
	if r.Context, err = r.Context.Setenv("STAGE", "beta", true); err != nil {
		t.Fatal(err)
	}
	group := env(t, grid(t), "/a:w1", r).Hosts()
	if !slices.Equal(group.Context().Environ(), []string{"STAGE=beta"}) {
		t.Errorf("got %v", group.Context().Environ())
	}
}
