package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func justOne(t testing.TB, base *node.Type, hosts any) *node.Type {
	t.Helper()
	typ, err := base.JustOne(hosts, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func called(names ...string) *node.Action {
	a := whereAmI()
	a.Aliases = names
	return a
}

func TestAliases(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("web", plain(t,
		with("status", called("st", "git.status", "git.sub.status")),
		with("git", plain(t, with("log", noop()))),
	))))
	for words, want := range map[string]string{
		"web st":             "/web status 2",
		"web git.status":     "/web status 2",
		"web.git.status":     "/web status 1",
		"web/git.sub.status": "/web status 1",
		"web.git.log":        "/web/git log 1",
		"web git.sub":        `/web 1 no "sub" in web.git`,
		"web git.statu":      `/web 1 no "statu" in web.git`,
		"web git.status x":   "/web status 2",
		"web git.status.x":   `/web 1 no "status" in web.git`,
		"web/git/status":     `/web/git`,
	} {
		found := tr.Root().Resolve(strings.Fields(words), node.Lookup{})
		if got := showFound(found); got != want && !strings.HasPrefix(got, want+" ") && words != "web/git/status" {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
	}
	run, _ := newRun()
	value, err := node.NewEnv(find(t, tr, "/web"), run).Call(t.Context(), "git.status", node.Args{})
	if value != "/web" || err != nil {
		t.Errorf("call by alias: %v, %v", value, err)
	}
}

func TestAliasesThatClashAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []node.Member
		want    string
	}{
		"member":  {[]node.Member{with("a", called("b")), with("b", 1)}, `the alias "b" of a is a member of the same node`},
		"alias":   {[]node.Member{with("a", called("x.y")), with("b", called("x.y"))}, `the alias "x.y" of b is an alias of a too`},
		"twice":   {[]node.Member{with("a", called("x", "x"))}, `the alias "x" of a is given twice`},
		"itself":  {[]node.Member{with("a", called("a"))}, `the alias "a" of a is the action's own name`},
		"env's":   {[]node.Member{with("a", called("hosts"))}, `the alias "hosts" of a is a name of env itself`},
		"parent":  {[]node.Member{with("a", called("parent"))}, `the alias "parent" of a is a name of env itself`},
		"default": {[]node.Member{with("a", called("call"))}, `the alias "call" of a is the default action's name`},
		"blank":   {[]node.Member{with("a", called("x y"))}, `the alias "x y" of a is no name`},
		"dots":    {[]node.Member{with("a", called("x..y"))}, `the alias "x..y" of a is no name`},
		"empty":   {[]node.Member{with("a", called(""))}, `the alias "" of a is no name`},
	} {
		_, err := node.NewType(node.Plain, c.members, pos(1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	base := plain(t, with("a", called("x")))
	if _, err := base.Derive([]node.Member{with("x", 1)}, pos(2)); err == nil {
		t.Error("a derived type has a member with the name of an inherited alias")
	}
	over := derive(t, base, with("a", noop()), with("x", 1))
	if v, ok := over.Member("x"); v != 1 || !ok {
		t.Errorf("after the override of a, x is %v, %v", v, ok)
	}
}

// oneTree has just_ones of one, no and two hosts, and things below them.
func oneTree(t testing.TB) *node.Tree {
	t.Helper()
	host := action(func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
		h, err := env.Host()
		if err != nil {
			return nil, err
		}
		return env.Node().Path() + " " + h.Host().Name() + " " + strings.Join(env.Hosts().Names(), ","), nil
	})
	base := parallel(t, with("who", host), with("ip", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return "x", nil }}),
		with("same", parallel(t, with("who", host))),
		with("plain", plain(t, with("who", host), with("more", array(t, parallel(t, with("who", host)), node.Hosts{role("host", targets("m1", "m2")...)})))))
	h := targets("a", "b", "c")
	return tree(t, plain(t,
		with("hosts", node.Hosts{role("www", h...), role("db", h[0])}),
		with("one", justOne(t, base, mapRoles(entry("", "db")))),
		with("none", justOne(t, base, mapRoles(entry("", "nothing")))),
		with("many", justOne(t, base, nil)),
		with("web", array(t, parallel(t, with("x", plain(t, with("db", justOne(t, base, mapRoles(entry("", "host"))))))), mapRoles(entry("", "www")))),
	))
}

func TestJustOne(t *testing.T) {
	t.Parallel()
	tr := oneTree(t)
	run, _ := newRun()
	for _, c := range []struct{ path, want string }{
		{"/one", "/one a a"},
		{"/one/same", "/one/same a a"},
		{"/one/plain", "/one/plain a a"},
		{"/one/plain/more:m2", "/one/plain/more:m2 m2 m2"},
		{"/web:b/x/db", "/web/x/db:b b b"},
		{"/none", `none who: none is a just_one and has 0 hosts in its role "host", not one`},
		{"/none/same", `none.same who: none is a just_one and has 0 hosts in its role "host", not one`},
		{"/many", `many who: many is a just_one and has 3 hosts in its role "host", not one (a, b, c)`},
		{"/many/plain", `many.plain who: many is a just_one and has 3 hosts in its role "host", not one (a, b, c)`},
	} {
		n := find(t, tr, c.path)
		got, err := node.NewEnv(n, run).Call(t.Context(), "who", node.Args{})
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.path, got, c.want)
		}
	}
	one := find(t, tr, "/one")
	if one.KindName() != "node" || one.IsArray() || one.Cells() != nil || strings.Join(one.Isolated(), " ") != "a" {
		t.Errorf("one is a %s, isolated to %v", one.KindName(), one.Isolated())
	}
	_, err := one.Cell("a")
	wantError(t, err, `one["a"]: this is one cell already`)
	many := node.NewEnv(find(t, tr, "/many"), run)
	if _, _, err := many.Attr(t.Context(), "ip"); err == nil {
		t.Error("a property is read of a just_one with three hosts")
	}
	if _, err := many.RunCommand(t.Context(), "uptime", host.RunOptions{}); err == nil {
		t.Error("a command runs on a just_one with three hosts")
	}
	results, err := node.NewEnv(find(t, tr, "/web/x/db"), run).Call(t.Context(), "who", node.Args{})
	if err != nil || len(results.(*node.CellResults).Cells) != 3 {
		t.Errorf("a just_one in each cell: %v, %v", results, err)
	}
}

func TestJustOneIsRefused(t *testing.T) {
	t.Parallel()
	_, err := plain(t).JustOne(nil, pos(7))
	wantError(t, err, "tree.star:7:1: only a parallel node has the form just_one (make the type with parallel_node)")
	_, err = array(t, parallel(t), nil).JustOne(nil, pos(7))
	wantError(t, err, "tree.star:7:1: this type is an array already (array and just_one apply once)")
	_, err = justOne(t, parallel(t), nil).Array(nil, pos(7))
	wantError(t, err, "tree.star:7:1: this type is a just_one already (array and just_one apply once)")
	_, err = justOne(t, parallel(t), nil).JustOne(nil, pos(7))
	wantError(t, err, "tree.star:7:1: this type is a just_one already (array and just_one apply once)")
	_, err = node.NewTree(plain(t, with("w", array(t, parallel(t, with("x", justOne(t, parallel(t), nil))), nil))), "v")
	wantError(t, err, "tree.star:1:1: /w/x is a just_one in a parallel node (leave the form out: it shares the cells of its parent; a plain node in between adds a dimension)")
	_, err = node.NewTree(justOne(t, parallel(t), nil), "v")
	wantError(t, err, "tree.star:1:1: the root must be a plain node, not a parallel one (make root with node(...))")
}

func TestARequiredValue(t *testing.T) {
	t.Parallel()
	base := plain(t, with("domain", node.Required{For: "the site's name"}))
	tr := tree(t, plain(t, with("bare", base), with("full", derive(t, base, with("domain", "x.org")))))
	run, _ := newRun()
	_, found, err := node.NewEnv(find(t, tr, "/bare"), run).Attr(t.Context(), "domain")
	if !found {
		t.Error("a required value is not there at all")
	}
	wantError(t, err, "bare has no domain, which is required: the site's name")
	if v, _, err := node.NewEnv(find(t, tr, "/full"), run).Attr(t.Context(), "domain"); v != "x.org" || err != nil {
		t.Errorf("overridden: %v, %v", v, err)
	}
	if got := fmt.Sprint(find(t, tr, "/bare").Attributes(false)[0].Value); got != "required: the site's name" {
		t.Errorf("listed as %q", got)
	}
}

// answering is a Console whose answers are given, and that keeps the questions.
type answering struct {
	questions []string
	answer    node.Answer
}

func (a *answering) Interactive() bool { return true }
func (a *answering) Ask(_ context.Context, q node.Question) (node.Answer, error) {
	a.questions = append(a.questions, q.Label+" "+strings.Join(q.Options, ","))
	return a.answer, nil
}

// cellsTree is an array of three cells with an action of these options.
func cellsTree(t testing.TB, change func(*node.Action)) *node.Tree {
	a := whereAmI()
	change(a)
	return tree(t, plain(t, with("web", array(t, parallel(t, with("go", a)), node.Hosts{role("host", targets("a", "b", "c")...)})), with("go", a)))
}

func TestDontIsolateYet(t *testing.T) {
	t.Parallel()
	tr := cellsTree(t, func(a *node.Action) { a.DontIsolateYet = true })
	run, heard := newRun()
	for path, want := range map[string]string{"/web": "/web", "/web:b": "/web:b", "/": "/"} {
		if got, err := node.NewEnv(find(t, tr, path), run).Call(t.Context(), "go", node.Args{}); got != want || err != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	if lines := heard.all(); len(lines) != 0 {
		t.Errorf("cells were told of: %q", lines)
	}
}

func TestIsolateOneOnly(t *testing.T) {
	t.Parallel()
	tr := cellsTree(t, func(a *node.Action) { a.IsolateOneOnly = true })
	env := func(change func(*node.Run)) (*node.Env, *recorder) {
		run, heard := newRun()
		change(run)
		return node.NewEnv(find(t, tr, "/web"), run), heard
	}
	person := &answering{answer: node.Answer{Index: 1}}
	asked, heard := env(func(r *node.Run) { r.Console = person })
	got, err := asked.Call(t.Context(), "go", node.Args{})
	if got != "/web:b" || err != nil {
		t.Errorf("the second host: %v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"web go: on which host a,b,c"}, person.questions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cell /web:b b starts", "cell /web:b b ends <nil> <nil>"}, heard.all()); diff != "" {
		t.Error(diff)
	}
	alone, _ := env(func(r *node.Run) { r.Limit = func(h string) bool { return h == "c" } })
	if got, err := alone.Call(t.Context(), "go", node.Args{}); got != "/web:c" || err != nil {
		t.Errorf("one alone: %v, %v", got, err)
	}
	none, _ := env(func(r *node.Run) { r.Limit = func(string) bool { return false } })
	_, err = none.Call(t.Context(), "go", node.Args{})
	wantError(t, err, "web go: it runs on one host, and web has none here")
	nobody, _ := env(func(*node.Run) {})
	_, err = nobody.Call(t.Context(), "go", node.Args{})
	wantError(t, err, `web go: question "web go: on which host": 3 hosts, and nobody can be asked here: name one, or --limit`)
	if got, err := nobody.Cells()[2].Call(t.Context(), "go", node.Args{}); got != "/web:c" || err != nil {
		t.Errorf("in a cell: %v, %v", got, err)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	tr := cellsTree(t, func(a *node.Action) { a.Confirm = "Really?" })
	call := func(change func(*node.Run)) error {
		run, _ := newRun()
		change(run)
		_, err := node.NewEnv(find(t, tr, "/web"), run).Call(t.Context(), "go", node.Args{})
		return err
	}
	yes, no := &answering{answer: node.Answer{Yes: true}}, &answering{}
	if err := call(func(r *node.Run) { r.Console = yes }); err != nil || len(yes.questions) != 1 {
		t.Errorf("yes: %v after %q; want to be asked once for all cells", err, yes.questions)
	}
	err := call(func(r *node.Run) { r.Console = no })
	wantError(t, err, "web go: not confirmed: nothing was done")
	if !errors.Is(err, node.ErrNotConfirmed) {
		t.Errorf("%v is not ErrNotConfirmed", err)
	}
	wantError(t, call(func(*node.Run) {}), `web go: question "Really?": nobody can be asked here, and it has no default`)
	wantError(t, call(func(r *node.Run) { r.Yes = true }), "no error")
	wantError(t, call(func(r *node.Run) { r.Yes, r.Console = true, no }), "no error")
}

func TestTimeoutOfAnAction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own, run time.Duration
		want     string
	}{
		"its own":         {time.Minute, 0, "a: timed out after 1m0s"},
		"the run's":       {0, time.Second, "a: timed out after 1s"},
		"the smaller":     {time.Minute, time.Second, "a: timed out after 1s"},
		"the smaller own": {time.Second, time.Minute, "a: timed out after 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wait := action(func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				})
				wait.Timeout = c.own
				outer := action(func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
					return env.Call(ctx, "wait", node.Args{})
				})
				tr := tree(t, plain(t, with("web", array(t, parallel(t, with("wait", wait), with("outer", outer)), node.Hosts{role("host", targets("a")...)}))))
				run, _ := newRun()
				run.Timeout = c.run
				env := node.NewEnv(find(t, tr, "/web"), run)
				for _, name := range []string{"wait", "outer"} {
					_, err := env.Call(t.Context(), name, node.Args{})
					var timeout *host.TimeoutError
					if !errors.As(err, &timeout) || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%s: %v, want %s", name, err, c.want)
					}
				}
			})
		})
	}
}

func TestInitialize(t *testing.T) {
	t.Parallel()
	web := array(t, parallel(t, with("go", noop())), nil)
	h := targets("a", "b")
	tr := tree(t, plain(t, with("hosts", node.Hosts{role("host", h...)}), with("web", web)))
	run, _ := newRun()
	who := parallel(t, with("who", whereAmI()), with("deep", plain(t, with("who", whereAmI()), with("more", array(t, parallel(t, with("who", whereAmI())), nil)))))
	cell := node.NewEnv(find(t, tr, "/web:b"), run)
	made, err := cell.Initialize(who)
	if err != nil {
		t.Fatal(err)
	}
	deep, _ := made.Child("deep")
	more, _ := deep.Child("more")
	one, err := more.Cell(node.CellKey{Host: "b"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		made.Node().Path(), made.Parent().Node().Path(), made.Node().RulePath(), deep.Node().Path(), more.Node().Path(), one.Node().Path(),
		one.Parent().Node().Path(), strings.Join(made.Hosts().Names(), ","), made.Root().Node().Path(), made.Node().KindName(),
	}
	want := []string{
		"/web:b/(new)", "/web:b", "/web/(new)", "/web:b/(new)/deep", "/web:b/(new)/deep/more", "/web:b/(new)/deep/more:b",
		"/web:b/(new)/deep", "b", "/", "cell",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if value, err := made.Call(t.Context(), "who", node.Args{}); value != "/web:b/(new)" || err != nil {
		t.Errorf("call: %v, %v", value, err)
	}
	if len(cell.Node().Children(true)) != 0 || tr.Size() != 2 {
		t.Error("the tree has changed")
	}
	_, err = node.NewEnv(tr.Root(), run).Initialize(who)
	wantError(t, err, "initialize: tree.star:1:1: /(new) is a parallel node in a plain node, and it is not said for which hosts (write .array() for one cell per host, or .just_one() for exactly one host)")
	_, err = node.NewEnv(tr.Root(), run).Initialize(plain(t, with("hosts", node.Hosts{role("x", targets("a")...)})))
	wantError(t, err, `initialize: tree.star:1:1: two hosts are called "a": one is the tree's, in /`)
	deepest := cell
	for err == nil || deepest == cell {
		if deepest, err = deepest.Initialize(plain(t)); err != nil {
			break
		}
	}
	if !strings.Contains(err.Error(), "nodes nest more than") {
		t.Errorf("a node in a node in a node: %v", err)
	}
}

// TestAnEnvAsResult: it goes on in the caller's chain of calls, so that a walk
// by results never ends for its depth.
func TestAnEnvAsResult(t *testing.T) {
	t.Parallel()
	next := action(func(_ context.Context, env *node.Env, _ node.Args) (any, error) { return env, nil })
	tr := tree(t, plain(t, with("next", next)))
	run, _ := newRun()
	env := node.NewEnv(tr.Root(), run)
	for range 2 * node.MaxDepth {
		value, err := env.Call(t.Context(), "next", node.Args{})
		if err != nil {
			t.Fatal(err)
		}
		env = value.(*node.Env)
	}
	if text, err := env.MarshalJSON(); string(text) != `"/"` || err != nil || env.String() != "/" {
		t.Errorf("shown as %s, %v, %s", text, err, env)
	}
}

func TestDefaultAction(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("web", plain(t, with("call", noop()))), with("db", plain(t))))
	if a, ok := find(t, tr, "/web").Default(); !ok || a.Name != "call" {
		t.Errorf("default action %q, %v", a.Name, ok)
	}
	if _, ok := find(t, tr, "/db").Default(); ok {
		t.Error("db has a default action")
	}
}
