package node_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/deployerd/deployerd/node"
)

// large is a tree of 10,000 nodes and 5,000 hosts: 100 sites of 99 nodes, each
// mapping roles of 50 hosts.
func large(t testing.TB) *node.Type {
	t.Helper()
	var sites []node.Member
	for s := range 100 {
		var members []node.Member
		hosts := numbered(fmt.Sprintf("s%d-h", s), 50)
		members = append(members, with("hosts", node.Hosts{role("web", hosts[:40]...), role("db", hosts[40:]...)}))
		for i := range 49 {
			web := array(t, parallel(t, with("deploy", noop()), with("logs", parallel(t, with("show", noop())))), mapRoles(entry("", "web")))
			members = append(members, with(fmt.Sprintf("web%d", i), web))
		}
		sites = append(sites, with(fmt.Sprintf("site%d", s), plain(t, members...)))
	}
	sites = append(sites, with("hosts", node.Hosts{}))
	for i := range 99 {
		sites = append(sites, with(fmt.Sprintf("extra%d", i), plain(t)))
	}
	return plain(t, sites...)
}

func TestALargeTreeIsWhole(t *testing.T) {
	t.Parallel()
	tr := tree(t, large(t))
	if tr.Size() != 10_000 || len(tr.Hosts()) != 5_000 {
		t.Fatalf("%d nodes, %d hosts", tr.Size(), len(tr.Hosts()))
	}
	if n := find(t, tr, "/site99/web48/logs:s99-h39"); showRoles(n.Roles()) != "host=s99-h39" {
		t.Errorf("the last cell: %s", showRoles(n.Roles()))
	}
}

func BenchmarkNewTree(b *testing.B) {
	root := large(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := node.NewTree(root, "v"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLargeTypes(b *testing.B) {
	for b.Loop() {
		large(b)
	}
}

func BenchmarkResolve(b *testing.B) {
	tr := tree(b, large(b))
	for name, words := range map[string][]string{
		"action":   {"site99.web48", "deploy", "v1"},
		"cell":     {"/site99/web48:s99-h39/logs", "show"},
		"misspelt": {"site99x"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				tr.Root().Resolve(words, node.Lookup{})
			}
		})
	}
}

func BenchmarkCall2000Cells(b *testing.B) {
	tr := tree(b, plain(b, with("a", array(b, parallel(b, with("x", noop())), node.Hosts{role("host", numbered("h", 2000)...)}))))
	b.ReportAllocs()
	for b.Loop() {
		r := &node.Run{}
		if _, err := node.NewEnv(find(b, tr, "/a"), r).Call(context.Background(), "x", node.Args{}); err != nil {
			b.Fatal(err)
		}
	}
}
