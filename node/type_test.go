package node_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

func TestMembersThatAreRefused(t *testing.T) {
	t.Parallel()
	h := targets("web1")
	cases := []struct {
		name   string
		kind   node.Kind
		member node.Member
		want   string
	}{
		{"host", node.Plain, with("host", 1), `tree.star:1:1: "host" cannot be a member`},
		{"parent", node.Plain, with("parent", 1), `"parent" cannot be a member`},
		{"root", node.Plain, with("root", 1), `"root" cannot be a member`},
		{"console", node.Plain, with("console", 1), `"console" cannot be a member`},
		{"array", node.Plain, with("array", 1), `"array" cannot be a member`},
		{"just_one", node.Plain, with("just_one", 1), `"just_one" cannot be a member`},
		{"serial of a plain node", node.Plain, with("serial", 1), "a plain node has no serial (serial belongs to a parallel_node)"},
		{"no batch", node.Parallel, with("serial", 0), "serial: 0 is no size of a batch: a number from 1, a percentage such as \"20%\", or a list of these such as [1, \"20%\", \"100%\"]"},
		{"max_fail of a plain node", node.Plain, with("max_fail", 1), "a plain node has no max_fail (max_fail belongs to a parallel_node)"},
		{"fewer than none", node.Parallel, with("max_fail", -1), "max_fail: -1 is no bound of failures: a number from 0 or a percentage such as \"10%\""},
		{"an action in no batches", node.Plain, with("go", &node.Action{Fn: noop().Fn, Bounds: node.Bounds{Serial: node.Serial{{}}}}), "the action \"go\": serial: 0 is no size of a batch: a number from 1, a percentage such as \"20%\", or a list of these such as [1, \"20%\", \"100%\"]"},
		{"default action", node.Plain, with("call", 1), `"call" is the default action, and must be a function`},
		{"blank", node.Plain, with("a b", 1), `"a b" is no name for a member`},
		{"digit", node.Plain, with("1a", 1), `"1a" is no name for a member`},
		{"dot", node.Plain, with("a.b", 1), `"a.b" is no name for a member`},
		{"control", node.Plain, with("a\x1b", 1), `"a\x1b" is no name for a member`},
		{"empty", node.Plain, with("", 1), `"" is no name for a member`},
		{"not UTF-8", node.Plain, with("a\xff", 1), `"a\xff" is no name for a member`},
		{"no function", node.Plain, with("a", &node.Action{}), `the action "a" has no function`},
		{"no property", node.Plain, with("a", &node.Property{}), `the property "a" has no function`},
		{"no type", node.Plain, with("a", (*node.Type)(nil)), `the child "a" has no type`},
		{"hosts", node.Plain, with("hosts", h), `hosts must be a dictionary of roles`},
		{"nil host", node.Plain, with("hosts", node.Hosts{role("web", nil)}), `the role "web" holds something that is no host`},
		{"bad host", node.Plain, with("hosts", node.Hosts{role("web", targets("a b")...)}), `"a b" is no name for a host`},
		{"two roles", node.Plain, with("hosts", node.Hosts{role("web"), role("web")}), `the role "web" is given twice`},
		{"bad role", node.Plain, with("hosts", node.Hosts{role("w\n")}), `"w\n" is no name for a role`},
		{"bad map", node.Plain, with("hosts", mapRoles(entry("x", ""))), `"" is no name for a role`},
		{"group", node.Plain, with("group", "red"), `group must be a group`},
		{"nameless group", node.Plain, with("group", node.Group{}), `a group needs a name`},
		{"doc", node.Plain, with("doc", 3), `doc must be a text`},
		{"forks of a plain node", node.Plain, with("forks", 3), `a plain node has no forks`},
		{"no forks", node.Parallel, with("forks", 0), `forks: 0 is not how many cells run at once: a whole number from 1 to 10000`},
		{"text as forks", node.Parallel, with("forks", "3"), `forks: "3" is not how many cells run at once`},
		{"reach into nothing", node.Plain, with("Server__port", 1), `Server__port reaches into "Server", and there is no such child`},
		{"reach into no name", node.Plain, with("__port", 1), `__port reaches into "", and there is no such child`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := node.NewType(c.kind, []node.Member{c.member}, pos(9))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if got := node.DefinitionErrors(err); len(got) != 1 || got[0].Pos != pos(1) {
				t.Errorf("not one error at the member's position: %v", got)
			}
		})
	}
}

func TestAllErrorsOfATypeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := node.NewType(node.Plain, []node.Member{
		{Name: "host", Value: 1, Pos: pos(2)},
		{Name: "a", Value: 1, Pos: pos(3)},
		{Name: "a", Value: 2, Pos: pos(4)},
		{Name: "a__b", Value: 2, Pos: pos(5)},
	}, pos(1))
	wantError(t, err, `tree.star:2:1: "host" cannot be a member (env.host is the one host of a cell; choose another name) | `+
		`tree.star:4:1: "a" is given twice | `+
		`tree.star:5:1: a__b reaches into "a", which the same call replaces (derive the new a with the member instead)`)
}

func TestEveryOtherNameOfEnvCanBeAMember(t *testing.T) {
	t.Parallel()
	typ := plain(t, with("name", "x"), with("path", "y"), with("log", noop()), with("run", noop()), with("user", 1), with("_private", 2), with("größe", 3))
	want := []string{"name", "path", "log", "run", "user", "_private", "größe"}
	if diff := cmp.Diff(want, typ.MemberNames()); diff != "" {
		t.Error(diff)
	}
}

func TestDerivingLeavesTheBaseAndKeepsOrder(t *testing.T) {
	t.Parallel()
	base := plain(t, with("domain", "a"), with("restart", noop()), with("Server", plain(t, with("port", 80))))
	made := derive(t, base, with("extra", 1), with("restart", "now an attribute"), with("domain", "b"), with("Server__port", 8080), with("Server__new", noop()))

	if diff := cmp.Diff([]string{"domain", "restart", "Server", "extra"}, made.MemberNames()); diff != "" {
		t.Errorf("order: %s", diff)
	}
	for typ, want := range map[*node.Type][2]any{base: {"a", 80}, made: {"b", 8080}} {
		domain, _ := typ.Member("domain")
		server, _ := typ.Member("Server")
		port, _ := server.(*node.Type).Member("port")
		if domain != want[0] || port != want[1] {
			t.Errorf("domain %v, port %v, want %v", domain, port, want)
		}
	}
	server, _ := made.Member("Server")
	if diff := cmp.Diff([]string{"port", "new"}, server.(*node.Type).MemberNames()); diff != "" {
		t.Errorf("reached child: %s", diff)
	}
}

func TestReachingInside(t *testing.T) {
	t.Parallel()
	h := targets("web1")
	base := plain(t, with("A", plain(t, with("b", plain(t, with("x", 1))), with("v", 1))), with("attr", 1))
	made := derive(t, base,
		with("A__b__x", 2), with("A__b___y", 3), with("A__v", noop()),
		with("A__hosts", node.Hosts{role("web", h...)}), with("A__group", node.Staging), with("A__doc", "deep"))
	tr := tree(t, made)
	a := find(t, tr, "/A")
	if got := showRoles(a.Roles()); got != "web=web1" || a.Group() != node.Staging || a.Doc() != "deep" {
		t.Errorf("hosts %s, group %v, doc %q", got, a.Group(), a.Doc())
	}
	if diff := cmp.Diff([]node.Attribute{{Name: "x", Value: 2, Pos: pos(1)}, {Name: "_y", Value: 3, Pos: pos(1)}}, find(t, tr, "/A/b").Attributes(true)); diff != "" {
		t.Error(diff)
	}
	if _, ok := a.Action("v"); !ok {
		t.Error("A__v did not become an action")
	}

	_, err := base.Derive([]node.Member{with("attr__x", 1), with("A__host", 1), with("A__b__c__d", 1), with("Aa__b", 1)}, pos(1))
	wantError(t, err, `tree.star:1:1: attr__x reaches into "attr", which is no child | `+
		`tree.star:1:1: Aa__b reaches into "Aa", and there is no such child (did you mean A?) | `+
		`tree.star:1:1: in A: "host" cannot be a member (env.host is the one host of a cell; choose another name) | `+
		`tree.star:1:1: in A: in b: c__d reaches into "c", and there is no such child`)
}

func TestMemberReadsOwnAndInherited(t *testing.T) {
	t.Parallel()
	restart, property := noop(), &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return 1, nil }}
	base := plain(t, with("restart", restart), with("p", property))
	made := derive(t, base, with("x", nil))
	for name, want := range map[string]any{"restart": restart, "p": property, "x": nil} {
		if got, ok := made.Member(name); !ok || got != want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	if _, ok := made.Member("hosts"); ok {
		t.Error("hosts is no member")
	}
}

func TestArrayAppliesOnceAndNeedsTheRoleHost(t *testing.T) {
	t.Parallel()
	h := targets("web1")
	_, err := plain(t).Array(nil, pos(7))
	wantError(t, err, "tree.star:7:1: only a parallel node has the form array (make the type with parallel_node)")
	_, err = array(t, parallel(t), nil).Array(nil, pos(7))
	wantError(t, err, "tree.star:7:1: this type is an array already (array and just_one apply once)")

	const noHost = `: the hosts of an array have no role "host" (an array stands for the hosts of its role host: {"host": ...}, or map_roles("..."))`
	_, err = parallel(t).Array(node.Hosts{role("web", h...)}, pos(7))
	wantError(t, err, "tree.star:7:1"+noHost)
	_, err = parallel(t).Array(mapRoles(entry("db", "db")), pos(7))
	wantError(t, err, "tree.star:7:1"+noHost)
	_, err = parallel(t, with("hosts", node.Hosts{role("web", h...)})).Array(nil, pos(7))
	wantError(t, err, "tree.star:1:1"+noHost)
	_, err = array(t, parallel(t), nil).Derive([]node.Member{with("hosts", node.Hosts{role("web", h...)})}, pos(7))
	wantError(t, err, "tree.star:1:1"+noHost)
	if !derive(t, array(t, parallel(t), nil), with("x", 1)).IsArray() {
		t.Error("what derives from an array is no array")
	}
}

func TestTypesAreOutOfReachOfWhatTheyWereGiven(t *testing.T) {
	t.Parallel()
	hosts := node.Hosts{role("web", targets("web1")...)}
	members := []node.Member{with("hosts", hosts), with("x", 1)}
	tr := tree(t, plain(t, members...))
	hosts[0].Name, members[1].Name = "changed", "changed"
	if got := showRoles(tr.Root().Roles()); got != "web=web1" || tr.Root().Attributes(true)[0].Name != "x" {
		t.Errorf("the tree changed: %s %v", got, tr.Root().Attributes(true))
	}
}

func TestATypeKnowsWhereItWasMade(t *testing.T) {
	t.Parallel()
	base := parallel(t)
	made, err := base.Derive(nil, pos(5))
	if err != nil || made.Pos() != pos(5) || base.Pos() != pos(1) || made.Kind() != node.Parallel || made.IsArray() {
		t.Errorf("%v %v", made, err)
	}
	web := array(t, made, nil)
	if find(t, tree(t, plain(t, with("web", web))), "/web").Type() != web {
		t.Error("the node has another type")
	}
}
