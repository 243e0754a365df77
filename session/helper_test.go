package session

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// The highlighter's patterns have a clock, which stops by itself a second after the last use.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

// world is a manager with a small tree on scripted hosts.
type world struct {
	*Manager
	fakes   map[string]*hosttest.Fake
	journal *journal.Journal
	engine  *run.Engine
}

// everything is a rule that lets admins do all, and no one else anything.
var everything = auth.RuleOptions{Roles: []string{"admin"}, Allow: []string{"all"}}

func newWorld(t testing.TB, rules ...auth.RuleOptions) *world {
	t.Helper()
	w := &world{fakes: make(map[string]*hosttest.Fake)}
	for _, name := range []string{"st1", "web1", "web2", "web3", "db1"} {
		w.fakes[name] = hosttest.NewFake(name)
	}
	var err error
	w.journal, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(t.TempDir(), "journal"), Daemon: "test"})
	if err != nil {
		t.Fatal(err)
	}
	w.engine = run.New(run.Options{Journal: w.journal})
	w.Manager = New(Options{State: w.makeState(t, rules...), Engine: w.engine, Journal: w.journal, Version: "1.2.3"})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.End(ctx)
		w.engine.Drain(ctx)
		if err := w.journal.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) makeState(t testing.TB, rules ...auth.RuleOptions) State {
	t.Helper()
	tree, err := node.NewTree(w.root(t), "v1")
	if err != nil {
		t.Fatal(err)
	}
	tree.SetSources(func(at node.Position) (node.Source, bool) {
		return node.Source{File: at.File, Line: at.Line, Text: fmt.Sprintf("def f(env):  # line %d\n    \"\"\"Two\n    lines.\"\"\"\n    return \"x\x1b[2J\" %% 1\n", at.Line)}, at.File != ""
	})
	return State{Tree: tree, Users: users(t, "alice", "bob", "carol"), Rules: makeRules(t, rules...)}
}

// users are alice the admin, and operators.
func users(t testing.TB, names ...string) *auth.Users {
	t.Helper()
	var list []auth.UserOptions
	for _, name := range names {
		role := "operator"
		if name == "alice" {
			role = "admin"
		}
		list = append(list, auth.UserOptions{Name: name, Roles: []string{role}})
	}
	made, err := auth.NewUsers(list)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func makeRules(t testing.TB, rules ...auth.RuleOptions) *auth.Rules {
	t.Helper()
	made, err := auth.NewRules(append(rules, everything))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (w *world) hosts(names ...string) node.Hosts {
	role := node.HostsRole{Name: "host"}
	for _, name := range names {
		role.Items = append(role.Items, node.HostsItem{Host: w.fakes[name]})
	}
	return node.Hosts{role}
}

func (w *world) root(t testing.TB) *node.Type {
	t.Helper()
	web := parallel(t,
		with("doc", "The web servers.\nAll of them."),
		with("port", int64(80)),
		with("url", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return "http://x/<y>", nil }}),
		with("broken", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return nil, fmt.Errorf("no such thing") }}),
		with("deploy", deploy()),
		with("version", act("Tell the version.", func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			return "v1 of " + env.Node().Path(), nil
		})),
		with("logs", act("", func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
			env.Log("one\ntwo \x1b]0;title\a")
			return nil, nil
		})),
		with("broke", act("", func(context.Context, *node.Env, node.Args) (any, error) {
			return nil, fmt.Errorf("no disk")
		})),
	)
	array, err := web.Array(w.hosts("web1", "web2", "web3"), pos(7))
	if err != nil {
		t.Fatal(err)
	}
	return plain(t,
		with("noop", act("Do nothing.", func(context.Context, *node.Env, node.Args) (any, error) { return nil, nil })),
		with("answer", act("", func(context.Context, *node.Env, node.Args) (any, error) { return int64(42), nil })),
		with("everywhere", act("", func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			production, _ := env.Child("production")
			db, _ := production.Child("db")
			_, err := db.Hosts().Run(ctx, "uptime", host.RunOptions{Sudo: true})
			return nil, err
		})),
		with("ask", act("", func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			name, err := env.Ask(ctx, node.Question{Label: "Name\x1b[2J", Kind: node.AskInput, Default: "nobody", HasDefault: true, Host: "web1"})
			if err != nil {
				return nil, err
			}
			secret, err := env.Ask(ctx, node.Question{Label: "Secret", Kind: node.AskPassword, HasDefault: true})
			if err != nil {
				return nil, err
			}
			size, err := env.Ask(ctx, node.Question{Label: "Size", Kind: node.AskChoice, Options: []string{"small", "large"}, Default: "small", HasDefault: true})
			if err != nil {
				return nil, err
			}
			sure, err := env.Ask(ctx, node.Question{Label: "Sure?", Kind: node.AskConfirm, Default: "no", HasDefault: true})
			return fmt.Sprint(name.Text, " ", len(secret.Text), " ", size.Index, " ", sure.Yes), err
		})),
		with("staging", plain(t,
			with("group", node.Staging), with("hosts", w.hosts("st1")),
			with("where", ask("Q.parent.name + \"-1\"", "st-1", nil)), with("lost", ask("Q.x", nil, &node.QueryError{Text: "Q.x", Part: "Q.x", Err: fmt.Errorf("no x")})),
			with("deploy", deploy()),
		)),
		with("production", plain(t,
			with("group", node.Production),
			with("web", array),
			with("db", plain(t, with("hosts", w.hosts("db1")), with("dump", act("", runs("pg_dump"))))),
		)),
	)
}

// deploy is an action with parameters that runs a command.
func deploy() *node.Action {
	return &node.Action{
		Doc: "Deploy a version.\nMore.", Pos: node.Position{File: "tree.star", Line: 3},
		Params: []node.Param{
			{Name: "version", HasDefault: true, Default: "v0"},
			{Name: "force", HasDefault: true, Default: false},
		},
		Fn: func(ctx context.Context, env *node.Env, args node.Args) (any, error) {
			words := make([]string, 0, 4)
			for _, a := range args.Pos {
				words = append(words, fmt.Sprint(a))
			}
			for _, a := range args.Named {
				words = append(words, fmt.Sprint(a.Name, "=", a.Value))
			}
			return runs("install "+strings.Join(words, " "))(ctx, env, args)
		},
	}
}

// ask is a query that gives a value or an error.
func ask(text string, value any, err error) *node.Query {
	return &node.Query{Text: text, Eval: func(_ context.Context, env *node.Env, trace func(string, any)) (any, error) {
		if trace != nil {
			trace("Q", env.Node().Path())
		}
		if trace != nil && err == nil {
			trace(text, value)
		}
		return value, err
	}}
}

type function = func(context.Context, *node.Env, node.Args) (any, error)

func runs(command string) function {
	return func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
		_, err := env.Hosts().Run(ctx, command, host.RunOptions{})
		return nil, err
	}
}

func act(doc string, fn function) *node.Action { return &node.Action{Doc: doc, Fn: fn} }

func pos(line int) node.Position { return node.Position{File: "tree.star", Line: line, Col: 1} }

func with(name string, value any) node.Member {
	return node.Member{Name: name, Value: value, Pos: pos(1)}
}

func plain(t testing.TB, members ...node.Member) *node.Type {
	t.Helper()
	return makeType(t, node.Plain, members)
}

func parallel(t testing.TB, members ...node.Member) *node.Type {
	t.Helper()
	return makeType(t, node.Parallel, members)
}

func makeType(t testing.TB, kind node.Kind, members []node.Member) *node.Type {
	t.Helper()
	made, err := node.NewType(kind, members, pos(2))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func client(user string) Client {
	return Client{
		Identity: auth.Identity{User: user, Method: "publickey"},
		From:     netip.MustParseAddr("10.0.0.9"), Transport: "ssh",
	}
}

func (w *world) open(t testing.TB, ctx context.Context, user string) *Session {
	t.Helper()
	s, err := w.Open(ctx, client(user))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// received is what a client has got.
type received struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	changed  chan struct{} // closed at the next write, if somebody waits
}

type half struct {
	s *received
	b *bytes.Buffer
}

func (h half) Write(p []byte) (int, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.s.changed != nil {
		close(h.s.changed)
		h.s.changed = nil
	}
	return h.b.Write(p)
}

// waitFor waits until standard error has a text.
func (s *received) waitFor(text string) {
	for {
		s.mu.Lock()
		if strings.Contains(s.err.String(), text) {
			s.mu.Unlock()
			return
		}
		changed := make(chan struct{})
		s.changed = changed
		s.mu.Unlock()
		<-changed
	}
}

func (s *received) io(stdin string) IO {
	return IO{Stdin: strings.NewReader(stdin), Stdout: half{s, &s.out}, Stderr: half{s, &s.err}}
}

// exec does one line as a user.
func (w *world) exec(t testing.TB, user, line, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	s := w.open(t, t.Context(), user)
	defer s.Close()
	var on received
	code = s.Exec(line, on.io(stdin))
	return on.out.String(), on.err.String(), code
}

func (w *world) lines(t testing.TB, user, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	s := w.open(t, t.Context(), user)
	defer s.Close()
	var on received
	code = s.Lines(on.io(stdin))
	return on.out.String(), on.err.String(), code
}
