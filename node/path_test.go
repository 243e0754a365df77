package node_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

// sampleTree has /production and /staging with an array web (deploy, restart,
// logs), a plain db, an attribute and private names.
func sampleTree(t testing.TB) *node.Tree {
	t.Helper()
	web := parallel(t, with("deploy", noop()), with("restart", noop()), with("_rescue", noop()),
		with("logs", parallel(t, with("show", noop()))), with("domain", "www"))
	inner := array(t, parallel(t, with("backup", noop())), mapRoles(entry("", "db")))
	h := targets("web1", "web2", "web1.example.com", "db1", "10")
	site := plain(t, with("hosts", node.Hosts{role("web", h[:3]...), role("db", h[3:]...)}),
		with("web", array(t, derive(t, web, with("deep", plain(t, with("b", inner)))), mapRoles(entry("", "web"), entry("db", "db")))),
		with("db", plain(t, with("backup", noop()), with("größe", noop()), with("_lab", plain(t)))),
		with("status", noop()), with("domain", "example.com"),
		with("ip", &node.Property{Fn: func(context.Context, *node.Env) (any, error) { return "", nil }}))
	return tree(t, plain(t, with("production", site), with("staging", derive(t, site)), with("monitor", noop())))
}

func TestResolve(t *testing.T) {
	t.Parallel()
	tr := sampleTree(t)
	last := find(t, tr, "/staging/db")
	const from = "/production"
	cases := []struct {
		words string // separated by blanks
		want  string // place, action, number of words, error
	}{
		{"", "/production 0"},
		{"web", "/production/web 1"},
		{"web deploy", "/production/web deploy 2"},
		{"web deploy v1.2 web", "/production/web deploy 2"},
		{"web.deploy v1", "/production/web deploy 1"},
		{"web/deploy/ v1", "/production/web deploy 1"},
		{"/production.web.deploy v1", "/production/web deploy 1"},
		{"/production web deploy", "/production/web deploy 3"},
		{"/production/web", "/production/web 1"},
		{"/production.web", "/production/web 1"},
		{"/", "/ 1"},
		{"//production//web/", "/production/web 1"},
		{"/ production web", "/production/web 3"},
		{"/production/web:web1", "/production/web:web1 1"},
		{"web:web1.example.com", "/production/web:web1.example.com 1"},
		{"web:web1/logs", "/production/web/logs:web1 1"},
		{"web:web1/logs.show now", "/production/web/logs:web1 show 1"},
		{"web:web1 deploy", "/production/web:web1 deploy 2"},
		{"web :web1", "/production/web:web1 2"},
		{"web :0", "/production/web:web1 2"},
		{"web:1", "/production/web:web2 1"},
		{"web/logs:web2", "/production/web/logs:web2 1"},
		{"web.logs:web2", "/production/web/logs:web2 1"},
		{"web/deep/b:web1:db1 backup", "/production/web/deep/b:web1:db1 backup 2"},
		{"web/deep/b:web1:10", "/production/web/deep/b:web1:10 1"},
		{"web:web2/deep/b", "/production/web/deep:web2/b 1"},
		{"web:web2/deep/b:db1", "/production/web/deep/b:web2:db1 1"},
		{"web:web2/deep/b :db1/..", "/production/web/deep:web2 2"},
		{".", "/production 1"},
		{"./status", "/production status 1"},
		{"..", "/ 1"},
		{"../..", "/ 1"},
		{"../monitor", "/ monitor 1"},
		{"../staging/db", "/staging/db 1"},
		{"web/..", "/production 1"},
		{"web .. db", "/production/db 3"},
		{"web:web1/..", "/production 1"},
		{"web:web1/logs/..", "/production/web:web1 1"},
		{"-", "/staging/db 1"},
		{"- backup", "/staging/db backup 2"},
		{"-/backup", "/staging/db backup 1"},
		{"db/_lab", "/production/db/_lab 1"},
		{"web _rescue", "/production/web _rescue 2"},
		{"db gr\u00f6\u00dfe", "/production/db größe 2"},
		{"db gro\u0308\u00dfe", "/production/db größe 2"},
		{"status deploy", "/production status 1"},

		{"wbe", `/production 0 no "wbe" in production; did you mean web?`},
		{"WEB", `/production 0 no "WEB" in production; did you mean web?`},
		{"web depoly", `/production/web 1 no "depoly" in production.web; did you mean deploy?`},
		{"web.depoly", `/production 0 no "depoly" in production.web; did you mean deploy?`},
		{"web rest", `/production/web 1 no "rest" in production.web; did you mean restart?`},
		{"web _rescu", `/production/web 1 no "_rescu" in production.web`},
		{"db _la", `/production/db 1 no "_la" in production.db`},
		{"/prodution", `/production 0 no "prodution" at the root; did you mean production?`},
		{"web:web3", `/production 0 production.web["web3"]: no host "web3" there; did you mean :web1 or :web2?`},
		{"web:web1:web2", `/production 0 production.web["web1", "web2"]: its cells have 1 dimension, and 2 given`},
		{"web/deep/b:web1", `/production 0 production.web.deep.b["web1"]: its cells have 2 dimensions, and 1 given`},
		{"web:", `/production 0 production.web[""]: no host "" there`},
		{"web:web1.deploy", `/production 0 production.web["web1.deploy"]: no host "web1.deploy" there`},
		{"web:web1:", `/production 0 production.web["web1", ""]: its cells have 1 dimension, and 2 given`},
		{":web1", `/production 0 production["web1"]: this node has no cells`},
		{"web :7", `/production/web 1 production.web["7"]: no cell 7 there, it has 3 (from 0)`},
		{"web..logs", `/production 0 no "web..logs" in production.web`},
		{".web", `/production 0 no ".web" in production; did you mean web?`},
		{"web.", `/production 0 no "web." in production.web`},
		{"web /staging", `/production/web 1 no "/staging" in production.web`},
		{"web -", `/production/web 1 no "-" in production.web`},
		{"status/web", `/production 0 "status" is an action, and nothing is below it: no "web" there`},
		{"status/..", `/production 0 "status" is an action, and nothing is below it: no ".." there`},
		{"status:web1", `/production 0 "status" is an action, and nothing is below it: no ":web1" there`},
		{"domain", `/production 0 "domain" is an attribute of production, not a place; --inspect shows it`},
		{"ip", `/production 0 "ip" is a property of production, not a place; --inspect shows it`},
		{"web domain", `/production/web 1 "domain" is an attribute of production.web, not a place; --inspect shows it`},
		{"../production.domain", `/production 0 "domain" is an attribute of production, not a place; --inspect shows it`},
		{"e\x1b[2J", `/production 0 no "e\x1b[2J" in production`},
	}
	for _, c := range cases {
		start := find(t, tr, from)
		found := start.Resolve(strings.Fields(c.words), node.Lookup{Last: last})
		if got := showFound(found); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.words, got, c.want)
		}
	}
}

func showFound(f node.Found) string {
	parts := []string{f.Node.Path()}
	if f.Action != nil {
		parts = append(parts, f.Action.Name)
	}
	parts = append(parts, strconv.Itoa(f.Words))
	if f.Next != nil {
		parts = append(parts, f.Next.Error())
	}
	return strings.Join(parts, " ")
}

func TestResolveFromTheRoot(t *testing.T) {
	t.Parallel()
	root := sampleTree(t).Root()
	for words, want := range map[string]string{
		"-":          `/ 0 there is no last place yet`,
		"nope":       `/ 0 no "nope" at the root`,
		"..":         "/ 1",
		"production": "/production 1",
	} {
		if got := showFound(root.Resolve([]string{words}, node.Lookup{})); got != want {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
	}
	if got := showFound(root.Resolve([]string{""}, node.Lookup{})); got != `/ 0 no "" at the root` {
		t.Errorf("an empty word: %s", got)
	}
}

func TestWhatMayNotBeSeenLooksLikeWhatIsNotThere(t *testing.T) {
	t.Parallel()
	tr := sampleTree(t)
	l := node.Lookup{
		Last: find(t, tr, "/production/db"),
		Node: func(n *node.Node) bool {
			return !strings.HasPrefix(n.RulePath(), "/production") && n.Path() != "/staging/web:web2"
		},
		Action: func(n *node.Node, a node.NamedAction) bool { return a.Name != "deploy" },
	}
	for words, want := range map[string]string{
		"production":         `/ 0 no "production" at the root`,
		"productio":          `/ 0 no "productio" at the root`,
		"-":                  `/ 0 there is no last place yet`,
		"staging/web":        "/staging/web 1",
		"staging.web:web2":   `/ 0 staging.web["web2"]: no host "web2" there; did you mean :web1?`,
		"staging.web:web9":   `/ 0 staging.web["web9"]: no host "web9" there; did you mean :web1?`,
		"staging web deplo":  `/staging/web 2 no "deplo" in staging.web`,
		"staging/web/deploy": `/ 0 no "deploy" in staging.web`,
	} {
		if got := showFound(tr.Root().Resolve(strings.Fields(words), l)); got != want {
			t.Errorf("%s: got %s, want %s", words, got, want)
		}
	}
}

func TestResolveErrorsCarryFacts(t *testing.T) {
	t.Parallel()
	tr := sampleTree(t)
	found := tr.Root().Resolve([]string{"production", "web", "depoly"}, node.Lookup{})
	missing, ok := errors.AsType[*node.NotFoundError](found.Next)
	if !ok {
		t.Fatalf("got %T", found.Next)
	}
	if diff := cmp.Diff(&node.NotFoundError{Word: "depoly", In: "/production/web", Suggestions: []string{"deploy"}}, missing); diff != "" {
		t.Error(diff)
	}
	found = tr.Root().Resolve([]string{"production", "domain"}, node.Lookup{})
	if diff := cmp.Diff(&node.AttributeError{Word: "domain", In: "/production", Kind: "attribute"}, found.Next); diff != "" {
		t.Error(diff)
	}
}

func TestSuggestionsAreAtMostThreeNearestFirst(t *testing.T) {
	t.Parallel()
	tr := tree(t, plain(t, with("restarts", noop()), with("restart2", noop()), with("restart", noop()), with("restarted", noop()), with("stop", noop())))
	found := tr.Root().Resolve([]string{"restar"}, node.Lookup{})
	missing, _ := errors.AsType[*node.NotFoundError](found.Next)
	if diff := cmp.Diff([]string{"restart", "restarts", "restart2"}, missing.Suggestions); diff != "" {
		t.Error(diff)
	}
	found = tr.Root().Resolve([]string{strings.Repeat("restart", 1000)}, node.Lookup{})
	missing, _ = errors.AsType[*node.NotFoundError](found.Next)
	if missing.Suggestions != nil || len(missing.Error()) > 200 {
		t.Errorf("a long word: %s", missing)
	}
}

func TestResolveNormalisesNames(t *testing.T) {
	t.Parallel()
	decomposed, composed := "gro\u0308\u00dfe", "gr\u00f6\u00dfe"
	if _, err := node.NewType(node.Plain, []node.Member{with(decomposed, 1), with(composed, 2)}, pos(1)); err == nil {
		t.Error("two spellings of one name in one type")
	}
	tr := tree(t, plain(t, with(decomposed, plain(t))))
	for _, spelling := range []string{decomposed, composed} {
		if n := find(t, tr, spelling); n.Path() != "/"+composed {
			t.Errorf("%q leads to %s", spelling, n.Path())
		}
	}
}

// FuzzResolve follows any words and checks that the path it gives leads to the
// same place again.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{
		"production web deploy v1", "/production.web:web1", "web:web1/logs/..", "-", "../..:0", "staging/web/deep/b:web1:db1",
		"a:::", "/:", "...", "production/web:web1.example.com deploy", "\xff", "production.domain",
	} {
		f.Add(seed)
	}
	tr := sampleTree(f)
	start := find(f, tr, "/production")
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, " ")
		found := start.Resolve(words, node.Lookup{Last: start})
		if found.Words < 0 || found.Words > len(words) || found.Node == nil {
			t.Fatalf("%q: %+v", line, found)
		}
		if found.Next == nil && found.Action == nil && found.Words != len(words) {
			t.Fatalf("%q: %d of %d words and no reason", line, found.Words, len(words))
		}
		if again := find(t, tr, found.Node.Path()); again.Path() != found.Node.Path() {
			t.Fatalf("%q: %s leads to %s", line, found.Node.Path(), again.Path())
		}
	})
}
