package session

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/node"
)

// memberWorld is a world whose tree has each kind of member.
func memberWorld(t testing.TB, w *world) *world {
	t.Helper()
	svc := plain(t,
		with("doc", "A service."), with("hosts", w.hosts("db1")), with("domain", node.Required{For: "its name"}),
		with("call", &node.Action{
			Params: []node.Param{{Name: "name", HasDefault: true, Default: "all"}, {Name: "count", HasDefault: true, Default: int64(1)}},
			Fn: func(_ context.Context, env *node.Env, args node.Args) (any, error) {
				return fmt.Sprint(env.Node().Path(), " ", args.Pos, " ", args.Named), nil
			},
		}),
		with("status", &node.Action{Aliases: []string{"st", "git.status", "pwd"}, Fn: says("fine")}),
		with("drop", &node.Action{Confirm: "Really?", Fn: says("dropped")}),
		with("quiet", &node.Action{SuppressResult: true, Fn: says("not to be seen")}),
		with("_hidden", &node.Action{Fn: says("hidden")}),
		with("sub", plain(t, with("go", act("", says("gone"))))),
	)
	web := parallel(t,
		with("who", &node.Action{IsolateOneOnly: true, Fn: func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			return "I am " + env.Node().Path(), nil
		}}),
		with("count", &node.Action{DontIsolateYet: true, Fn: func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			return int64(len(env.Cells())), nil
		}}),
		with("quiet", &node.Action{SuppressResult: true, Fn: says("not to be seen")}),
		with("fail", act("", func(context.Context, *node.Env, node.Args) (any, error) { return nil, fmt.Errorf("no disk") })),
		with("before", &node.Action{DontIsolateYet: true, Fn: func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			_, err := env.Call(ctx, "own", node.Args{})
			return nil, err
		}}),
		with("own", act("", says("a cell's own"))),
	)
	array, err := web.Array(w.hosts("web1", "web2"), pos(7))
	if err != nil {
		t.Fatal(err)
	}
	one, err := web.JustOne(w.hosts("web3"), pos(8))
	if err != nil {
		t.Fatal(err)
	}
	many, err := web.JustOne(w.hosts("web1", "web2"), pos(9))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := node.NewTree(plain(t,
		with("svc", svc), with("web", array), with("one", one), with("many", many),
		with("go", act("", func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			child, _ := env.Child("svc")
			return child, nil
		})),
		with("make", act("", func(_ context.Context, env *node.Env, _ node.Args) (any, error) { return env.Initialize(svc) })),
	), "v1")
	if err != nil {
		t.Fatal(err)
	}
	state := w.makeState(t)
	state.Tree = tree
	w.Swap(state)
	return w
}

func says(text string) function {
	return func(context.Context, *node.Env, node.Args) (any, error) { return text, nil }
}

func TestMembersInAOneShot(t *testing.T) {
	t.Parallel()
	w := memberWorld(t, newWorld(t))
	w.check(t, "alice", []transcript{
		{line: "svc", out: "/svc [] []\n"},
		{line: "/svc/", out: "/svc [] []\n"},
		{line: "svc x 3", out: "/svc [x 3] []\n"},
		{line: "svc count=3", out: "/svc [] [{count 3}]\n"},
		{line: "svc -- domain", out: "/svc [domain] []\n"},
		{line: "svc ''", out: "/svc [] []\n"},
		{line: "svc /etc/x", out: "/svc [/etc/x] []\n"},
		{line: "svc call x", out: "/svc [x] []\n"},
		{line: "svc --reason why x", out: "/svc [x] []\n"},
		{line: "svc x --sandbox", err: "deployerd: --sandbox: options stand before the action; put -- before it to pass it on\n", code: 2},
		{line: "svc count=x", err: "deployerd: call: count: \"x\" is no whole number (usage: call name=\"all\" count=1)\n", code: 2},
		{line: "svc a 2 b", err: "deployerd: call: the argument \"b\" is too much (usage: call name=\"all\" count=1)\n", code: 2},
		{line: "svc domain", err: "deployerd: \"domain\" is an attribute of svc, not a place; --inspect shows it\n", code: 2},
		{line: "svc :db1", err: "deployerd: :db1: no such node or action in /svc\n", code: 127},
		{line: "svc/x", err: "deployerd: x: no such node or action in /svc\n", code: 127},
		{line: "svc sub", err: "deployerd: svc.sub is a node: name one of its actions too, or use --run, ls or --inspect\n", code: 2},
		{line: "svc sub go", out: "gone\n"},

		{line: "svc st", out: "fine\n"},
		{line: "svc git.status", out: "fine\n"},
		{line: "svc.git.status", out: "fine\n"},
		{line: "svc/git.status x", err: "deployerd: status: the argument \"x\" is too much (status takes no arguments)\n", code: 2},
		{line: "svc pwd", out: "fine\n"},
		{line: "svc _hidden", out: "hidden\n"},
		{line: "svc quiet"},
		{line: "web quiet", err: "deployerd: 2 ok in T (run ID)\n"},

		{line: "svc drop", err: "deployerd: svc drop asks before it runs: \"Really?\"; --yes answers it\n", code: 2},
		{line: "--detach svc drop", err: "deployerd: svc drop asks before it runs: \"Really?\"; --yes answers it\n", code: 2},
		{line: "--yes svc drop", out: "dropped\n"},
		{line: "--non-interactive svc st", out: "fine\n"},
		{line: "--yes ls", err: "deployerd: ls takes no --yes\n", code: 2},

		{line: "web count", out: "2\n", err: "deployerd: ok in T (run ID)\n"},
		{line: "web before", err: "deployerd: 2 ok in T (run ID)\n"}, // the results of what it calls are not its own
		{line: "web:web2 who", out: "I am /web:web2\n"},
		{line: "--limit web2 web who", out: "I am /web:web2\n"},
		{line: "web who", err: "deployerd: web who: question \"web who: on which host\": 2 hosts, and nobody can be asked here: name one, or --limit\n" +
			"deployerd: failed in T (run ID)\n", code: 1},
		{line: "one who", out: "I am /one\n"},
		{line: "one fail", err: "deployerd: one fail: web3: no disk\ndeployerd: 1 failed in T (run ID)\n", code: 1},
		{line: "many who", err: "deployerd: many who: many is a just_one and has 2 hosts in its role \"host\", not one (web1, web2)\n" +
			"deployerd: failed in T (run ID)\n", code: 1},
		{line: "go", out: "/svc\n"},
		{line: "make", out: "/(new)\n"},
	})
}

func TestMembersInspected(t *testing.T) {
	t.Parallel()
	w := memberWorld(t, newWorld(t))
	out, _, _ := w.exec(t, "alice", "--json --inspect svc.git.status", "")
	for _, want := range []string{`"path":"/svc/status"`, `"aliases":["st","git.status","pwd"]`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in %s", want, out)
		}
	}
	out, _, _ = w.exec(t, "alice", "--inspect svc", "")
	for _, want := range []string{"domain: required: its name", "aliases: st git.status pwd"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if out, _, code := w.exec(t, "alice", "--inspect svc domain", ""); code != 0 || !strings.Contains(out, "required: its name") {
		t.Errorf("code %d:\n%s", code, out)
	}
	got := strings.Join(Shadowed(w.state.Load().Tree), "\n")
	if !strings.Contains(got, "/svc/status has the name of a command: where it stands, ./pwd reaches it") {
		t.Errorf("shadowed:\n%s", got)
	}
}

func TestMembersCompleted(t *testing.T) {
	t.Parallel()
	w := memberWorld(t, newWorld(t))
	s := w.open(t, t.Context(), "alice")
	for line, want := range map[string]string{
		"svc.st":      "svc.st *|svc.status *",
		"svc git":     "svc git.status *",
		"svc.git.s":   "svc.git.status *",
		"svc _":       "svc _hidden *",
		"svc co":      "svc count=",
		"svc x na":    "svc x name=",
		"--non":       "--non-interactive ",
		"svc.sub.go ": "",
	} {
		if got := offers(s, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestSubShell(t *testing.T) {
	t.Parallel()
	w := memberWorld(t, newWorld(t))
	out, errs, code := w.lines(t, "alice", "cd web\n/go\npwd\nst\n/make\npwd\n-\n-\nst\nls\nreturn\npwd\nreturn\npwd\nreturn\nnever\n")
	wantOut := "/svc\n/svc\nfine\n/(new)\n/(new)\nfine\nsub\ncall\nstatus\ndrop\nquiet\n/svc\n/web\n"
	if out != wantOut || code != 0 {
		t.Errorf("code %d\n%s\nwant\n%s", code, out, wantOut)
	}
	if want := "deployerd: you are at svc now; return leaves it\ndeployerd: you are at (new) now; return leaves it\n"; errs != want {
		t.Errorf("told %q", errs)
	}
}

func TestMembersAtATerminal(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	memberWorld(t, w)
	p := w.at80x24(t)
	p.types("svc drop\r")
	p.sees("Really? (y/n):")
	p.types("n\r")
	p.sees("not confirmed: nothing was done")
	p.types("svc drop\r")
	p.until("the second question", func(screen string) bool { return strings.Count(screen, "(y/n)") == 2 })
	p.types("y\r")
	p.sees("dropped")
	p.types("--yes svc drop\r--non-interactive svc drop\r")
	p.sees("asks before it runs")
	p.types("web who\r")
	p.sees("1  web1", "2  web2", "on which host:")
	p.types("web2\r")
	p.sees("I am /web:web2")
	p.types("go\r")
	p.prompted("svc")
	p.types("..\r")
	p.prompted("/")
	p.types("-\r")
	p.prompted("svc")
	p.types("return\r")
	p.prompted("/")
	p.types("return\r")
	if code := p.leaves(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
