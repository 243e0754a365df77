package star_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// company is a tree with queries in it; its probe() is the case's own.
const company = `
web1, web2, db1 = [ssh_host(n) for n in ["web1", "web2", "db1"]]

def url(env, scheme = "http", path = "/"):
    return scheme + "://" + env.domain + path

Base = node(kind = "base")
Server = Base(port = 8080, names = ["a", "b"], ports = {"http": 80}, up = True, down = False, url = url, domain = "inner.example.com")

def probe(env):
    return PROBE

root = node(
    domain  = "www.example.com",
    staging = node(
        host_name = "st.example.com",
        level     = 2,
        Server    = Server(MEMBERS),
        probe     = probe,
    ),
)
`

// query evaluates the query q of staging.Server, or probe's expression.
func query(t *testing.T, members, probe string) (string, error) {
	t.Helper()
	source := strings.NewReplacer("PROBE", probe, "MEMBERS", members).Replace(company)
	got, _, err := act(t, source, "staging.probe")
	return got, err
}

func TestQueriesGiveTheirValues(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`Q.port`:                         "8080",
		`Q.parent.host_name`:             "st.example.com",
		`Q.parent.parent.domain`:         "www.example.com",
		`Q.root.domain`:                  "www.example.com",
		`Q.parent("staging").level`:      "2",
		`Q.domain.upper()`:               "INNER.EXAMPLE.COM",
		`Q.url()`:                        "http://inner.example.com/",
		`Q.url("https", path = "/x")`:    "https://inner.example.com/x",
		`Q.url(path = "/" + Q.names[0])`: "http://inner.example.com/a",
		`Q.parent.level + Q.port`:        "8082",
		`Q.port - 80 * Q.parent.level`:   "7920",
		`10 - Q.parent.level`:            "8",
		`(Q.parent.level + 1) * 2`:       "6",
		`Q.parent.level / 4`:             "0.5",
		`Q.port // 3`:                    "2693",
		`Q.port % 7`:                     "2",
		`100 % Q.parent.level`:           "0",
		`-Q.port`:                        "-8080",
		`"x" + Q.kind`:                   "xbase",
		`"ab" * Q.parent.level`:          "abab",
		`[1] + Q.names`:                  `[1, "a", "b"]`,
		`Q.names[1]`:                     "b",
		`Q.names[-1]`:                    "b",
		`Q.ports["http"]`:                "80",
		`Q.names[Q.parent.level - 2]`:    "a",
		`Q.up & Q.down`:                  "false",
		`Q.up | Q.down`:                  "true",
		`~Q.up`:                          "false",
		`Q.port & Q.names`:               "true",
		`False | Q.port`:                 "true",
		`Q("http://%s:%s") % (Q.parent.host_name, Q.port)`: "http://st.example.com:8080",
		`Q("%(a)s") % {"a": Q.kind}`:                       "base",
		`Q(5)`:                                             "5",
		`Q(Q.kind)`:                                        "base",
		`Q([Q.kind, (Q.port, 1), {"k": Q.up}])`:            `["base", (8080, 1), {"k": True}]`,
		`[Q.kind, 1]`:                                      `["base", 1]`,
		`{"k": Q.kind}`:                                    `{"k": "base"}`,
		`Q`:                                                "/staging/Server",
		`getattr(Q, "parent.level")`:                       "2",
	} {
		got, err := query(t, "q = "+expression, "env.Server.q")
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", expression, got, err, want)
		}
	}
}

func TestQueriesPrintCanonically(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		`Q`:                                 "",
		`Q.a.b`:                             "",
		`Q.parent.domain`:                   "",
		`Q("a") % (Q.b,)`:                   "",
		`Q('it\'s') % [1,Q.b]`:              `Q("it's") % [1, Q.b]`,
		`Q.a(1,"x",k=Q.b,j=2)`:              `Q.a(1, "x", k = Q.b, j = 2)`,
		`Q.a['x'][Q.b][0]`:                  `Q.a["x"][Q.b][0]`,
		`(((Q.a)))+((Q.b)*(Q.c))`:           `Q.a + Q.b * Q.c`,
		`(Q.a+Q.b)*Q.c`:                     `(Q.a + Q.b) * Q.c`,
		`Q.a-(Q.b-Q.c)`:                     `Q.a - (Q.b - Q.c)`,
		`(Q.a-Q.b)-Q.c`:                     `Q.a - Q.b - Q.c`,
		`Q.a+(Q.b+Q.c)`:                     `Q.a + (Q.b + Q.c)`,
		`Q.a*(Q.b%Q.c)//2`:                  `Q.a * (Q.b % Q.c) // 2`,
		`-(Q.a)`:                            `-Q.a`,
		`-(-Q.a)`:                           `--Q.a`,
		`-(Q.a+1)`:                          `-(Q.a + 1)`,
		`(-Q.a).b`:                          `(-Q.a).b`,
		`(-Q.a)[0]`:                         `(-Q.a)[0]`,
		`(Q.a+1).upper()`:                   `(Q.a + 1).upper()`,
		`~(Q.a&Q.b)|~Q.c`:                   `~(Q.a & Q.b) | ~Q.c`,
		`Q.a&(Q.b|Q.c)`:                     `Q.a & (Q.b | Q.c)`,
		`(Q.a&Q.b)|Q.c`:                     `Q.a & Q.b | Q.c`,
		`'x'+Q.a`:                           `"x" + Q.a`,
		`-1+Q.a`:                            `-1 + Q.a`,
		`Q.a - -1`:                          `Q.a - -1`,
		`None|Q.a`:                          `None | Q.a`,
		`1.5*Q.a/2`:                         `1.5 * Q.a / 2`,
		`Q(Q.a)`:                            `Q(Q.a)`,
		`Q({'k':Q.a,'j':[1]})`:              `Q({"k": Q.a, "j": [1]})`,
		`Q.parent('web').x`:                 `Q.parent("web").x`,
		`Q.parent(Base).x`:                  "",
		`Q.a[("web1", "db2")]`:              "",
		`Q.parent(Base).group`:              "",
		`Q.pick(groups.staging, [Q.a])`:     "",
		`getattr(Q, "a.b")`:                 "Q.a.b",
		`"\n\"" + Q.a`:                      "",
		`Q("text %s") % Q.a + Q("x") * Q.n`: "",
	} {
		if want == "" {
			want = written
		}
		printed := printedQuery(t, written)
		if printed != want {
			t.Errorf("%s prints %s, want %s", written, printed, want)
		}
		if again := printedQuery(t, printed); again != printed {
			t.Errorf("%s, read again, prints %s", printed, again)
		}
	}
}

func printedQuery(t *testing.T, written string) string {
	t.Helper()
	result, _, err := act(t, "Base = node()\nT = str("+written+")\ndef f(env): return T\nroot = node(f = f)", "f")
	if err != nil {
		t.Fatalf("%s: %v", written, err)
	}
	return result
}

func TestTracesTellPartsInTheOrderOfEvaluation(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`Q.kind + Q.domain`: `Q = /staging/Server
Q.kind = base
Q = /staging/Server
Q.domain = inner.example.com
Q.kind + Q.domain = baseinner.example.com`,
		`Q.parent("staging").level + 1`: `Q = /staging/Server
Q.parent("staging") = /staging
Q.parent("staging").level = 2
Q.parent("staging").level + 1 = 3`,
		`Q("%s:%s") % (Q.kind, 1)`: `Q("%s:%s") = %s:%s
Q = /staging/Server
Q.kind = base
Q("%s:%s") % (Q.kind, 1) = base:1`,
		`Q.domain.upper()`: `Q = /staging/Server
Q.domain = inner.example.com
Q.domain.upper = <built-in method upper of string value>
Q.domain.upper() = INNER.EXAMPLE.COM`,
		`~Q.up | Q.down`: `Q = /staging/Server
Q.up = True
~Q.up = False
Q = /staging/Server
Q.down = False
~Q.up | Q.down = False`,
	} {
		got, err := query(t, "q = "+expression, `"\n".join(["{} = {}".format(text, value) for text, value in inspect(env.Server).trace("q")])`)
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", expression, err, cmp.Diff(want, got))
		}
	}
}

func TestParentOfAType(t *testing.T) {
	t.Parallel()
	got, _, err := act(t, `
Base = node()
Web = Base(name = "web")
def f(env):
    return env.a.b.c.q + env.a.b.c.d.q + env.a.b.c.d.r
Inner = node(q = Q.parent(Base).here, r = Q.parent(Web).here)
root = node(f = f, here = "root", a = Web(here = "a", b = Base(here = "b", c = Inner(here = "c", d = Inner))))
`, "f")
	if err != nil || got != "bba" {
		t.Errorf("got %q %v", got, err)
	}
}

// An inherited query is evaluated on the node that inherits it.
func TestInheritedQueriesStandOnTheHeir(t *testing.T) {
	t.Parallel()
	got, _, err := act(t, `
Site = node(domain = "one", url = Q("http://%s") % Q.domain, Server = node(site = Q.parent.domain))
def f(env):
    return [env.a.url, env.b.url, env.a.Server.site, env.b.Server.site]
root = node(f = f, a = Site, b = Site(domain = "two"))
`, "f")
	if want := `["http://one", "http://two", "one", "two"]`; err != nil || got != want {
		t.Errorf("got %s %v", got, err)
	}
}

func TestFailingQueriesNameTheirPart(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`Q.parent.prot`:             `staging.Server q: query Q.parent.prot: /staging has no prot`,
		`1 + Q.parent.levle + Q.up`: `query 1 + Q.parent.levle + Q.up: Q.parent.levle: /staging has no levle (did you mean level?)`,
		`Q.kind + Q.port`:           `query Q.kind + Q.port: unknown binary op: string + int`,
		`Q.root.parent.domain`:      `query Q.root.parent.domain: there is no domain in None, which is the root's parent`,
		`Q.names[7]`:                `query Q.names[7]: there is no item 7 in a list of 2`,
		`Q.ports["ftp"]`:            `there is no key "ftp" in the dict`,
		`Q.port[0]`:                 `a int has no items`,
		`Q.port.x`:                  `a int has no x`,
		`Q.kind()`:                  `invalid call of non-function (string)`,
		`Q.parent("stagin").x`:      `query Q.parent("stagin").x: Q.parent("stagin"): staging.Server has no parent called "stagin"; did you mean staging?`,
		`Q.parent("Server").x`:      `staging.Server has no parent called "Server"`,
		`Q.parent(Server).x`:        `/staging/Server has no parent of the type Server`,
		`Q.parent(1).x`:             `parent: got int, want the name of a node or a node type`,
		`Q.port / 0`:                `division by zero`,
		`Q.q + 1`:                   `calls nest more than 64 deep: /staging probe > /staging/Server q > /staging/Server q`,
		`Q.port * Q.names * 100000`: `too large`,
	} {
		_, err := query(t, "q = "+expression, "env.Server.q")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

func TestQueriesReachNoHost(t *testing.T) {
	t.Parallel()
	const source = `
web1 = ssh_host("web1")
def who(env):
    return env.hosts["web1"].run("id").stdout
root = node(
    hosts = {"host": web1},
    who   = who,
    asks  = Q.who(),
    deep  = property(lambda env: env.who()),
    twice = Q.deep,
    them  = Q.hosts.filter("host"),
    f     = lambda env, name: getattr(env, name),
    later = lambda env: env.them.run("id").values()[0].ok and env.who(),
)
`
	for _, name := range []string{"asks", "twice"} {
		if _, _, err := act(t, source, "f", name); err == nil || !strings.Contains(err.Error(), "a query reaches no host, and Q.") {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if _, _, err := act(t, source, "f", "deep"); err != nil {
		t.Errorf("a property outside a query: %v", err)
	}
	if _, _, err := act(t, source, "later"); err != nil {
		t.Errorf("hosts that a query gave: %v", err)
	}
}

func TestQueriesAreBounded(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"long":   "q = [Q.a]\nfor i in range(100000):\n    q[0] = q[0] + 1\nroot = node(q = q[0])",
		"double": "q = [Q.a]\nfor i in range(64):\n    q[0] = q[0] + q[0]\nroot = node(q = q[0])",
		"list":   "q = [Q.a]\nq.append(q)\nroot = node(q = Q.f(q, q))\n",
	} {
		load, _ := loadError(t, map[string]string{"tree.star": source})
		if len(load.Problems) != 1 || !strings.Contains(load.Error(), "quer") {
			t.Errorf("%s: %v", name, load)
		}
	}
}

func TestCycleOfQueriesTellsItsChain(t *testing.T) {
	t.Parallel()
	_, _, err := act(t, "root = node(a = Q.b, b = Q.a, f = lambda env: env.a)", "f")
	var deep *node.DepthError
	if !errors.As(err, &deep) || !strings.Contains(err.Error(), "/ a > / b > / a") {
		t.Errorf("got %v", err)
	}
}

func TestCancelEndsAQuery(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr := tree(t, "root = node(a = Q.b, b = 1)", star.Options{})
	if _, _, err := node.NewEnv(tr.Root(), &node.Run{}).Attr(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A backtrace shows where the query stands.
func TestQueryInABacktrace(t *testing.T) {
	t.Parallel()
	_, _, err := act(t, "root = node(\n    a = Q.b.c,\n    b = 1,\n    f = lambda env: env.a,\n)\n", "f")
	var action *node.ActionError
	if !errors.As(err, &action) || !strings.Contains(action.Trace, "tree.star:2:5: in Q.b.c (/)\n    a = Q.b.c,") {
		t.Errorf("%v:\n%s", err, action.Trace)
	}
}
