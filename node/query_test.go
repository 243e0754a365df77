package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// ask is a query for an attribute of the same node, traced in two parts.
func ask(name string) *node.Query {
	return &node.Query{Text: "Q." + name, Eval: func(ctx context.Context, env *node.Env, trace func(string, any)) (any, error) {
		if trace != nil {
			trace("Q", env.Node().Path())
		}
		value, found, err := env.Attr(ctx, name)
		if err == nil && !found {
			err = &node.QueryError{Text: "Q." + name, Part: "Q." + name, Err: fmt.Errorf("there is none")}
		}
		if err != nil {
			return nil, err
		}
		if trace != nil {
			trace("Q."+name, value)
		}
		return value, nil
	}}
}

func TestQueryIsEvaluatedWhereItStands(t *testing.T) {
	t.Parallel()
	base := plain(t, with("x", 1), with("q", ask("x")), with("bad", ask("y")))
	tr := tree(t, plain(t, with("a", base), with("b", derive(t, base, with("x", 2)))))
	run := &node.Run{}
	for path, want := range map[string]any{"/a": 1, "/b": 2} {
		env := node.NewEnv(find(t, tr, path), run)
		if got, found, err := env.Attr(t.Context(), "q"); got != want || !found || err != nil {
			t.Errorf("%s: %v %v %v, want %v", path, got, found, err, want)
		}
		got, steps, err := env.TraceQuery(t.Context(), "q")
		if diff := cmp.Diff([]node.QueryStep{{"Q", path}, {"Q.x", want}}, steps); diff != "" || got != want || err != nil {
			t.Errorf("%s: %v %v %s", path, got, err, diff)
		}
	}
	_, steps, err := node.NewEnv(find(t, tr, "/a"), run).TraceQuery(t.Context(), "bad")
	if len(steps) != 1 || err == nil || err.Error() != "a bad: query Q.y: there is none" {
		t.Errorf("%v %v", steps, err)
	}
	var missing *node.NotFoundError
	if _, _, err := node.NewEnv(find(t, tr, "/a"), run).TraceQuery(t.Context(), "x"); !errors.As(err, &missing) {
		t.Errorf("an attribute was traced: %v", err)
	}
}

type openGate struct{}

func (openGate) Command(context.Context, *node.Node, host.Call) (func([]host.Result), error) {
	return nil, nil
}

func TestNoCommandWhileAQueryIsEvaluated(t *testing.T) {
	t.Parallel()
	var kept context.Context
	q := &node.Query{Text: "Q.x", Eval: func(ctx context.Context, env *node.Env, _ func(string, any)) (any, error) {
		kept = ctx
		_, err := env.Hosts().Run(ctx, "id", host.RunOptions{})
		return nil, err
	}}
	tr := tree(t, plain(t, with("hosts", node.Hosts{role("host", targets("web1")...)}), with("q", q)))
	env := node.NewEnv(tr.Root(), &node.Run{Gate: openGate{}})
	if _, _, err := env.Attr(t.Context(), "q"); err == nil || !strings.Contains(err.Error(), "Q.x is being evaluated") {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := env.Hosts().Run(kept, "id", host.RunOptions{}); err != nil {
		t.Errorf("with the context of a query that is over: %v", err)
	}
}

func TestQueriesThatReadEachOtherEnd(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("a", ask("b")), with("b", ask("a"))))
	_, _, err := node.NewEnv(tr.Root(), &node.Run{}).Attr(t.Context(), "a")
	var deep *node.DepthError
	if !errors.As(err, &deep) || len(deep.Chain) != node.MaxDepth+1 {
		t.Errorf("got %v", err)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	web := parallel(t, with("deploy", noop()), with("inner", parallel(t)))
	array, err := web.Array(node.Hosts{role("host", targets("web1", "web2")...)}, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	tr := tree(t, plain(t,
		with("a", plain(t, with("_p", plain(t, with("deploy", noop()))))),
		with("web", array),
		with("group", node.Staging), with("b", plain(t, with("group", node.Group{Name: "mine", Color: "blue"}), with("deploy", noop()))),
	))
	all := node.NewEnv(tr.Root(), &node.Run{}).Walk()
	for _, c := range []struct {
		filter       *node.Filter
		printed, got string
	}{
		{node.PublicOnly.Or(node.PrivateOnly), "public_only | private_only", "/ /a /web /b /a/_p /web/inner"},
		{node.HasAction("deploy"), `has_action("deploy")`, "/web /b /a/_p"},
		{node.HasAction("deploy").And(node.PublicOnly), `has_action("deploy") & public_only`, "/web /b"},
		{node.IsInstance(web, "Web"), "is_instance(Web)", "/web"},
		{node.InGroup(node.Staging), "in_group(groups.staging)", "/ /a /web /a/_p /web/inner"},
		{node.InGroup(node.Group{Name: "mine"}), `in_group(group("mine"))`, "/b"},
		{node.PublicOnly.And(node.HasAction("x").Or(node.PublicOnly)).Not(), `~(public_only & (has_action("x") | public_only))`, "/a/_p"},
		{node.PublicOnly.Not().Or(node.HasAction("x").And(node.PublicOnly)), `~public_only | has_action("x") & public_only`, "/a/_p"},
	} {
		kept, err := all.Filter(t.Context(), c.filter)
		if err != nil {
			t.Fatal(err)
		}
		if got := walked(kept); got != c.got || c.filter.String() != c.printed {
			t.Errorf("%s: %s, want %s: %s", c.filter, got, c.printed, c.got)
		}
	}
	if got := walked(all.PreferIsolation(node.CellKey{Host: "web2"})); got != "/ /a /web:web2 /b /a/_p /web/inner:web2" {
		t.Errorf("prefer web2: %s", got)
	}
	if got := walked(all.PreferIsolation(node.CellKey{Host: "web9"})); got != "/ /a /b /a/_p" {
		t.Errorf("prefer web9: %s", got)
	}
	failing := node.NewFilter("mine", func(context.Context, *node.Env) (bool, error) { return false, fmt.Errorf("no") })
	if _, err := all.Filter(t.Context(), failing); err == nil || err.Error() != "filter mine at /: no" {
		t.Errorf("got %v", err)
	}
}

func walked(w *node.Walk) string {
	var list []string
	for _, e := range w.Envs() {
		list = append(list, e.Node().Path())
	}
	return strings.Join(list, " ")
}

func TestWalkCallsAnActionOncePerCell(t *testing.T) {
	t.Parallel()
	where := &node.Action{Fn: func(_ context.Context, env *node.Env, args node.Args) (any, error) {
		return fmt.Sprint(env.Node().Path(), args.Pos), nil
	}}
	array, err := parallel(t, with("where", where)).Array(node.Hosts{role("host", targets("web1", "web2")...)}, pos(1))
	if err != nil {
		t.Fatal(err)
	}
	tr := tree(t, plain(t, with("web", array), with("b", plain(t, with("where", where)))))
	all := node.NewEnv(tr.Root(), &node.Run{}).Walk()
	if _, err := all.CallAction(t.Context(), "where", node.Args{}); err == nil || !strings.Contains(err.Error(), `/ has no action "where"`) {
		t.Errorf("got %v", err)
	}
	some, err := all.Filter(t.Context(), node.HasAction("where"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := some.CallAction(t.Context(), "where", node.Args{Pos: []any{"x"}})
	if diff := cmp.Diff([]any{"/web:web1[x]", "/web:web2[x]", "/b[x]"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
