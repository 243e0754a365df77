package star_test

import (
	"strings"
	"testing"
)

// TestMembers runs the action go of trees and compares what it logs.
func TestMembers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, want string }{
		"actions with options": {`
def status(env, short = False):
    """The state."""
    return "%s %s" % (env.path, short)
Git = node(status = action(status, aliases = ["st", "git.status"], suppress_result = True))
def go(env):
    print(env.g.st(), env.g.status(short = True), getattr(env.g, "git.status")(), getattr(env, "g.git.status")(True))
    print(hasattr(env.g, "git.status"), hasattr(env, "g.st"), hasattr(env.g, "git.log"), getattr(env.g, "git.log", None))
    print(Git.status(env.g), type(Git.status), env.g.st, "st" in dir(env.g))
    print(Over.status(env.o), env.o.status(), hasattr(env.o, "st"))
Over = Git(status = lambda env: "over " + Git.status(env))
Again = node(status = Git.status, more = action(Git.status, aliases = ["m"]))
root = node(go = go, g = Git, o = Over, a = Again)`, `
/g False /g True /g False /g True
True True False None
/g False function /g status True
over /o False over /o False False`},
		"default action": {`
def web(env, *args, **kwargs):
    return (env.path, args, kwargs)
def go(env):
    print(env.web(1, k = 2), env.web.call())
    print(env.attempt(env.web).value, env.attempt(lambda: env.db()).error)
    print(env.cells())
root = node(go = go, web = node(call = web), db = node(),
    cells = parallel_node(call = action(lambda env: env.host.name, timeout = "5m")).array(hosts = {"host": [ssh_host("a"), ssh_host("b")]}))`, `
("/web", (1,), {"k": 2}) ("/web", (), {})
("/web", (), {}) /db cannot be called (its default action is a member call = ...)
a: a
b: b`},
		"required": {`
def go(env):
    print(env.full.domain, env.full.Server.port)
    for fn in [lambda: env.bare.domain, lambda: getattr(env.bare, "domain", 1), lambda: hasattr(env.bare, "domain"), lambda: env.bare.Server.port,
               lambda: env.bare.url, lambda: Site.domain, lambda: env.bare.deploy()]:
        print(env.attempt(fn).error)
Site = node(domain = required("the name of the site"), url = property(lambda env: "http://" + env.domain), deploy = required("how to deploy"),
    Server = node(port = required("its port")))
root = node(go = go, bare = Site, full = Site(domain = "x.org", Server__port = 80))`, `
x.org 80
bare has no domain, which is required: the name of the site
bare has no domain, which is required: the name of the site
bare has no domain, which is required: the name of the site
bare.Server has no port, which is required: its port
bare url: bare has no domain, which is required: the name of the site
node(...) has no domain, which is required: the name of the site
bare has no deploy, which is required: how to deploy`},
		"just one": {three + `
def go(env):
    print(env.db.who(), env.db.same.who(), env.db.sub.who(), env.db.path, env.db.host, env.db.hosts, [e.path for e in env.db])
    for fn in [lambda: env.db[0], lambda: env.db["db1"], lambda: env.db[("db1", "web1")], env.many.who, env.none.who, lambda: env.many.hosts,
               lambda: env.many.host, lambda: env.many.sub.who()]:
        print(env.attempt(fn).error)
    print(env.many.x, Base.just_one, dir(Base))
    print(env.web.pair.who().values())
Base = parallel_node(x = 1, who = lambda env: env.host.name, same = parallel_node(who = lambda env: env.host.name), sub = node(who = lambda env: env.host.name))
root = node(go = go, hosts = {"db": other, "web": hosts},
    db = Base.just_one(hosts = map_roles("db")), many = Base.just_one(hosts = map_roles("web")), none = Base.just_one(map_roles("nothing")),
    web = parallel_node(pair = node(hosts = map_roles("host", web = "web"), db = Base.just_one(), who = lambda env: env.db.who())).array(map_roles("web")))`, `
db1 db1 db1 /db db1 hosts["db1"] ["/db"]
db[0]: this is one cell already
db["db1"]: this is one cell already
db["db1", "web1"]: this is one cell already
many who: many is a just_one and has 3 hosts in its role "host", not one (web1, web2, web3)
none who: none is a just_one and has 0 hosts in its role "host", not one
many is a just_one and has 3 hosts in its role "host", not one (web1, web2, web3)
many is a just_one and has 3 hosts in its role "host", not one (web1, web2, web3)
many.sub who: many is a just_one and has 3 hosts in its role "host", not one (web1, web2, web3)
1 <built-in method just_one of node type value> ["array", "just_one", "same", "sub", "who", "x"]
["web1", "web2", "web3"]`},
		"before the split, and in one cell": {three + `
def once(env):
    return [env.path, len(env.hosts), [c.host.name for c in env]]
def keep(env, x):
    x.append(1)
    return x
def go(env):
    print(env.web.once(), env.web["web2"].once())
    x = []
    print(env.web.keep(x), x)
    print(env.attempt(env.web.one).error)
    print(env.web["web3"].one(), env.single.one())
Web = parallel_node(once = action(once, dont_isolate_yet = True), keep = action(keep, dont_isolate_yet = True),
    one = action(lambda env: env.host.name, isolate_one_only = True))
root = node(go = go, web = Web.array(hosts = {"host": hosts}), single = Web.array(hosts = {"host": other}))`, `
["/web", 3, ["web1", "web2", "web3"]] ["/web:web2", 1, ["web2"]]
[1] [1]
web one: question "web one: on which host": 3 hosts, and nobody can be asked here: name one, or --limit
web3 db1`},
		"initialize": {three + `
def who(env):
    return "%s of %s: %s" % (env.path, env.parent, [h.name for h in env.hosts])
Web = node(who = who, domain = "x.org", cells = parallel_node(who = who).array(hosts = map_roles("web")))
def go(env):
    n = env.initialize(Web(hosts = {"web": env.hosts.filter("web").cd("/tmp"), "one": [env.hosts["db1"], hosts[0]], "db": env.hosts[0]}, domain = "y.org"))
    print(n, n.who(), n.domain, n.root, n.hosts.by_role(), n.hosts.run("pwd")[0].ok)
    print(n.cells.who().keys(), n.cells[1].path, type(n), n.cells[0].parent.path)
    print(env.a.who_made())
    print(env.initialize(node(x = action(lambda e: e.name, aliases = ["y.z"]), p = property(lambda e: 7), r = required("r"))).x())
    for fn in [lambda: env.initialize(), lambda: env.initialize(5), lambda: env.initialize(parallel_node()), lambda: node(host = 1),
               lambda: Web(Wbe__x = 1), lambda: node(a = lambda: 1), lambda: ssh_host("new"), lambda: env.initialize(Web(hosts = {"web": "db1"})),
               lambda: env.initialize(node(r = required("r"))).r]:
        print(env.attempt(fn).error)
    x = []
    env.initialize(node(f = lambda e: x))
    print(env.attempt(lambda: x.append(1)).error)
root = node(go = go, hosts = {"web": hosts, "db": other},
    a = parallel_node(who_made = lambda env: env.initialize(parallel_node(who = who)).who()).array(hosts = {"host": other}))`, `
/(new) /(new) of /: ["web1", "web2", "web3", "db1"] y.org / {"web": ["web1", "web2", "web3"], "one": ["db1", "web1"], "db": ["web1"]} True
["web1", "web2", "web3"] /(new)/cells:web2 env /(new)
/a:db1/(new) of /a:db1: ["db1"]
(new)
initialize: missing argument for type
initialize: got int, want a node type (such as env.initialize(Web(hosts = {...})))
initialize: tree.star:14:105: /(new) is a parallel node in a plain node, and it is not said for which hosts (write .array() for one cell per host, or .just_one() for exactly one host)
"host" cannot be a member (env.host is the one host of a cell; choose another name)
Wbe__x reaches into "Wbe", and there is no such child
the function lambda is an action and has no first parameter env (write (env) or (env, ...) behind its name)
ssh_host: the tree cannot be changed from within an action
hosts: role web: got the text "db1", want a host (name the variable that ssh_host gave: db1)
(new) has no r, which is required: r
append: cannot append to frozen list`},
		"a result is a node": {`
def there(env):
    return env.web
def go(env):
    w = env.there()
    print(w, w.name, w.go(), env.id(w) == w, [type(w)])
root = node(go = go, there = there, id = lambda env, x: x, web = node(go = lambda env: env.parent.web))`, `
/web web /web True ["env"]`},
		"double underscores": {three + `
A = node(b = node(c = node(x = 1), y = [1], f = lambda env: 1), _p = 2)
B = A(b__c__x = 5, b__c__new = lambda env: env.path, b__hosts = {"web": hosts}, b__group = groups.beta, b__doc = "docs", b__y = node(z = 1), b___q = 9)
C = B(b__c = node(only = 1))
def go(env):
    print(env.a.b.c.x, env.b.b.c.x, env.b.b.c.new(), len(env.b.b.hosts), env.b.b.group, env.b.b.y.z, env.b.b._q, env.a.b.y, B.b.c.x, A.b.c.x)
    print(env.c.b.c.only, hasattr(env.c.b.c, "x"), env.c.b.group)
root = node(go = go, a = A, b = B, c = C)`, `
1 5 /b/b/c 3 beta 1 9 [1] 5 1
1 False beta`},
		"cells, parents and roles": {`
web = [ssh_host("w%d" % i) for i in range(3)]
db = ssh_host("db1")
Web = parallel_node(who = lambda env: env.host.name, hostsof = lambda env: env.hosts.by_role())
Mid = node(B = Web.array(map_roles("db")), who = lambda env: [env.path, [h.name for h in env.hosts]])
def go(env):
    print(env.a.x.B.who().keys(), env.a["w1"].parent, env.a["w1"].x.parent, env.a["w1"].x.B["db1"].parent.parent, env.a["w1"].c.path, env.a["w1"].c.parent.path, env.a["w1"].c.parent.x.B.who())
    print(env.p.hosts.by_role(), env.q.hosts.by_role(), env.all.hosts.by_role(), env.a["w1"].hosts.by_role())
    print(env.e.who(), env.attempt(lambda: env.a["w1"].x.B[("db1","x")]).error, env.attempt(lambda: env.a.x.B["w1"]).error)
    print(set([1,2]) | set([3]), [i for i in (1,2)])
x = [0]
while x[0] < 3:
    x[0] += 1
if x == [3]:
    y = node(z = 1)
for n in ["k"]:
    z = n
root = node(go = go, hosts = {"www": web, "db": db, "all2": ALL_HOSTS},
  a = Web(x = Mid, c = parallel_node(who = lambda env: env.host.name)).array(map_roles("www", db = "db")),
  p = node(hosts = map_roles("www", "db", queue = ["db", "nothing"], w = "www")), q = node(hosts = {"all": [db, ALL_HOSTS]}), all = node(hosts = map_roles(ALL_HOSTS, m = ["db", "www"])),
  e = Web.array(map_roles("none")))`, `
[("w0", "db1"), ("w1", "db1"), ("w2", "db1")] / /a:w1 /a:w1 /a/c:w1 /a:w1 db1
{"host": ["w0", "w1", "w2", "db1"], "queue": ["db1"], "w": ["w0", "w1", "w2"]} {"all": ["db1", "w0", "w1", "w2"]} {"host": ["w0", "w1", "w2", "db1"], "m": ["w0", "w1", "w2", "db1"]} {"host": ["w1"], "db": ["db1"]}
e who: it has no cells here, nothing was done
 a.x:w1.B["db1", "x"]: its cells have 1 dimension, and 2 given a.x.B["w1"]: its cells have 2 dimensions, and 1 given
set([1, 2, 3]) [1, 2]`},
		"a kept env goes on in the chain of calls": {`
def again(env, kept):
    return kept.again(kept)
def go(env):
    print(env.attempt(lambda: env.again(env)).error)
root = node(go = go, again = again)`, `
again: calls nest more than 64 deep: / go > / again > / again > / again > ... > / again > / again > / again > / again`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, log, err := act(t, c.source, "go")
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(c.want); log != want {
				t.Errorf("got:\n%s\nwant:\n%s", log, want)
			}
		})
	}
}
