package star_test

import (
	"strings"
	"testing"

	"github.com/deployerd/deployerd/node/star"
)

// inspectable is a tree to look at; its probe() is the case's own.
const inspectable = `
web1, web2, db1 = [ssh_host(n) for n in ["web1", "web2", "db1"]]

def deploy(env, version, *hosts, force = False, **rest):
    """Deploy a version.

    To all of them.
    """
    return "%s %s" % (env, version)

def probe(env):
    return PROBE

def fits(env):
    return "web" in str(env)

Base = parallel_node(port = 80, deploy = action(deploy, aliases = ["d.v"]), _secret = lambda env: 1)
Web = Base(doc = "The web servers.", logs = lambda env: 1, inner = parallel_node())
root = node(
    probe = probe,
    name  = "hides",
    path  = "this too",
    log   = 5,
    url   = property(lambda env: "http://" + env.name),
    q     = Q.name + "!",
    _q    = Q.name,
    call  = lambda env: 1,
    a     = node(group = groups.staging, b = node(x = node(deploy = deploy)), _hidden = node(deploy = deploy)),
    web   = Web.array(hosts = {"host": [web1, web2]}),
)
`

func TestInspect(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`(env.name, env.path, env.log)`:                 `("hides", "this too", 5)`,
		`(inspect(env).name, inspect(env).path)`:        `("", "/")`,
		`inspect(env.a.b).name + inspect(env.a.b).path`: "b/a/b",
		`inspect(env).user`:                             "alice",
		`inspect(env.web).doc`:                          "The web servers.",
		`inspect(env).parent`:                           "",
		`inspect(env.a.b).parent`:                       "/a",
		`inspect(env.web[0].inner).parent`:              "/web:web1",
		`inspect(env.a.b).root`:                         "/",
		`inspect(env.a.b).group == groups.staging`:      "true",
		`inspect(env).group`:                            "other",
		`inspect(env)`:                                  "inspect(/)",
		`[inspect(e).is_isolated for e in [env, env.a, env.web, env.web[0], env.web.inner, env.web["web1"].inner]]`: "[True, True, False, True, False, True]",
		`(inspect(env).is_callable, inspect(env.a).is_callable)`:                                                    "(True, False)",
		`inspect(env).children()`:                                                             "[/a, /web]",
		`inspect(env.a).children()`:                                                           "[/a/b]",
		`inspect(env.a).children(private = True)`:                                             "[/a/b, /a/_hidden]",
		`inspect(env.web["web2"]).children()`:                                                 "[/web/inner:web2]",
		`inspect(env).child("a")`:                                                             "/a",
		`inspect(env.a).child("_hidden")`:                                                     "/a/_hidden",
		`[inspect(env).has_child(n) for n in ["a", "url", "x"]]`:                              "[True, False, False]",
		`[a.name for a in inspect(env.web).actions()]`:                                        `["deploy", "logs"]`,
		`[a.name for a in inspect(env.web).actions(private = 1 == 1)]`:                        `["deploy", "_secret", "logs"]`,
		`inspect(env.web).action("deploy").doc`:                                               "Deploy a version.\n\nTo all of them.",
		`inspect(env.web).action("deploy").parameters`:                                        `["version", "force", "*hosts", "**rest"]`,
		`inspect(env.web).action("deploy").aliases`:                                           `["d.v"]`,
		`inspect(env.web).action("deploy").node`:                                              "/web",
		`inspect(env.web).action("d.v").name`:                                                 "deploy",
		`inspect(env.a.b.x).action("deploy")("v1")`:                                           "/a/b/x v1",
		`[inspect(env.web).has_action(n) for n in ["deploy", "d.v", "_secret", "port", "x"]]`: "[True, True, True, False, False]",
		`[p.name for p in inspect(env).properties()]`:                                         `["url"]`,
		`inspect(env).property("url").value`:                                                  "http://hides",
		`inspect(env).property("url")()`:                                                      "http://hides",
		`[inspect(env).has_property(n) for n in ["url", "q", "name"]]`:                        "[True, False, False]",
		`inspect(env).queries()`:                                                              `[Q.name + "!"]`,
		`inspect(env).queries(private = True)`:                                                `[Q.name + "!", Q.name]`,
		`inspect(env).query("q").name`:                                                        "q",
		`inspect(env).query("_q").value`:                                                      "hides",
		`[inspect(env).has_query(n) for n in ["url", "q", "_q"]]`:                             "[False, True, True]",
		`inspect(env).trace("q")`:                                                             `[("Q", /), ("Q.name", "hides"), ("Q.name + \"!\"", "hides!")]`,
		`inspect(env.web).isolations()`:                                                       "[/web:web1, /web:web2]",
		`inspect(env.a).isolations()`:                                                         "[/a]",
		`inspect(env.web).isolation("web2")`:                                                  "/web:web2",
		`inspect(env.web).isolation(0)`:                                                       "/web:web1",
	} {
		got, _, err := act(t, strings.Replace(inspectable, "PROBE", expression, 1), "probe")
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", expression, got, err, want)
		}
	}
}

func TestWalks(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`list(inspect(env).walk())`:         "[/, /a, /web, /a/b, /a/_hidden, /web/inner, /a/b/x]",
		`len(inspect(env).walk())`:          "7",
		`list(inspect(env.a).walk())`:       "[/a, /a/b, /a/_hidden, /a/b/x]",
		`list(inspect(env.web[1]).walk())`:  "[/web:web2, /web/inner:web2]",
		`inspect(env).walk(public_only)[1]`: "/a",
		`(lambda w: [str(e) for e in w] + [str(e) for e in w])(inspect(env).walk(private_only))`:           `["/a/_hidden", "/a/_hidden"]`,
		`list(inspect(env).walk(has_action("deploy") & ~private_only))`:                                    "[/web, /a/b/x]",
		`list(inspect(env).walk(is_instance(Base)))`:                                                       "[/web]",
		`list(inspect(env).walk(is_instance(Web) | in_group(groups.staging)))`:                             "[/a, /web, /a/b, /a/_hidden, /a/b/x]",
		`list(inspect(env).walk(fits))`:                                                                    "[/web, /web/inner]",
		`list(inspect(env).walk(lambda e: e.name == "b"))`:                                                 "[/a/b]",
		`list(inspect(env).walk(fits & has_action("deploy")))`:                                             "[/web]",
		`list(inspect(env).walk(has_action("d.v") & fits))`:                                                "[/web]",
		`list(inspect(env).walk().filter(public_only).filter(has_action("deploy")))`:                       "[/web, /a/b/x]",
		`list(inspect(env).walk(fits).prefer_isolation("web2"))`:                                           "[/web:web2, /web/inner:web2]",
		`list(inspect(env).walk().prefer_isolation("web9"))`:                                               "[/, /a, /a/b, /a/_hidden, /a/b/x]",
		`inspect(env).walk(has_action("deploy")).call_action("deploy", "v2")`:                              `["/web:web1 v2", "/web:web2 v2", "/a/_hidden v2", "/a/b/x v2"]`,
		`inspect(env).walk(is_instance(Web)).prefer_isolation(web2).call_action("deploy", version = "v3")`: `["/web:web2 v3"]`,
		`inspect(env).walk(has_action("nothing")).call_action("nothing")`:                                  "[]",
		`[is_instance(Web)(e) for e in [env, env.web]]`:                                                    "[False, True]",
		`is_instance(Web) & ~(public_only | in_group(groups.beta)) | has_action("x")`:                      `is_instance(Web) & ~(public_only | in_group(groups.beta)) | has_action("x")`,
		`fits & private_only`: "fits & private_only",
	} {
		got, _, err := act(t, strings.Replace(inspectable, "PROBE", expression, 1), "probe")
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", expression, got, err, want)
		}
	}
}

func TestInspectionsThatFail(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`inspect(5)`:                                                       "inspect: got int, want an env",
		`inspect(Web)`:                                                     "inspect: got a node type",
		`inspect(env).chidlren()`:                                          "inspect has no chidlren (did you mean children?)",
		`inspect(env).child("wbe")`:                                        `/ has no child "wbe" (did you mean web?)`,
		`inspect(env.web).action("deplyo")`:                                `/web has no action "deplyo" (did you mean deploy?)`,
		`inspect(env).property("q")`:                                       `/ has no property "q"`,
		`inspect(env).query("url")`:                                        `/ has no query "url"`,
		`inspect(env).trace("name")`:                                       `/ has no query "name"`,
		`inspect(env.a).isolation("web1")`:                                 "this node has no cells",
		`inspect(env.web).isolation("web9")`:                               `no host "web9" there`,
		`inspect(env).walk("web")`:                                         "filter: got string, want a filter or a function",
		`inspect(env).walk(Web)`:                                           "a node type is no filter (is_instance(Web))",
		`inspect(env).walk(lambda e: e.nothing)`:                           "filter lambda at /: / has no nothing",
		`inspect(env).walk().call_action("deploy")`:                        `/ has no action "deploy"`,
		`inspect(env).walk().call_action()`:                                "the name of an action is missing",
		`inspect(env.web).walk(has_action("logs")).call_action("logs", 1)`: "web logs: web1: function lambda accepts 1 positional argument",
		`public_only & 5`:                                                  "got int, want a filter",
		`public_only + public_only`:                                        "+ does not work on a filter",
		`is_instance("Web")`:                                               "is_instance: for parameter type: got string, want node type",
		`in_group("production")`:                                           "in_group: got string, want a group",
		`inspect(env).walk().prefer_isolation(-1)`:                         "-1 is negative",
	} {
		_, _, err := act(t, strings.Replace(inspectable, "PROBE", expression, 1), "probe")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

func TestSourcesOfDefinitions(t *testing.T) {
	t.Parallel()
	tr := tree(t, strings.Replace(inspectable, "PROBE", "1", 1), star.Options{})
	node, _ := tr.Root().Child("web")
	deploy, _ := node.Action("deploy")
	logs, _ := node.Action("logs")
	for name, c := range map[string]struct {
		want string
		line int
	}{
		"deploy": {"def deploy(env, version, *hosts, force = False, **rest):\n    \"\"\"Deploy a version.\n\n    To all of them.\n    \"\"\"\n    return \"%s %s\" % (env, version)\n", 4},
		"logs":   {"Web = Base(doc = \"The web servers.\", logs = lambda env: 1, inner = parallel_node())\n", 18},
		"web":    {"web   = Web.array(hosts = {\"host\": [web1, web2]}),\n", 29},
	} {
		pos := node.Type().Pos()
		switch name {
		case "deploy":
			pos = deploy.Pos
		case "logs":
			pos = logs.Pos
		}
		got, ok := tr.Source(pos)
		if !ok || got.Text != c.want || got.Line != c.line || got.File != "tree.star" {
			t.Errorf("%s: %v %+v, want line %d:\n%s", name, ok, got, c.line, c.want)
		}
	}
	if root, ok := tr.Source(tr.Root().Type().Pos()); !ok || !strings.HasPrefix(root.Text, "root = node(\n    probe = probe,") || !strings.HasSuffix(root.Text, "\n)\n") {
		t.Errorf("root: %v\n%s", ok, root.Text)
	}
	for _, a := range tr.Root().Attributes(true) {
		if a.Name == "q" {
			if got, ok := tr.Source(a.Pos); !ok || got.Text != "q     = Q.name + \"!\",\n" {
				t.Errorf("q: %v %+v", ok, got)
			}
		}
	}
}
