package star_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// fleet makes scripted hosts and knows them by name.
type fleet struct {
	mu    sync.Mutex
	hosts map[string]*hosttest.Fake
	given map[string]host.SSHOptions
}

func newFleet() *fleet {
	return &fleet{hosts: map[string]*hosttest.Fake{}, given: map[string]host.SSHOptions{}}
}

// labelled is a scripted host with labels.
type labelled struct {
	*hosttest.Fake
	labels map[string]string
}

func (l *labelled) Labels() map[string]string { return l.labels }

func (f *fleet) newHost(name string, o host.SSHOptions) (host.Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := hosttest.NewFake(name)
	f.hosts[name], f.given[name] = h, o
	return &labelled{h, o.Labels}, nil
}

// recorder is a gate that allows everything and a trace that keeps what it
// hears.
type recorder struct {
	mu       sync.Mutex
	logs     []string
	commands []string
	cells    []string
	values   []any
}

func (r *recorder) Command(_ context.Context, n *node.Node, call host.Call) (func([]host.Result), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	words := []string{n.Path(), strings.Join(call.Hosts, ","), call.Command}
	if call.Sudo {
		words = append(words, "sudo:"+call.User)
	}
	r.commands = append(r.commands, strings.Join(words, " "))
	return func([]host.Result) {}, nil
}

// listener is the trace half of a recorder.
type listener struct{ *recorder }

func (l listener) CellStarted(*node.Node, string) {}
func (l listener) CellFinished(_ *node.Node, name string, value any, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cells = append(l.cells, fmt.Sprintf("%s: %v, %v", name, value, err))
	l.values = append(l.values, value)
}
func (l listener) Command(*node.Node, string, host.Call, *host.Result) {}
func (l listener) Output(*node.Node, string, host.Stream, []byte)      {}
func (l listener) Log(_ *node.Node, host, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if host != "" {
		text = host + ": " + text
	}
	l.logs = append(l.logs, text)
}

// run calls an action of a tree with words, as a line does.
func (r *recorder) run(ctx context.Context, t *node.Tree, change func(*node.Run), path string, words ...string) (any, error) {
	found := t.Root().Resolve(strings.Fields(path), node.Lookup{})
	if found.Next != nil || found.Action == nil {
		return nil, fmt.Errorf("%s is no action: %v", path, found.Next)
	}
	args := make([]node.Argument, len(words))
	for i, w := range words {
		args[i].Value = w
	}
	bound, err := found.Action.Bind(found.Action.Name, args)
	if err != nil {
		return nil, err
	}
	run := &node.Run{ID: "r1", User: "alice", Gate: r, Trace: listener{r}}
	if change != nil {
		change(run)
	}
	return node.NewEnv(found.Node, run).Call(ctx, found.Action.Name, bound)
}

// act is run on a tree of one file: its result, log and error as text.
func act(t *testing.T, source, path string, words ...string) (result, log string, err error) {
	t.Helper()
	f := newFleet()
	r := &recorder{}
	v, err := r.run(t.Context(), tree(t, source, star.Options{NewHost: f.newHost}), nil, path, words...)
	if v != nil {
		result = fmt.Sprint(v)
	}
	return result, strings.Join(r.logs, "\n"), err
}

// three is the beginning of trees with an array of three hosts.
const three = `
hosts = [ssh_host(n, labels = {"n": n}) for n in ["web1", "web2", "web3"]]
other = ssh_host("db1")
`

var anyCell = regexp.MustCompile(`(?m)^web\d+: `)

// TestLanguage runs the action go of trees and compares what it logs.
func TestLanguage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, want string }{
		"places": {`
def go(env):
    c = env.a.b
    print(c, c.name, c.path, c.parent, c.root, env.parent, c.group, str(c.group == groups.other))
    print(c == env.a.b, c == env.a, getattr(env, "a.b.x"), hasattr(env, "a.b.y"), getattr(env, "a.z", "none"))
    print(env.user, env.sandbox, env.run.id, env.run)
    print(dir(env)[:3], len(dir(env)))
root = node(go = go, a = node(b = node(x = 7)))`, `
/a/b b /a/b /a / None other True
True False 7 False none
alice False r1 r1
["a", "attempt", "console"] 19`},
		"members win over env, not over what is reserved": {`
def go(env):
    print(env.name, env.log, env.path)
    print(type(env.group), env.hosts)
root = node(go = go, name = "mine", log = [1])`, `
mine [1] /
group hosts[]`},
		"inheritance": {`
def restart(env, why = "no reason"):
    print("base", env.path, why)
Base = node(restart = restart, port = 80, Inner = node(x = 1, y = [2]))
def mine(env):
    Base.restart(env, why = "super")
    print(Base.port, Base.Inner.x, Mine.port, type(Base.restart), Base == Base, Base.Inner == Mine.Inner)
Mine = Base(restart = mine, port = 81, Inner__x = 5, Inner__z = lambda env: 9)
def go(env):
    env.m.restart()
    print(env.m.port, env.m.Inner.x, env.m.Inner.y, env.m.Inner.z())
root = node(go = go, m = Mine)`, `
base /m super
80 1 81 function True False
81 5 [2] 9`},
		"properties": {`
def url(env):
    return "http://%s:%d" % (env.parent.domain, env.port)
def go(env):
    print(env.web.url)
    print(env.attempt(lambda: env.web.bad).error)
    print(env.attempt(lambda: hasattr(env.web, "bad")).ok, env.attempt(lambda: getattr(env, "web.bad", 1)).ok)
root = node(go = go, domain = "x.org", web = node(port = 80, url = property(url), bad = property(lambda env: fail("broken"))))`, `
http://x.org:80
web bad: broken
False False`},
		"the same function at another node": {`
def show(env):
    print(env.path)
    for child in ["a", "b"]:
        if hasattr(env, child):
            getattr(env, child).show()
    return env.path
Leaf = node(show = show)
root = node(go = show, show = show, a = Leaf(a = Leaf), b = Leaf)`, `
/
/a
/a/a
/b`},
		"values pass unchanged through actions": {`
def give(env, *args, **kwargs):
    return (args, kwargs)
def mutable(env, x):
    x.append(2)
    return x
def go(env):
    print(env.give(1, [2], {"a": None}, k = 1 << 80, f = 1.5))
    x = [1]
    print(env.mutable(x) == x, x, env.give(env)[0][0] == env)
root = node(go = go, give = give, mutable = mutable)`, `
((1, [2], {"a": None}), {"k": 1208925819614629174706176, "f": 1.5})
True [1, 2] True`},
		"arrays": {three + `
def where(env, x = None):
    return env.host.name + (" %s" % x if x else "")
def go(env):
    r = env.web.where("x")
    print(r.keys(), r.values(), r.items()[0], r["web2"], r[0], len(r), [v for v in r], "web9" in r)
    print(r)
    print([cell.path for cell in env.web], env.web["web1"].where(), env.web[2], env.web[("web2",)].host)
    print(env.web["web1"].parent, env.web["web1"].sub.where(), env.web.sub.where()["web3"])
    for bad in [lambda: env.web["web9"], lambda: env.web[-1], lambda: env.web[("web1", "web2")], lambda: env[0],
                lambda: env.web["web1"][0], lambda: env.web[None], lambda: env.web.host, lambda: r["web9"], lambda: r[3]]:
        print(env.attempt(bad).error)
    print([c.path for c in env], [c.path for c in env.web["web1"]])
root = node(
    hosts = {"host": hosts},
    go = go,
    web = parallel_node(where = where, sub = node(where = where)).array(),
)`, `
["web1", "web2", "web3"] ["web1 x", "web2 x", "web3 x"] ("web1", "web1 x") web2 x web1 x 3 ["web1 x", "web2 x", "web3 x"] False
web1: web1 x
web2: web2 x
web3: web3 x
["/web:web1", "/web:web2", "/web:web3"] web1 /web:web3 web2
/ web1 web3
web["web9"]: no host "web9" there
/web: cells are numbered from 0, and -1 is negative
web["web1", "web2"]: its cells have 1 dimension, and 2 given
/[0]: this node has no cells
web:web1[0]: this is one cell already
/web: a cell is named by a host's name or a number, not a NoneType
web is no cell: only a cell of an array, or a just_one, has the one host; use its hosts
results: there is none of web9 (did you mean web1?)
results: there is no number 3, they are numbered from 0 and there are 3
["/"] ["/web:web1"]`},
		"two dimensions": {three + `
def go(env):
    r = env.a.b.c.where()
    print(r.keys()[0], r[("web1", "db1")], r[0], r)
    print(env.a.b.c[("web2", "db1")].path, env.a["web1"].b.c["db1"].path, env.a["web1"].b.c.where().keys())
root = node(go = go, hosts = {"host": hosts, "db": other},
    a = parallel_node(b = node(c = parallel_node(where = lambda env: env.path).array(hosts = map_roles("db")))).array(hosts = {"host": hosts[:2], "db": other}))`, `
("web1", "db1") /a/b/c:web1:db1 /a/b/c:web1:db1 web1:db1: /a/b/c:web1:db1
web2:db1: /a/b/c:web2:db1
/a/b/c:web2:db1 /a/b/c:web1:db1 ["db1"]`},
		"hosts containers": {three + `
def go(env):
    h = env.hosts
    print(h.roles, h.by_role(), len(h), bool(h.filter("nothing")), [x.name for x in h])
    print(h["db1"], h[0].name, h.filter("db"), h.filter(lambda x: x.labels["n"] > "web1" if x.labels else False))
    print(h["web1"] == h[0], h["web1"].address, h["web1"].labels, "web1" in h, "nope" in h)
    print(env.attempt(lambda: h["wbe1"]).error)
    print(env.attempt(lambda: h.put("a", "b")).error, env.attempt(lambda: h[0].read("b")).error)
    print(env.attempt(lambda: h.run("x", pty = True)).error)
    print(env.attempt(lambda: h.run("x", tiemout = "5s")).error)
    print(env.attempt(lambda: h.run("x", timeout = "soon")).error)
root = node(go = go, hosts = {"web": hosts, "db": [other, hosts[0]]})`, `
["db", "web"] {"web": ["web1", "web2", "web3"], "db": ["db1", "web1"]} 4 False ["web1", "web2", "web3", "db1"]
db1 web1 hosts["db1", "web1"] hosts["web2", "web3"]
True web1.fake {"n": "web1"} True False
hosts: there is no host wbe1 among 4 (did you mean web1?)
put a: no such file or directory None
pty = True is for one host, not for 4 (use env.host, or one of env.hosts)
run: there is no argument tiemout (did you mean timeout?)
run: for parameter "timeout": "soon" is no duration (such as "10s", "5m" or "90d")`},
		"the tree is not changed in an action": {`
def go(env):
    print(env.attempt(lambda: ssh_host("x")).error)
    print(env.attempt(lambda: local_host()).error)
    def change():
        env.x = 2
    print(env.attempt(change).error)
    print(env.attempt(lambda: env.l.append(1)).error)
    made = root(x = 2)
    print(env.x, made.x, root.x, type(node()))
root = node(go = go, x = 1, l = [])`, `
ssh_host: the tree cannot be changed from within an action
local_host: the tree cannot be changed from within an action
/: x cannot be changed from within an action (keep it in a variable, or give it as an argument)
append: cannot append to frozen list
1 2 1 node type`},
		"cells share nothing": {three + `
def push(env, x):
    return env.attempt(lambda: x.append(env.host.name)).error
def go(env):
    print(env.web.push([]).values()[0])
    r = env.web.give()
    print(env.attempt(lambda: r[0].append(1)).error)
root = node(go = go, hosts = {"host": hosts}, web = parallel_node(push = push, give = lambda env: [1]).array())`, `
append: cannot append to frozen list
append: cannot append to frozen list`},
		"attempt of a split call": {three + `
def work(env):
    if env.host.name == "web2":
        fail("no", env.host.name)
    return env.host.name
def go(env):
    a = env.attempt(env.web.work)
    print(a.ok, a.error, a.errors, a.value.keys())
    b = env.attempt(lambda: env.outer())
    print(b.ok, b.error, b.errors, b.value)
    c = env.attempt(lambda: 5)
    print(c.ok, c.error, c.errors, c.value)
root = node(go = go, hosts = {"host": hosts}, web = parallel_node(work = work).array(), outer = lambda env: env.web.work())`, `
False web work: web2: no web2 {"web2": "web:web2 work: no web2"} ["web1", "web3"]
False outer: web work: web2: no web2 {} None
True None {} 5`},
		"every value": {three + `
def go(env):
    a = env.attempt(lambda: 1)
    r = env.hosts.run("x")
    values = [env, env.web, env.web["web1"], env.go, env.hosts, env.hosts[0], r, r[0], env.run, a, env.group, groups,
              Web, ALL_HOSTS, map_roles("a"), url, hosts[0], quote]
    for v in values:
        print(type(v), bool(v), dir(v), v == v, v in [1, v], str(v))
    for v in [env, env.go, env.hosts[0], env.group, hosts[0]]:
        print({v: 1}[v])
    print(env.attempt(lambda: {r: 1}).error, env.attempt(lambda: {env.hosts: 1}).error)
    print(hosts[0] == env.hosts[0], env.hosts[0] == hosts[1], env.attempt(lambda: hosts[0].run("x")).error)
    print(env.attempt(lambda: env < env).error, env.attempt(lambda: Web < Web).error, groups.beta.color, group("mine") == group("mine", color = "red"))
    print(env.attempt(lambda: env.nmae).error, env.attempt(lambda: getattr(env, "gO")).error)
    print(a, bool(env.attempt(lambda: fail())), env.attempt(lambda: fail("x", "y", sep = "-")), env.attempt(lambda: hosts[0].nmae).error)
    print(env.run.id, env.run.started, hosts[0].name, hosts[0].address, hosts[0].labels)
url = property(lambda env: 1)
Web = parallel_node(a = 1, url = url).array(hosts = {"host": hosts})
root = node(go = go, hosts = {"host": hosts}, web = Web, group = group("g", color = "blue"))`, `
env True ["attempt", "console", "defer", "go", "group", "host", "hosts", "initialize", "log", "name", "parent", "path", "root", "run", "sandbox", "sleep", "user", "wait_for", "web"] True True /
env True ["a", "attempt", "console", "defer", "group", "host", "hosts", "initialize", "log", "name", "parent", "path", "root", "run", "sandbox", "sleep", "url", "user", "wait_for"] True True /web
env True ["a", "attempt", "console", "defer", "group", "host", "hosts", "initialize", "log", "name", "parent", "path", "root", "run", "sandbox", "sleep", "url", "user", "wait_for"] True True /web:web1
action True ["aliases", "doc", "name", "node", "parameters"] True True / go
hosts True ["addresses", "by_role", "cd", "connect", "cwd", "env", "exists", "expand", "filter", "get", "has_command", "home", "listdir", "prefix", "put", "read", "roles", "run", "stat", "sudo", "write"] True True hosts["web1", "web2", "web3"]
host True ["address", "addresses", "cd", "connect", "cwd", "env", "exists", "expand", "get", "has_command", "home", "labels", "listdir", "name", "prefix", "put", "read", "run", "stat", "sudo", "write"] True True web1
results True ["items", "keys", "values"] True True web1: 
web2: 
web3: 
result True ["duration", "exit_code", "host", "ok", "skipped", "stderr", "stdout"] True True 
run True ["id", "started"] True True r1
attempt True ["error", "errors", "ok", "value"] True True 1
group True ["color", "name"] True True g
groups True ["beta", "local", "other", "production", "staging", "utility"] True True groups
node type True ["a", "array", "just_one", "url"] True True parallel_node(...)
ALL_HOSTS True [] True True ALL_HOSTS
map_roles True [] True True map_roles(...)
property True [] True True property(...)
host True ["address", "labels", "name"] True True web1
builtin_function_or_method True [] True True <built-in function quote>
1
1
1
1
1
it cannot be a key of a dictionary it cannot be a key of a dictionary
True False a host of the tree runs nothing by itself (use env.host or env.hosts)
env values have no order node types have no order cyan True
/ has no nmae (did you mean name?) / has no gO (did you mean go?)
1 False failed: x-y host has no .nmae field or method
r1 0001-01-01T00:00:00Z web1 web1.fake {"n": "web1"}`},
		"one function in many cells at once": {`
def work(env, words):
    total = 0
    for i in range(200):
        total += len(words) + len(env.twice)
    env.log(words[0])
    return total
def go(env):
    r = env.web.work(words = ["a", "b"])
    print(len(r), set(r.values()))
hosts = [ssh_host("web%d" % n) for n in range(64)]
root = node(hosts = {"host": hosts}, web = parallel_node(work = work, forks = 64, twice = property(lambda env: env.name + env.name)).array(),
    go = lambda env: print(len(env.web.work(words = ["a", "b"])), set(env.web.work(["a", "b"]).values())))`, strings.Repeat("*: a\n", 128) + `
64 set([1600])`},
		"quote": {`
def go(env):
    print(quote("a b'c"), quote(5), quote(""))
root = node(go = go)`, `
'a b'\''c' '5' ''`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, log, err := act(t, c.source, "go")
			if err != nil {
				t.Fatalf("go: %v", err)
			}
			if strings.HasPrefix(c.want, "*") { // cells log in any order
				log = anyCell.ReplaceAllString(log, "*: ")
			}
			want := strings.ReplaceAll(strings.TrimSpace(c.want), "\n\n", "\n")
			if log != want {
				t.Errorf("got:\n%s\nwant:\n%s", log, want)
			}
		})
	}
}

func TestSampleTree(t *testing.T) {
	t.Parallel()
	f := newFleet()
	made, err := star.Load(t.Context(), star.Options{
		File: "testdata/web/tree.star", NewHost: f.newHost,
		Outbound: host.SSHOptions{User: "root", IdentityFiles: []string{"/keys/id"}, KnownHosts: []string{"/known"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Version()) != 12 || made.Size() != 7 {
		t.Errorf("version %q, size %d; want 12 digits, 7 nodes", made.Version(), made.Size())
	}
	db, web := f.given["db1"], f.given["web1"]
	if db.Port != 2200 || db.User != "root" || !strings.HasSuffix(db.IdentityFiles[0], "testdata/web/keys/deploy_ed25519") {
		t.Errorf("db1 is made with %+v", db)
	}
	if web.Address != "web1.internal" || web.User != "deploy" || web.IdentityFiles[0] != "/keys/id" || web.Labels["rack"] != "b1" {
		t.Errorf("web1 is made with %+v", web)
	}
	r := &recorder{}
	v, err := r.run(t.Context(), made, nil, "production deploy", "v1.2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(v), "web1: web1 runs v1.2\nweb2: web2 runs v1.2\nweb3: web3 runs v1.2"; got != want {
		t.Errorf("result %q, want %q", got, want)
	}
	if n := len(f.hosts["web2"].Lines()); n != 2 {
		t.Errorf("web2 got %d lines, want 2: %q", n, f.hosts["web2"].Lines())
	}
	if line := f.hosts["web2"].Lines()[0]; !strings.Contains(line, "/srv/www") || !strings.Contains(line, "VERSION") {
		t.Errorf("the line has no context: %s", line)
	}
	f.hosts["web2"].On("uptime", hosttest.Answer{Code: 1})
	if _, err := r.run(t.Context(), made, nil, "check"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.logs, "\n"); got != "staging: up\nproduction: web2" {
		t.Errorf("log %q", got)
	}
}

func TestDocsAndParameters(t *testing.T) {
	t.Parallel()
	made := tree(t, `
def deploy(env, a, b = 2, c = [1], *args, k, d = "x", **kwargs):
    """Deploy it.

      More
    text.
    """
root = node(deploy = deploy)`, star.Options{})
	a, _ := made.Root().Action("deploy")
	if want := "Deploy it.\n\n  More\ntext."; a.Doc != want {
		t.Errorf("doc %q, want %q", a.Doc, want)
	}
	var got []string
	for _, p := range a.Params {
		got = append(got, fmt.Sprint(p.Name, " ", p.Kind, " ", p.HasDefault, " ", p.Default))
	}
	want := "a 0 false <nil>|b 0 true 2|c 0 true [1]|k 1 false <nil>|d 1 true x|args 2 false <nil>|kwargs 3 false <nil>"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if a.Pos != (node.Position{File: "tree.star", Line: 2, Col: 1}) {
		t.Errorf("position %+v", a.Pos)
	}
}

func TestVersionFollowsContent(t *testing.T) {
	t.Parallel()
	a := tree(t, "root = node(x = 1)", star.Options{})
	b := tree(t, "root = node(x = 1)", star.Options{})
	c := tree(t, "root = node(x = 2)", star.Options{})
	if a.Version() != b.Version() || a.Version() == c.Version() {
		t.Errorf("versions %s %s %s", a.Version(), b.Version(), c.Version())
	}
}

func TestPrintWhileLoadingIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tree(t, "print(\"hello\", 1)\nroot = node()", star.Options{Log: textLog(&out)})
	if !strings.Contains(out.String(), `msg="hello 1"`) {
		t.Errorf("log: %s", out.String())
	}
}

// TestLoadingOpensNothing loads a tree over a real pool whose hosts cannot be
// reached.
func TestLoadingOpensNothing(t *testing.T) {
	t.Parallel()
	pool := host.NewPool(host.PoolOptions{})
	defer func() {
		if err := pool.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	made, err := star.Load(t.Context(), star.Options{File: "testdata/web/tree.star", Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(made.Hosts()); n != 5 {
		t.Errorf("%d hosts, want 5", n)
	}
	if s := pool.Stats(); s != (host.Stats{}) {
		t.Errorf("the pool has %+v", s)
	}
}

func TestCancelledLoad(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("reload again")
	cancel(cause)
	_, err := star.Load(ctx, star.Options{File: "testdata/web/tree.star", NewHost: fakes})
	if !errors.Is(err, cause) {
		t.Errorf("Load: %v, want its cause", err)
	}
}
