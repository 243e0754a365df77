package node_test

import (
	"testing"

	"github.com/deployerd/deployerd/node"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	h := targets("w1", "w2", "m", "s", "q")
	w1, w2, m, s, q := h[0], h[1], h[2], h[3], h[4]
	parent := node.Hosts{role("www", w1, w2), role("master", m), role("slave", s, m), role("queue", q, w1), role("none")}
	cases := []struct {
		name  string
		hosts any
		want  string
	}{
		{"nothing said: the parent's", nil, "www=w1,w2 master=m slave=s,m queue=q,w1 none="},
		{"own dictionary", node.Hosts{role("b", s, s, m), role("a", w1)}, "b=s,m a=w1"},
		{"all hosts as a value", node.Hosts{allOf("x")}, "x=w1,w2,m,s,q"},
		{"all hosts in a list, at its place", node.Hosts{{Name: "x", Items: []node.HostsItem{{Host: q}, {All: true}, {Host: w2}}}}, "x=q,w1,w2,m,s"},
		{"map by name", mapRoles(entry("web", "www"), entry("db", "master", "slave")), "web=w1,w2 db=m,s"},
		{"map keeps the parent's order", mapRoles(entry("db", "slave", "master", "www")), "db=w1,w2,m,s"},
		{"map without names", mapRoles(entry("", "www"), entry("", "queue")), "host=w1,w2,q"},
		{"map mixed", mapRoles(entry("", "queue"), entry("db", "slave")), "host=q,w1 db=s,m"},
		{"map all", mapRoles(entry("x", node.AllHosts)), "x=w1,w2,m,s,q"},
		{"a role the parent has not", mapRoles(entry("web", "nope"), entry("db", "slave")), "web= db=s,m"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			child := plain(t)
			if c.hosts != nil {
				child = plain(t, with("hosts", c.hosts))
			}
			tr := tree(t, plain(t, with("hosts", parent), with("child", child)))
			for range 2 {
				if got := showRoles(find(t, tr, "/child").Roles()); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

func TestMapRolesWinsOverAnInheritedDictionary(t *testing.T) {
	t.Parallel()
	h := targets("w1", "w2", "own")
	base := plain(t, with("hosts", node.Hosts{role("x", h[2])}))
	tr := tree(t, plain(t, with("hosts", node.Hosts{role("www", h[0], h[1])}),
		with("mapped", derive(t, base, with("hosts", mapRoles(entry("web", "www"))))),
		with("cleared", derive(t, base, with("hosts", nil))),
		with("arr", array(t, parallel(t, with("hosts", node.Hosts{role("x", h[2])})), mapRoles(entry("", "www")))),
		with("kept", array(t, parallel(t, with("hosts", node.Hosts{role("host", h[2])})), nil)),
	))
	for path, want := range map[string]string{"/mapped": "web=w1,w2", "/cleared": "www=w1,w2", "/arr": "host=w1,w2", "/kept": "host=own"} {
		if got := showRoles(find(t, tr, path).Roles()); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// grid is a tree with one, one shared, and two dimensions:
//
//	/a          array of w1, w2, with the role db
//	/a/logs     parallel in a: the same cells
//	/a/logs/sub plain in it, mapping all hosts
//	/a/x        plain in a
//	/a/x/b      array of d1, d2: two dimensions
//	/a/x/c      array without hosts of its own: those of the cell of x
//	/plain      as the root
func grid(t testing.TB, actions ...node.Member) *node.Tree {
	t.Helper()
	h := targets("w1", "w2", "d1", "d2")
	b := array(t, parallel(t, actions...), mapRoles(entry("", "db")))
	c := array(t, parallel(t, actions...), nil)
	x := plain(t, append(actions, with("b", b), with("c", c))...)
	sub := plain(t, with("hosts", mapRoles(entry("all", node.AllHosts))))
	logs := parallel(t, append(actions, with("hosts", mapRoles(entry("copy", "db"))), with("sub", sub))...)
	a := array(t, parallel(t, append(actions, with("logs", logs), with("x", x))...),
		node.Hosts{role("host", h[0], h[1]), role("db", h[2], h[3])})
	return tree(t, plain(t, append(actions, with("a", a), with("plain", plain(t, actions...)))...))
}

func TestRolesInCells(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	for path, want := range map[string]string{
		"/a":              "host=w1,w2 db=d1,d2",
		"/a:w2":           "host=w2 db=d1,d2",
		"/a/logs":         "host=w1,w2 copy=d1,d2",
		"/a/logs:w2":      "host=w2 copy=d1,d2",
		"/a/logs/sub:w2":  "all=w2,d1,d2",
		"/a/x:w1":         "host=w1 db=d1,d2",
		"/a/x/b":          "host=d1,d2",
		"/a/x/b:w2:d1":    "host=d1",
		"/a:w1/x/b":       "host=d1,d2",
		"/a/x/c":          "host=w1,w2,d1,d2",
		"/a/x:w2/c":       "host=w2,d1,d2",
		"/a/x/c:w2:d1":    "host=d1",
		"/plain":          "",
		"/a/x:w1/../logs": "host=w1 copy=d1,d2",
	} {
		if got := showRoles(find(t, tr, path).Roles()); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
