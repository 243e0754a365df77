package node_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

func TestCellsOfOneAndSeveralDimensions(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	for path, want := range map[string]string{
		"/":          "",
		"/plain":     "",
		"/a":         "/a:w1 /a:w2",
		"/a:w1":      "",
		"/a/logs":    "/a/logs:w1 /a/logs:w2",
		"/a/x":       "/a/x:w1 /a/x:w2",
		"/a/x/b":     "/a/x/b:w1:d1 /a/x/b:w1:d2 /a/x/b:w2:d1 /a/x/b:w2:d2",
		"/a/x:w2/b":  "/a/x/b:w2:d1 /a/x/b:w2:d2",
		"/a/x/c":     "/a/x/c:w1:w1 /a/x/c:w1:d1 /a/x/c:w1:d2 /a/x/c:w2:w2 /a/x/c:w2:d1 /a/x/c:w2:d2",
		"/a/x/c:0:0": "",
	} {
		if got := paths(find(t, tr, path).Cells()); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestCellByNameAndNumber(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	cases := []struct {
		path string
		keys []string
		want string
		err  string
	}{
		{"/a", []string{"w2"}, "/a:w2", ""},
		{"/a", []string{"0"}, "/a:w1", ""},
		{"/a", []string{"01"}, "/a:w2", ""},
		{"/a/x/b", []string{"w1", "d2"}, "/a/x/b:w1:d2", ""},
		{"/a/x/b", []string{"1", "0"}, "/a/x/b:w2:d1", ""},
		{"/a/x:w1/b", []string{"d2"}, "/a/x/b:w1:d2", ""},
		{"/a", []string{"w9"}, "", `a["w9"]: no host "w9" there`},
		{"/a", []string{"2"}, "", `a["2"]: no cell 2 there, it has 2 (from 0)`},
		{"/a", []string{"-1"}, "", `a["-1"]: a cell's number is not negative`},
		{"/a", []string{"+1"}, "", `a["+1"]: no host "+1" there`},
		{"/a", []string{"99999999999999999999"}, "", `a["99999999999999999999"]: no host "99999999999999999999" there`},
		{"/a", []string{""}, "", `a[""]: no host "" there`},
		{"/a", nil, "", `a[]: its cells have 1 dimension, and 0 given`},
		{"/a", []string{"w1", "d1"}, "", `a["w1", "d1"]: its cells have 1 dimension, and 2 given`},
		{"/a/x/b", []string{"w1"}, "", `a.x.b["w1"]: its cells have 2 dimensions, and 1 given`},
		{"/a:w1", []string{"w1"}, "", `a:w1["w1"]: this is one cell already`},
		{"/plain", []string{"w1"}, "", `plain["w1"]: this node has no cells`},
		{"/", []string{"0"}, "", `/["0"]: this node has no cells`},
	}
	for _, c := range cases {
		cell, err := find(t, tr, c.path).Cell(c.keys...)
		if c.err != "" {
			wantError(t, err, c.err)
			continue
		}
		if err != nil || cell.Path() != c.want {
			t.Errorf("%s%v: %v %v, want %s", c.path, c.keys, cell, err, c.want)
		}
	}
}

func TestAHostCalledByANumberWins(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("a", array(t, parallel(t), node.Hosts{role("host", targets("7", "1", "0")...)}))))
	for key, want := range map[string]string{"0": "/a:0", "1": "/a:1", "2": "/a:0", "7": "/a:7"} {
		if cell, err := find(t, tr, "/a").Cell(key); err != nil || cell.Path() != want {
			t.Errorf("%s: %v %v, want %s", key, cell, err, want)
		}
	}
}

func TestAroundACell(t *testing.T) {
	t.Parallel()
	tr := grid(t)
	cases := []struct{ path, kind, rule, parent, children string }{
		{"/", "node", "/", "", "/a /plain"},
		{"/plain", "node", "/plain", "/", ""},
		{"/a", "array", "/a", "/", "/a/logs /a/x"},
		{"/a:w1", "cell", "/a", "/", "/a/logs:w1 /a/x:w1"},
		{"/a/logs:w1", "cell", "/a/logs", "/a:w1", "/a/logs/sub:w1"},
		{"/a/x", "array", "/a/x", "/a", "/a/x/b /a/x/c"},
		{"/a/x:w1", "cell", "/a/x", "/a:w1", "/a/x:w1/b /a/x:w1/c"},
		{"/a/x:w1/b", "array", "/a/x/b", "/a/x:w1", ""},
		{"/a/x/b:w1:d2", "cell", "/a/x/b", "/a/x:w1", ""},
	}
	for _, c := range cases {
		n := find(t, tr, c.path)
		got := []string{n.Path(), n.KindName(), n.RulePath(), "", paths(n.Children(true))}
		if n.Parent() != nil {
			got[3] = n.Parent().Path()
		}
		if diff := cmp.Diff([]string{c.path, c.kind, c.rule, c.parent, c.children}, got); diff != "" {
			t.Errorf("%s: %s", c.path, diff)
		}
		if n.IsArray() != (c.kind == "array") {
			t.Errorf("%s: IsArray is %v", c.path, n.IsArray())
		}
	}
	if diff := cmp.Diff([]string{"w1", "d2"}, find(t, tr, "/a/x/b:w1:d2").Keys()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatANodeShows(t *testing.T) {
	t.Parallel()
	property := &node.Property{Doc: "computed"}
	property.Fn = func(context.Context, *node.Env) (any, error) { return 1, nil }
	tr := tree(t, plain(t,
		with("group", node.Production), with("doc", "the root"),
		with("b", 1), with("run", noop()), with("_secret", 2), with("a", property), with("_hide", noop()),
		with("site", plain(t, with("_inner", plain(t)), with("own", plain(t, with("group", node.Beta))))),
	))
	root := tr.Root()
	var names []string
	for _, a := range root.Attributes(false) {
		names = append(names, a.Name)
	}
	for _, a := range root.Actions(false) {
		names = append(names, a.Name)
	}
	for _, a := range root.Actions(true) {
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{"b", "a", "run", "run", "_hide"}, names); diff != "" {
		t.Error(diff)
	}
	site := find(t, tr, "/site")
	if paths(site.Children(false)) != "/site/own" || paths(site.Children(true)) != "/site/_inner /site/own" {
		t.Errorf("children: %s", paths(site.Children(true)))
	}
	if root.Doc() != "the root" || site.Doc() != "" || site.Name() != "site" || root.Name() != "" {
		t.Errorf("docs %q %q, names %q %q", root.Doc(), site.Doc(), root.Name(), site.Name())
	}
	if site.Group() != node.Production || find(t, tr, "/site/own").Group() != node.Beta || find(t, grid(t), "/a").Group() != node.Other {
		t.Error("groups come from the nearest ancestor that has one")
	}
}
