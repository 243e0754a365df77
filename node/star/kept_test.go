package star_test

import (
	"strings"
	"testing"
)

// TestKept runs actions that keep an env, a function or a list longer than the
// call that it was made for.
func TestKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, want string }{
		"a property that reads itself through an env that was kept": {`
def go(env):
    made = None
    def p(e):
        return made.p
    made = env.initialize(node(p = property(p), q = Q.p, r = property(lambda e: getattr(made, "q", 1))))
    for name in ["p", "q", "r"]:
        print(env.attempt(lambda: getattr(made, name)).error)
root = node(go = go)`, `
(new) p: calls nest more than 64 deep: / go > /(new) p
(new) q: calls nest more than 64 deep: / go > /(new) p
(new) r: calls nest more than 64 deep: / go > /(new) p`},
		"cells beside each other do not count as nested": {`
hosts = [ssh_host("h%d" % i) for i in range(100)]
def go(env):
    r = env.web.ask(lambda: env.site)
    print(len(r), r[99])
root = node(go = go, site = property(lambda env: env.sleep("20ms") or "x.org"),
    web = parallel_node(forks = 100, ask = lambda env, fn: fn()).array(hosts = {"host": hosts}))`, `
100 x.org`},
		"what an action with a time-out gave lives on": {`
def go(env):
    l = env.some()
    print(l[0].p, l[1](), l[2](), l[0].attempt(l[1]).value)
root = node(go = go, some = action(lambda env: [env, lambda: env.p, env.act], timeout = "1m"),
    p = property(lambda env: 7), act = lambda env: 8)`, `
7 7 8 7`},
		"a variable that gets its value after the type was made": {`
hosts = [ssh_host("h%d" % i) for i in range(20)]
def go(env):
    late = None
    def push(env):
        late.append(env.host.name)
    made = env.initialize(parallel_node(push = push).array())
    late = []
    print(env.attempt(made.push).errors["h7"], late)
root = node(go = go, hosts = {"host": hosts})`, `
(new):h7 push: append: cannot append to frozen list []`},
		"functions that use themselves": {`
def go(env):
    def f(x):
        return f
    x = (lambda: x,)
    for given in [f, [f], {"k": f}, struct(f = f), x]:
        print(env.attempt(lambda: env.web.same(given)).error[:40])
    print(env.attempt(lambda: node(f = f)).error[:40], f(1) == f)
    print(env.attempt(env.web.give).error[:40])
    l = []
    l.append(lambda: l)
    print(len(env.web.same(l)[0]))
def give(env):
    def g(x):
        return g
    return g
root = node(go = go, web = parallel_node(same = lambda env, x: x, give = give).array(hosts = {"host": ssh_host("web1")}))`, `
the function f uses itself, and cannot b
the function f uses itself, and cannot b
the function f uses itself, and cannot b
the function f uses itself, and cannot b
the function lambda uses itself, and can
the function f uses itself, and cannot b True
the function g uses itself, and cannot b
1`},
		"lists that hold each other": {`
def go(env):
    l, t, deep = ["x"], ("x",), []
    for i in range(40):
        l, t = [l, l], (t, t)
    for i in range(100000):
        deep = [deep]
    for fn in [lambda: str(l), lambda: repr(t), lambda: "%s" % [l], lambda: print(l), lambda: str(deep), lambda: env.web.same(t)]:
        print(env.attempt(fn).error)
    env.log(l)
    own = []
    own.append(own)
    print(own, env.attempt(lambda: env.web.same(deep)).error)
root = node(go = go, web = parallel_node(same = lambda env, x: x).array(hosts = {"host": ssh_host("web1")}))`, `
str: the text of a value is too large: at most 67108864 bytes
repr: the text of a value is too large: at most 67108864 bytes
the text of a value is too large: at most 67108864 bytes
print: the text of a value is too large: at most 67108864 bytes
str: a value nested more than 1000 deep has no text
a value holds more than 10000000 others
<list: the text of a value is too large: at most 67108864 bytes>
[[...]] a value is nested more than 10000 deep`},
		"names with dots": {`
def go(env):
    print(getattr(env, "st.a.b"), getattr(env, "b.st.z"), getattr(env, "st.a.b.c", 5), getattr(env, "st.zz", 6))
    print(hasattr(env, "st.a.b"), hasattr(env, "st.zz"), hasattr(env, "b.st.q"), env.attempt(lambda: getattr(env, "st.zz")).error)
root = node(go = go, st = struct(a = struct(b = 7)), b = node(st = struct(z = [1])))`, `
7 [1] 5 6
True False False / has no st.zz`},
		"numbers and names of cells": {`
hosts = [ssh_host(n) for n in ["5", "0", "a"]]
def go(env):
    print(env.web[0].path, env.web["0"].path, env.web[hosts[2]].path, env.web[2].path)
    for key in ["1", 3, "", 1 << 80, True]:
        print(env.attempt(lambda: env.web[key]).error)
root = node(go = go, web = parallel_node().array(hosts = {"host": hosts}))`, `
/web:5 /web:0 /web:a /web:a
web["1"]: no host "1" there
web[3]: no cell 3 there, it has 3 (from 0)
/web: a cell's name is empty
/web: no array has a cell 1208925819614629174706176
/web: a cell is named by a host's name or a number, not a bool`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, log, err := act(t, c.source, "go")
			if want := strings.TrimPrefix(c.want, "\n"); err != nil || !strings.Contains(log, want) {
				t.Errorf("%v, got:\n%s\nwant:\n%s", err, log, want)
			}
		})
	}
}
