package session

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

func smallTree(t testing.TB) *node.Tree {
	t.Helper()
	return makeTree(t, plain(t, with("noop", act("", func(context.Context, *node.Env, node.Args) (any, error) { return nil, nil }))))
}

func makeTree(t testing.TB, root *node.Type) *node.Tree {
	t.Helper()
	tree, err := node.NewTree(root, "v")
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// largeTree has sites×services nodes, each with a host and an action.
func largeTree(t testing.TB, sites, services int) *node.Tree {
	t.Helper()
	members := make([]node.Member, sites)
	for i := range members {
		inner := make([]node.Member, services)
		for j := range inner {
			h := hosttest.NewFake(fmt.Sprintf("h%d-%d", i, j))
			hosts := node.Hosts{{Name: "host", Items: []node.HostsItem{{Host: host.Host(h)}}}}
			inner[j] = with(fmt.Sprintf("service%d", j), plain(t, with("hosts", hosts), with("deploy", deploy())))
		}
		members[i] = with(fmt.Sprintf("site%d", i), plain(t, inner...))
	}
	return makeTree(t, plain(t, members...))
}

// A user of one small corner of a large tree finds it, and nothing else.
func TestACornerOfALargeTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := w.makeState(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see", "run"}, Paths: []string{"/site9/service9"}})
	state.Tree = largeTree(t, 10, 100)
	w.Swap(state)
	w.check(t, "bob", []transcript{
		{line: "ls -R", out: "/site9\n/site9/service9\n/site9/service9/deploy\n"},
		{line: "hosts", out: "h9-9  h9-9.fake  closed  /site9/service9\n"},
		{line: "site9.service9.deploy v1"},
		{line: "site8", err: "deployerd: site8: no such node or action here; did you mean site9?\n", code: 127},
	})
	out, _, _ := w.exec(t, "alice", "find", "")
	if got := strings.Count(out, "\n"); got != 10+2*1000 {
		t.Errorf("%d paths", got)
	}
}

// BenchmarkVisible is one line of a user who may see little of 10,000 nodes.
func BenchmarkVisible(b *testing.B) {
	w := newWorld(b)
	state := w.makeState(b, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/site99/service99"}})
	state.Tree = largeTree(b, 100, 100)
	w.Swap(state)
	for b.Loop() {
		if _, errs, code := w.exec(b, "bob", "ls", ""); code != 0 {
			b.Fatal(errs)
		}
	}
}

// BenchmarkVersion is the smallest line there is.
func BenchmarkVersion(b *testing.B) {
	w := newWorld(b)
	s := w.open(b, b.Context(), "alice")
	for b.Loop() {
		s.Exec("--version", IO{})
	}
}

// BenchmarkMarkedOutput is what several hosts' output costs.
func BenchmarkMarkedOutput(b *testing.B) {
	m := marker{mark: "web1: "}
	data := []byte(strings.Repeat("a line of output such as programs write\n", 800))
	var buf []byte
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		buf = m.write(buf[:0], data)
	}
}
