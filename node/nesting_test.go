package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func TestNestingRules(t *testing.T) {
	t.Parallel()
	p := parallel(t)
	own := node.Hosts{role("host", targets("x")...)}
	cases := []struct {
		name string
		root *node.Type
		want string
	}{
		{"no root", nil, "the tree has no root"},
		{"parallel root", p, "tree.star:1:1: the root must be a plain node, not a parallel one (make root with node(...))"},
		{"array root", array(t, p, nil), "tree.star:1:1: the root must be a plain node, not a parallel one (make root with node(...))"},
		{
			"parallel in plain", plain(t, with("web", p)),
			"tree.star:1:1: /web is a parallel node in a plain node, and it is not said for which hosts (write .array() for one cell per host, or .just_one() for exactly one host)",
		},
		{"array in plain", plain(t, with("web", array(t, p, nil))), "no error"},
		{"parallel in array", plain(t, with("web", array(t, parallel(t, with("logs", p)), nil))), "no error"},
		{"parallel deep in parallel", plain(t, with("web", array(t, parallel(t, with("a", parallel(t, with("b", p)))), nil))), "no error"},
		{
			"array in array", plain(t, with("web", array(t, parallel(t, with("logs", array(t, p, nil))), nil))),
			"tree.star:1:1: /web/logs is an array in a parallel node (leave the form out: it shares the cells of its parent; a plain node in between adds a dimension)",
		},
		{
			"parallel in a plain node in between", plain(t, with("a", array(t, parallel(t, with("x", plain(t, with("b", p)))), nil))),
			"tree.star:1:1: /a/x/b is a parallel node in a plain node, and it is not said for which hosts (write .array() for one cell per host, or .just_one() for exactly one host)",
		},
		{"array in a plain node in between", plain(t, with("a", array(t, parallel(t, with("x", plain(t, with("b", array(t, p, nil))))), nil))), "no error"},
		{
			"another role host", plain(t, with("web", array(t, parallel(t, with("logs", parallel(t, with("hosts", own)))), nil))),
			`tree.star:1:1: /web/logs shares the cells of its parent, and its hosts give another role "host" (leave the role host out, or put a plain node in between and write .array() or .just_one())`,
		},
		{
			"another role host by map", plain(t, with("web", array(t, parallel(t, with("logs", parallel(t, with("hosts", mapRoles(entry("", "db")))))), nil))),
			`tree.star:1:1: /web/logs shares the cells of its parent, and its hosts give another role "host" (leave the role host out, or put a plain node in between and write .array() or .just_one())`,
		},
		{"the same role host by map", plain(t, with("web", array(t, parallel(t, with("logs", parallel(t, with("hosts", mapRoles(entry("", "host")))))), nil))), "no error"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := node.NewTree(c.root, "v")
			wantError(t, err, c.want)
		})
	}
}

func TestAProblemOfATypeIsToldOnceAndAllTogether(t *testing.T) {
	t.Parallel()
	bad := plain(t, node.Member{Name: "web", Value: parallel(t), Pos: pos(3)}, node.Member{Name: "db", Value: parallel(t), Pos: pos(4)})
	_, err := node.NewTree(plain(t, with("staging", bad), with("production", bad)), "v")
	var told []string
	for _, e := range node.DefinitionErrors(err) {
		told = append(told, fmt.Sprint(e.Pos.Line, " ", strings.Fields(e.Text)[0]))
	}
	if diff := cmp.Diff([]string{"3 /staging/web", "4 /staging/db"}, told); diff != "" {
		t.Error(diff)
	}
}

func TestTwoHostsOfOneName(t *testing.T) {
	t.Parallel()
	one, other := targets("web1"), targets("web1")
	use := func(line int, h ...host.Host) *node.Type {
		return plain(t, node.Member{Name: "hosts", Value: node.Hosts{role("web", h...)}, Pos: pos(line)})
	}
	tree(t, plain(t, with("a", use(2, one...)), with("b", use(3, one...))))
	_, err := node.NewTree(plain(t, with("a", use(2, one...)), with("b", use(3, other...))), "v")
	wantError(t, err, `tree.star:3:1: two hosts are called "web1": one in /a (tree.star:2), another in /b (make each host once and use that value everywhere)`)
}

func TestATreeIsBounded(t *testing.T) {
	t.Parallel()
	wide := plain(t)
	for range 20 {
		wide = plain(t, with("l", wide), with("r", wide))
	}
	_, err := node.NewTree(wide, "v")
	wantError(t, err, "the tree has more than 200000 nodes")

	deep := plain(t)
	for range 100 {
		deep = plain(t, with("c", deep))
	}
	if _, err := node.NewTree(deep, "v"); err == nil || !strings.Contains(err.Error(), "nodes nest more than 64 deep") {
		t.Errorf("100 deep: %v", err)
	}

	grid := array(t, parallel(t, with("x", plain(t, with("b", array(t, parallel(t), node.Hosts{role("host", numbered("b", 400)...)}))))),
		node.Hosts{role("host", numbered("a", 400)...)})
	_, err = node.NewTree(plain(t, with("a", grid)), "v")
	wantError(t, err, "tree.star:1:1: /a/x/b has more than 100000 cells in 2 dimensions")

	var many []node.Member
	for i := range 150 {
		many = append(many, node.Member{Name: fmt.Sprintf("p%d", i), Value: parallel(t), Pos: pos(i + 1)})
	}
	_, err = node.NewTree(plain(t, many...), "v")
	all := node.DefinitionErrors(err)
	if len(all) != 101 || all[100].Text != "and 50 more" {
		t.Errorf("%d errors, the last %q", len(all), all[len(all)-1].Text)
	}
}

func TestTreeListsItsHosts(t *testing.T) {
	t.Parallel()
	h := targets("web2", "web1", "db1")
	web := node.Hosts{role("web", h[0], h[1])}
	site := plain(t, with("hosts", web), with("inner", plain(t)))
	tr := tree(t, plain(t, with("a", site), with("b", derive(t, site)), with("c", plain(t, with("hosts", node.Hosts{role("db", h[2], h[1])})))))
	got := map[string][]string{}
	var order []string
	for _, use := range tr.Hosts() {
		order = append(order, use.Host.Name())
		got[use.Host.Name()] = use.Nodes
	}
	want := map[string][]string{"db1": {"/c"}, "web1": {"/a", "/b", "/c"}, "web2": {"/a", "/b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"db1", "web1", "web2"}, order); diff != "" {
		t.Error(diff)
	}
	if tr.Size() != 6 || tr.Version() != "v1" {
		t.Errorf("size %d, version %s", tr.Size(), tr.Version())
	}
}
