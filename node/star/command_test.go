package star_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// site is a plain node and an array over three hosts, with an action go.
const site = three + `
Web = parallel_node(up = lambda env: env.host.run("up"), quiet = lambda env: env.host.run("up", quiet = True))
def mixed(env): return [env.host.run("up")] if env.host.name == "web1" else env.host.run("up")
root = node(go = go, hosts = {"host": hosts, "db": other}, web = Web(mixed = mixed).array(hosts = {"host": hosts}))
`

// script runs go of a site whose hosts answer as told.
func script(t *testing.T, body string, answers map[string]hosttest.Answer, change func(*node.Run)) (*fleet, *recorder, any, error) {
	t.Helper()
	f, r := newFleet(), &recorder{}
	made := tree(t, "def go(env):\n"+body+site, star.Options{NewHost: f.newHost})
	for where, a := range answers {
		name, command, _ := strings.Cut(where, " ")
		f.hosts[name].On(command, a)
	}
	v, err := r.run(t.Context(), made, change, "go")
	return f, r, v, err
}

func TestResults(t *testing.T) {
	t.Parallel()
	f, r, _, err := script(t, `
    r = env.hosts.run("id", check = False)
    print(r.keys(), r["web1"].ok, r["web2"].ok, r[1].exit_code, r[1].stderr, [x.host for x in r])
    print(r[0])
    print(str(r[0]) == r[0].stdout, r[2].skipped, r[2].duration >= 0, bool(r[0]), bool(r[1]))
    one = env.hosts["db1"].cd("/a b").env("X", 1).prefix("true").sudo("id", user = "me", check = False)
    print(one.ok, one.exit_code, one.host)
    print(env.hosts.filter("none").run("id"), len(env.hosts.filter("none").run("id")))
    print(env.hosts["web3"].run("cat", input = "hello"))
`, map[string]hosttest.Answer{
		"web1 id":  {Stdout: "root\nadm\n"},
		"web2 id":  {Code: 3, Stderr: "no"},
		"web3 cat": {Cat: true},
		"db1 id":   {StartErr: &host.DialError{Host: "db1", Stage: host.StageDial, Err: errors.New("refused")}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`["web1", "web2", "web3", "db1"] True False 3 no ["web1", "web2", "web3", "db1"]`,
		"root\nadm\n",
		"True False True True False",
		"False None db1",
		" 0",
		"hello",
	}
	if d := cmp.Diff(want, r.logs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{
		"/ web1,web2,web3,db1 id", "/ db1 id sudo:me",
		"/ web3 cat",
	}, dropEmpty(r.commands)); d != "" {
		t.Error(d)
	}
	if n := len(f.hosts["web1"].Lines()); n != 1 {
		t.Errorf("web1 ran %d lines, want 1", n)
	}
}

// dropEmpty leaves out calls on no host.
func dropEmpty(commands []string) []string {
	var kept []string
	for _, c := range commands {
		if !strings.HasPrefix(c, "/  ") {
			kept = append(kept, c)
		}
	}
	return kept
}

func TestFailingCommandKeepsItsErrors(t *testing.T) {
	t.Parallel()
	_, _, _, err := script(t, "    env.hosts.run(\"id\")\n", map[string]hosttest.Answer{
		"web2 id": {Code: 2, Stderr: "no such user\n"},
		"db1 id":  {StartErr: &host.DialError{Host: "db1", Address: "db1:22", Stage: host.StageLogin, Err: errors.New("denied")}},
	}, nil)
	var exit *host.ExitError
	var dial *host.DialError
	var call *host.CallError
	var action *node.ActionError
	if !errors.As(err, &exit) || !errors.As(err, &dial) || !errors.As(err, &call) || !errors.As(err, &action) {
		t.Fatalf("the chain of %v has lost a type", err)
	}
	if exit.Host != "web2" || !strings.Contains(string(exit.Tail), "no such user") || dial.Stage != host.StageLogin {
		t.Errorf("exit %+v, dial %+v", exit, dial)
	}
	if got := err.Error(); !strings.HasPrefix(got, "go: web2: exit status 2; ") || strings.Contains(got, "\n") {
		t.Errorf("error %q", got)
	}
	if !strings.Contains(action.Trace, "tree.star:2:18: in go (/)\n    env.hosts.run(\"id\")") {
		t.Errorf("trace:\n%s", action.Trace)
	}
}

func TestTraceGoesOnThroughThreads(t *testing.T) {
	t.Parallel()
	_, _, _, err := script(t, "    env.web.up()\n", map[string]hosttest.Answer{"web2 up": {Code: 2}}, nil)
	var action *node.ActionError
	if !errors.As(err, &action) {
		t.Fatal(err)
	}
	got := action.Trace
	first := strings.Index(got, "tree.star:2:15: in go (/)")
	second := strings.Index(got, "in lambda (/web:web2)")
	if first < 0 || second < first || strings.Count(got, "Traceback") != 1 {
		t.Errorf("trace:\n%s", got)
	}
	if err.Error() != "go: web up: web2: exit status 2" {
		t.Errorf("error %q", err)
	}
}

func TestWasShown(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`env.hosts[0].run("up")`:                   true,
		`env.hosts.run("up")`:                      true,
		`env.web.up()`:                             true,
		`env.web["web1"].up()`:                     true,
		`env.hosts.run("up", quiet = True)`:        false,
		`env.web.quiet()`:                          false,
		`env.web.mixed()`:                          false,
		`[1]`:                                      false,
		`env.hosts.filter("none").run("nothing")`:  false,
		`(env.hosts.run("up"), env.hosts.roles)`:   false,
		`env.attempt(lambda: env.hosts.run("up"))`: false,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			_, _, v, err := script(t, "    return "+body+"\n", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.(interface{ WasShown() bool }).WasShown(); got != want {
				t.Errorf("WasShown %v, want %v", got, want)
			}
		})
	}
}

func TestResultsAsJSON(t *testing.T) {
	t.Parallel()
	_, _, v, err := script(t, `
    r = env.hosts["web1"].run("up", check = False)
    loop = []
    return {"b": [None, True, 1, 1 << 70, 1.5, float("inf"), "x"], "a": (set([1]), env.web, groups.beta), "r": (r.ok, env.hosts.filter("db").run("up"))}
`, map[string]hosttest.Answer{"db1 up": {Stdout: "1 day"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	if i := strings.Index(text, `"duration":`); i >= 0 {
		text = text[:i] + text[i+strings.IndexByte(text[i:], '}'):]
	}
	want := `{"b":[null,true,1,1180591620717411303424,1.5,"+inf","x"],"a":[[1],"/web","beta"],` +
		`"r":[true,{"db1":{"host":"db1","ok":true,"exit_code":0,"stdout":"1 day","stderr":"","skipped":false,}}]}`
	if text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestValueThatHoldsItselfIsNoJSON(t *testing.T) {
	t.Parallel()
	_, _, v, err := script(t, "    x = []\n    x.append(x)\n    return x\n", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(v); err == nil || fmt.Sprint(v) != "[[...]]" {
		t.Errorf("value %v, json error %v", v, err)
	}
}

func TestCancelEndsWhatARunDoes(t *testing.T) {
	t.Parallel()
	cause := errors.New("Ctrl-C")
	for name, body := range map[string]string{
		"loop":    "    print(\"on\")\n    while True: pass\n",
		"command": "    env.hosts.run(\"wait\")\n",
		"attempt": "    env.attempt(lambda: env.hosts.run(\"wait\"))\n    print(\"went on\")\n    while True: pass\n",
		"cells":   "    while True: env.attempt(env.web.up)\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r := newFleet(), &recorder{}
			made := tree(t, "def go(env):\n"+body+site, star.Options{NewHost: f.newHost})
			ctx, cancel := context.WithCancelCause(t.Context())
			for _, h := range f.hosts {
				h.On("wait", hosttest.Answer{Block: make(chan struct{}), OnStart: func() { cancel(cause) }})
				h.On("up", hosttest.Answer{Block: make(chan struct{}), OnStart: func() { cancel(cause) }})
			}
			on := listenFor{r, func() { cancel(cause) }}
			_, err := on.run(ctx, made)
			if !errors.Is(err, cause) {
				t.Errorf("error %v, want its cause %v", err, cause)
			}
			if strings.Contains(strings.Join(r.logs, "\n"), "went on") {
				t.Error("the action went on after a cancel")
			}
		})
	}
}

// listenFor calls heard at the first line of the log.
type listenFor struct {
	*recorder
	heard func()
}

type hearing struct {
	listener
	heard func()
}

func (h hearing) Log(n *node.Node, host, text string) {
	h.listener.Log(n, host, text)
	h.heard()
}

func (l listenFor) run(ctx context.Context, made *node.Tree) (any, error) {
	return l.recorder.run(ctx, made, func(r *node.Run) { r.Trace = hearing{listener{l.recorder}, l.heard} }, "go")
}

func TestStepsAreCountedOverAllThreads(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"loop":       "    while True: pass\n",
		"properties": "    while True: env.p\n",
		"attempt":    "    while True: env.attempt(lambda: [env.p for _ in range(1000)])\n",
		"cells":      "    while True: env.web.spin()\n",
		"builtins":   "    while True: list(range(1000000))\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r := newFleet(), &recorder{}
			source := "def go(env):\n" + body + `
def spin(env):
    for _ in range(100): pass
hosts = [ssh_host("web%d" % n) for n in range(8)]
root = node(go = go, hosts = {"host": hosts}, p = property(lambda env: [x for x in range(50)]), web = parallel_node(spin = spin).array())`
			made := tree(t, source, star.Options{NewHost: f.newHost})
			_, err := r.run(t.Context(), made, func(r *node.Run) { r.Steps = 200_000 }, "go")
			if err == nil || !strings.Contains(err.Error(), "used up its steps") {
				t.Errorf("error %v, want the step limit", err)
			}
		})
	}
}

func TestEndlessCallsEndWithTheirChain(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"property": "root = node(go = lambda env: env.p, p = property(lambda env: env.p))",
		"actions":  "root = node(go = lambda env: env.again(), again = lambda env: env.go())",
		"attempts": "def go(env):\n  a = env.attempt(env.go)\n  if not a.ok: fail(a.error)\nroot = node(go = go)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := act(t, source, "go")
			if err == nil || !strings.Contains(err.Error(), "nest more than 64 deep") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestFunctionCannotCallItself(t *testing.T) {
	t.Parallel()
	_, _, err := act(t, "def f(n): return f(n)\nroot = node(go = lambda env: f(1))", "go")
	if err == nil || !strings.Contains(err.Error(), "called recursively") {
		t.Errorf("error %v", err)
	}
}

func TestAttemptCatchesOwnTimeoutsOnly(t *testing.T) {
	t.Parallel()
	hang := map[string]hosttest.Answer{"web1 hang": {Block: make(chan struct{})}}
	body := "    a = env.attempt(lambda: env.hosts[\"web1\"].run(\"hang\", timeout = \"%s\"))\n    print(a.error)\n"
	_, r, _, err := script(t, fmt.Sprintf(body, "10ms"), hang, func(r *node.Run) { r.Timeout = time.Hour })
	if err != nil || strings.Join(r.logs, "") != "web1: timed out after 10ms" {
		t.Errorf("a command's own time-out: log %q, error %v", r.logs, err)
	}
	_, r, _, err = script(t, fmt.Sprintf(body, "1h"), hang, func(r *node.Run) { r.Timeout = 10 * time.Millisecond })
	var timeout *host.TimeoutError
	if !errors.As(err, &timeout) || len(r.logs) > 0 {
		t.Errorf("the run's time-out: log %q, error %v", r.logs, err)
	}
}

func TestSandboxReachesCommands(t *testing.T) {
	t.Parallel()
	f, r, _, err := script(t, `
    print(env.sandbox, env.hosts["web1"].run("rm -rf /").ok, env.hosts["web1"].run("hostname", read_only = True))
`, map[string]hosttest.Answer{"web1 hostname": {Stdout: "web1"}}, func(r *node.Run) { r.Sandbox = true })
	if err != nil || strings.Join(r.logs, "") != "True True web1" {
		t.Fatalf("log %q, error %v", r.logs, err)
	}
	if lines := f.hosts["web1"].Lines(); !strings.Contains(lines[0], "-n") || strings.Contains(lines[1], "bash -n") {
		t.Errorf("lines %q: the first is a syntax check, the second runs", lines)
	}
}

func TestWrongArgumentsNameTheFunction(t *testing.T) {
	t.Parallel()
	_, _, err := act(t, "root = node(go = lambda env: env.f(1, 2), f = lambda env, x: 1)", "go")
	if err == nil || !strings.Contains(err.Error(), "accepts 2 positional arguments (3 given)") {
		t.Errorf("error %v", err)
	}
}

// TestOnThisMachine runs a tree on the real local host.
func TestOnThisMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := fmt.Sprintf(`
def go(env, word):
    here = env.host.cd(%s).env("WORD", word)
    here.run('printf %%s "$WORD" > file; mkdir "a b"')
    text = here.cd("a b").run("cat ../file; echo err >&2", quiet = True)
    print(text.stdout, text.stderr.strip())
    bad = here.run("exit 7", check = False)
    print(bad.exit_code, bad.ok, env.host.run("cat", input = "in\000put").stdout == "in\000put")
    print(here.run("echo " + quote(word)))
root = node(web = parallel_node(go = go).array(hosts = {"host": local_host("here")}))`, fmt.Sprintf("%q", dir))
	r := &recorder{}
	if _, err := r.run(t.Context(), tree(t, source, star.Options{}), nil, "web:here go", `it's "$HOME" and `+"`x`"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`here: it's "$HOME" and ` + "`x` err", "here: 7 False True", `here: it's "$HOME" and ` + "`x`\n",
	}
	if d := cmp.Diff(want, r.logs); d != "" {
		t.Error(d)
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"root = node()", "class A: pass", "x = f\"a\" 'b' \\\n", "root = node(a = parallel_node().array(), A__b = 1)",
		"def f(env):\n  while x:\n    pass\nroot = node(f = f, hosts = {\"web\": ssh_host(\"a\")})", "load(\"tree.star\", \"x\")",
		"a = 1 < 2 < 3\r\nb = (\r\n\"\"\"", "root = node(x = \"\x00\")", "@x\n\t) ** {**a}",
		"root = node(group = groups.beta, p = property(lambda env: 1), hosts = map_roles(\"a\", b = ALL_HOSTS))",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		file := filepath.Join(write(t, map[string]string{"tree.star": source}), "tree.star")
		made, err := star.Load(t.Context(), star.Options{File: file, NewHost: fakes})
		var load *star.LoadError
		if err == nil && made == nil || err != nil && !errors.As(err, &load) {
			t.Fatalf("tree %v, error %v", made, err)
		}
		if load == nil {
			return
		}
		if len(load.Problems) == 0 || load.Error() == "" {
			t.Fatal("a refusal without a problem")
		}
		lines := strings.Count(source, "\n") + strings.Count(source, "\r") + 1
		for _, p := range load.Problems {
			if p.Text == "" || p.Line < 0 || p.Line > lines {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

func TestTemplateOfAResult(t *testing.T) {
	t.Parallel()
	_, r, _, err := script(t, `
    print(template("{{.r.host}}: {{.r.exit_code}} {{.r.ok}} {{.r}}", r = env.hosts["web1"].run("id")))
`, map[string]hosttest.Answer{"web1 id": {Stdout: "root"}}, nil)
	if err != nil || r.said() != "web1: 0 true root" {
		t.Errorf("%q, %v", r.said(), err)
	}
}
