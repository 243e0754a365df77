package node_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target is a host that answers each command with its code, or waits for a kill.
type target struct {
	name  string
	code  int
	hangs bool
}

func (h *target) Name() string              { return h.name }
func (h *target) Address() string           { return h.name }
func (h *target) Labels() map[string]string { return nil }

func (h *target) Start(_ context.Context, line host.Line, io host.IO) (host.Process, error) {
	p := &process{code: h.code, killed: make(chan struct{})}
	if !h.hangs {
		_, _ = fmt.Fprintf(io.Stdout, "%s says hello\n", h.name)
		close(p.killed)
	}
	return p, nil
}

type process struct {
	code   int
	once   sync.Once
	killed chan struct{}
}

func (p *process) Wait() (host.Exit, error) {
	<-p.killed
	return host.Exit{Code: p.code}, nil
}

func (p *process) Resize(int, int) error { return nil }

func (p *process) Kill(context.Context) error {
	p.once.Do(func() { p.code = 143; close(p.killed) })
	return nil
}

func targets(names ...string) []host.Host {
	var hosts []host.Host
	for _, name := range names {
		hosts = append(hosts, &target{name: name})
	}
	return hosts
}

func numbered(prefix string, n int) []host.Host {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%s%d", prefix, i))
	}
	return targets(names...)
}

func pos(line int) node.Position { return node.Position{File: "tree.star", Line: line, Col: 1} }

func with(name string, value any) node.Member {
	return node.Member{Name: name, Value: value, Pos: pos(1)}
}

func role(name string, hosts ...host.Host) node.HostsRole {
	r := node.HostsRole{Name: name}
	for _, h := range hosts {
		r.Items = append(r.Items, node.HostsItem{Host: h})
	}
	return r
}

func allOf(name string) node.HostsRole {
	return node.HostsRole{Name: name, Items: []node.HostsItem{{All: true}}}
}

func mapRoles(entries ...node.RoleMapEntry) *node.RoleMap { return &node.RoleMap{Entries: entries} }

func entry(name string, from ...string) node.RoleMapEntry {
	return node.RoleMapEntry{Name: name, From: from}
}

func plain(t testing.TB, members ...node.Member) *node.Type {
	t.Helper()
	return makeType(t, node.Plain, members...)
}

func parallel(t testing.TB, members ...node.Member) *node.Type {
	t.Helper()
	return makeType(t, node.Parallel, members...)
}

func makeType(t testing.TB, kind node.Kind, members ...node.Member) *node.Type {
	t.Helper()
	typ, err := node.NewType(kind, members, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func derive(t testing.TB, base *node.Type, members ...node.Member) *node.Type {
	t.Helper()
	typ, err := base.Derive(members, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func array(t testing.TB, base *node.Type, hosts any) *node.Type {
	t.Helper()
	typ, err := base.Array(hosts, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func tree(t testing.TB, root *node.Type) *node.Tree {
	t.Helper()
	made, err := node.NewTree(root, "v1")
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// find follows a path that is there.
func find(t testing.TB, tr *node.Tree, path string) *node.Node {
	t.Helper()
	found := tr.Root().Resolve([]string{path}, node.Lookup{})
	if found.Next != nil || found.Action != nil {
		t.Fatalf("%s: %+v", path, found)
	}
	return found.Node
}

type function func(ctx context.Context, env *node.Env, args node.Args) (any, error)

func action(fn function) *node.Action { return &node.Action{Fn: fn} }

func noop() *node.Action {
	return action(func(context.Context, *node.Env, node.Args) (any, error) { return nil, nil })
}

func whereAmI() *node.Action {
	return action(func(_ context.Context, env *node.Env, _ node.Args) (any, error) {
		return env.Node().Path(), nil
	})
}

// showRoles prints roles as web=web1,web2 db=db1.
func showRoles(roles []host.Role) string {
	var shown []string
	for _, r := range roles {
		var names []string
		for _, h := range r.Hosts {
			names = append(names, h.Name())
		}
		shown = append(shown, r.Name+"="+strings.Join(names, ","))
	}
	return strings.Join(shown, " ")
}

func paths(nodes []*node.Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Path())
	}
	return strings.Join(all, " ")
}

// wantError compares an error's text, in which several lines are joined by |.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	got := "no error"
	if err != nil {
		got = strings.ReplaceAll(err.Error(), "\n", " | ")
	}
	if got != want {
		t.Errorf("error:\n got %s\nwant %s", got, want)
	}
}

// recorder is a Gate that lets everything pass and a Trace, both kept as lines.
type recorder struct {
	mu     sync.Mutex
	lines  []string
	refuse error
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

func (r *recorder) Command(_ context.Context, n *node.Node, call host.Call) (func([]host.Result), error) {
	r.add("gate %s %s %v", n.Path(), call.Command, call.Hosts)
	if r.refuse != nil {
		return nil, r.refuse
	}
	return func(results []host.Result) { r.add("done %s %d", call.Command, len(results)) }, nil
}

// tracer is the recorder's Trace: both interfaces have a method Command.
type tracer struct{ *recorder }

func (r tracer) CellStarted(n *node.Node, name string) { r.add("cell %s %s starts", n.Path(), name) }

func (r tracer) CellFinished(n *node.Node, name string, value any, err error) {
	r.add("cell %s %s ends %v %v", n.Path(), name, value, err)
}

func (r tracer) Command(n *node.Node, name string, call host.Call, result *host.Result) {
	if result == nil {
		r.add("%s %s: %s starts", n.Path(), name, call.Command)
		return
	}
	r.add("%s %s: %s ends %d", n.Path(), name, call.Command, result.Exit.Code)
}

func (r tracer) Output(n *node.Node, name string, stream host.Stream, data []byte) {
	r.add("%s %s: %s %q", n.Path(), name, stream, data)
}

func (r tracer) Log(n *node.Node, name, text string) {
	r.add("log %s [%s] %s", n.Path(), name, text)
}

func newRun() (*node.Run, *recorder) {
	r := &recorder{}
	return &node.Run{ID: "r1", User: "alice", Gate: r, Trace: tracer{r}}, r
}
