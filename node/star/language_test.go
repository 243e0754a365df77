package star_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// says runs the lines of a function and compares what it printed.
func says(t *testing.T, lines, want string) {
	t.Helper()
	_, log, err := act(t, "def go(env):\n"+indented(lines)+"\nroot = node(go = go)", "go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(want), log); diff != "" {
		t.Error(diff)
	}
}

func indented(lines string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n    ")
}

// refuses runs one line that must fail with a text.
func refuses(t *testing.T, line, want string) {
	t.Helper()
	_, _, err := act(t, "def go(env):\n    "+line+"\nroot = node(go = go)", "go")
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %s", line, err, want)
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	says(t, `
print(match(r"(\w+)-(\d+)", "on web-12 today"))
print(match("(a)|(b)", "b"))
print(match("b+", "abbc"))
print(match("x", "abc"))
`, `("web", "12")
(None, "b")
("bb",)
None`)
	refuses(t, `match("(", "x")`, "missing closing )")
	refuses(t, `match("(?=x)", "x")`, "RE2")
	refuses(t, `match("x" * 2000, "x")`, "at most 1000 bytes")
	refuses(t, `match("x", 1)`, "want string")
}

func TestStruct(t *testing.T) {
	t.Parallel()
	says(t, `
s = struct(port = 80, name = "web")
print(s, s.port, s == struct(name = "web", port = 80), hasattr(s, "x"))
print(json.encode(s))
`, `struct(name = "web", port = 80) 80 True False
{"name":"web","port":80}`)
	refuses(t, `struct(1)`, "positional")
	refuses(t, `struct(a = 1).b`, "b")
}

func TestJSON(t *testing.T) {
	t.Parallel()
	says(t, `
d = json.decode('{"z": 1, "a": [1.5, true, null, "é"], "big": 123456789012345678901234567890}')
print(d)
print(json.encode(d))
print(json.encode({"z": (1, 2), "a": None, "<": "\n"}))
print(json.decode("{", None), json.decode("x", default = 3))
print(json.encode_indent({"b": 1}, indent = "  "))
`, `{"z": 1, "a": [1.5, True, None, "é"], "big": 123456789012345678901234567890}
{"z":1,"a":[1.5,true,null,"é"],"big":123456789012345678901234567890}
{"z":[1,2],"a":null,"<":"\n"}
None 3
{
  "b": 1
}`)
	refuses(t, `json.decode("{\n\"a\": x}")`, "line 2")
	refuses(t, `json.decode("[" * 2000)`, "nests more than 1000 deep")
	refuses(t, `json.decode("1" * 20000)`, "more than 10000 digits")
	refuses(t, `json.encode({1: 2})`, "keys of an object are texts")
	refuses(t, `json.encode(lambda: 1)`, "a function has no form in JSON")
	refuses(t, `json.encode(float("nan"))`, "JSON has no number nan")
	refuses(t, `json.encode(secret("x"))`, "<secret x> cannot be part of a text")
	_, _, err := act(t, "def go(env):\n    x = []\n    x.append(x)\n    json.encode(x)\nroot = node(go = go)", "go")
	if err == nil || !strings.Contains(err.Error(), "nests more than") {
		t.Errorf("%v", err)
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	says(t, `
print(template("{{.name}}:{{.port}}{{range .hosts}} {{.}}{{end}}", name = "web", port = 80, hosts = ["a", "b"]))
print(template("{{range $k, $v := .m}}{{$k}}={{$v}};{{end}}{{.n}}{{if .n}}x{{end}}", m = {"b": 2, "a": 1}, n = None))
print(template("{{.s.port}} {{printf \"%03d\" .s.port}} {{len .l}} {{.big}}", s = struct(port = 8), l = (1, 2), big = 1 << 80))
`, `web:80 a b
a=1;b=2;None
8 008 2 1208925819614629174706176`)
	says(t, `
print(template("{{range .n}}{{.}},{{end}} {{index .m \"a\" 1}} {{index .n 2}}", n = range(3), m = {"a": (5, 6)}))
`, "0,1,2, 6 2")
	refuses(t, `template('{{index .m "b"}}', m = {"a": 1})`, `there is no "b"`)
	refuses(t, `template('{{index .l 1}}', l = [0])`, "there is no item 1 in a list of 1")
	refuses(t, `template("{{.prot}}", port = 1)`, "did you mean port?")
	refuses(t, `template("{{.a", a = 1)`, "unclosed action")
	refuses(t, `template("{{nosuch 1}}")`, `function "nosuch" not defined`)
	refuses(t, `template(1)`, "want a text")
	refuses(t, `template("a", "b")`, "values are given by name")
}

// A template is one step that no cancel ends.
func TestTemplatesEnd(t *testing.T) {
	t.Parallel()
	for _, bomb := range []string{
		`{{range 1000000000000}}{{end}}`,
		`{{range 1000000}}{{range 1000000}}{{end}}{{end}}`,
		`{{define "a"}}{{template "b"}}{{template "b"}}{{end}}{{define "b"}}{{template "c"}}{{template "c"}}{{end}}` +
			`{{define "c"}}{{range 1000000}}{{end}}{{end}}{{template "a"}}`,
		`{{define "a"}}{{template "a"}}{{template "a"}}{{end}}{{template "a"}}`,
	} {
		refuses(t, "template('"+bomb+"')", "passes through its loops")
	}
	refuses(t, `template('{{$s := "xxxxxxxx"}}{{range 100}}{{$s = print $s $s}}{{end}}')`, "larger than 16 MiB")
	refuses(t, `template('{{range 100000}}{{$.s}}{{end}}', s = "x" * 1000)`, "larger than 16 MiB")
	refuses(t, `template('{{.n.Exp .n .n}}', n = 1 << 100)`, "can't evaluate field Exp")
}

func TestOperatorsAreBounded(t *testing.T) {
	t.Parallel()
	says(t, `
print("ab" * 2, 2 * "ab", [1] * 2, 3 * 4, "x" * -1, 7 % 3, "%s-%d" % ("a", 1))
x = 3
x *= 2
s = "%s"
s %= x
print(x, s, [i * 2 for i in [1] if i * 1])
`, `abab abab [1, 1] 12  1 a-1
6 6 [2]`)
	refuses(t, `"x" * (1 << 40)`, "too large: at most 67108864")
	refuses(t, `[0] * 2000000`, "too large: at most 1000000")
	refuses(t, `"x" * (1 << 100)`, "too large")
	refuses(t, `"%s" % None % 1`, "too many arguments for format string")
	_, _, err := act(t, "def go(env):\n    x = 3\n    while True: x = x * x\nroot = node(go = go)", "go")
	if err == nil || !strings.Contains(err.Error(), "more than 1048576 bits") {
		t.Errorf("%v", err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	made := func(files map[string]string) (*node.Tree, error) {
		return star.Load(t.Context(), star.Options{File: filepath.Join(write(t, files), "tree.star"), NewHost: fakes})
	}
	tree, err := made(map[string]string{"tree.star": `load("lib/a.star", "text")
root = node(text = text)`, "lib/a.star": `text = file("conf/a.tmpl")`, "conf/a.tmpl": "hello\n"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := made(map[string]string{"tree.star": `load("lib/a.star", "text")
root = node(text = text)`, "lib/a.star": `text = file("conf/a.tmpl")`, "conf/a.tmpl": "hullo\n"})
	if err != nil || other.Version() == tree.Version() {
		t.Errorf("%v, a version does not tell files apart", err)
	}
	for source, want := range map[string]string{
		`x = file("a.tmp")`:       "no such file or directory\n  x = file(\"a.tmp\")\n          ^\n  hint: did you mean a.tmpl?",
		`x = file("../a")`:        "leaves the tree's folder",
		`x = file("/etc/passwd")`: "is absolute",
		`x = file("")`:            "is not the name of a file",
		`x = file("lib")`:         "not a file",
		`x = file("binary")`:      "no text in UTF-8\n  x = file",
		`x = file("large")`:       "larger than 16 MiB",
		`x = file("open")`:        "everybody may write",
		`x = file("out")`:         "escapes",
		`load("hots.star", "x")`:  "hint: did you mean hosts.star?",
	} {
		dir := write(t, map[string]string{
			"tree.star": source + "\nroot = node()\n", "a.tmpl": "", "lib/x": "", "binary": "\xff", "hosts.star": "",
			"large": strings.Repeat("x", 16<<20+1), "open": "",
		})
		if err := os.Chmod(filepath.Join(dir, "open"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		_, err := star.Load(t.Context(), star.Options{File: filepath.Join(dir, "tree.star"), NewHost: fakes})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	refuses(t, `file("a")`, "files are only read while the tree is loaded")
}

// keeper knows some secrets, and who asked for them.
type keeper struct {
	mu    sync.Mutex
	asked []string
}

func (k *keeper) read(name string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, name)
	if name == "none" {
		return nil, errors.New("it is not there")
	}
	return []byte("the-word-of-" + name), nil
}

func TestSecretsAreReadWhenTheyAreUsed(t *testing.T) {
	t.Parallel()
	k, f, r := &keeper{}, newFleet(), &recorder{}
	made := tree(t, `
password = secret("db")
config = template("user={{.user}} password={{.password}}", user = "joe", password = password)
def go(env):
    print(password, str(password), repr(password), [password], config, type(config))
    print(env.host_of.run("cat", input = password).stdout == "the-word-of-db")
    print(env.host_of.run("cat", input = config).stdout == "user=joe password=the-word-of-db")
    print(env.host_of.env("PASSWORD", password).env("A", "b").run("cat", input = "x").stdout == "the-word-of-db\nx")
    print(env.attempt(lambda: env.host_of.run("cat", input = secret("none"))).error)
h = ssh_host("web1")
root = node(hosts = {"host": [h]}, go = go, host_of = property(lambda env: env.hosts["web1"]))
`, star.Options{NewHost: f.newHost, Secrets: k.read})
	if len(k.asked) > 0 {
		t.Errorf("loading has read %q", k.asked)
	}
	f.hosts["web1"].On("cat", hosttest.Answer{Cat: true})
	if _, err := r.run(t.Context(), made, nil, "go"); err != nil {
		t.Fatal(err)
	}
	want := `<secret db> <secret db> <secret db> [<secret db>] <secret db> secret
True
True
True
run: input: secret none: it is not there`
	if diff := cmp.Diff(want, r.said()); diff != "" {
		t.Error(diff)
	}
	all := strings.Join(append(f.hosts["web1"].Lines(), r.commands...), "\n")
	if strings.Contains(all, "the-word-of") {
		t.Errorf("a secret is in a line:\n%s", all)
	}
}

func TestSecretsAreNoPartOfATextOrACommand(t *testing.T) {
	t.Parallel()
	const no = "<secret x> cannot be part of a"
	for _, line := range []string{
		`secret("x") + "y"`, `"y" + secret("x")`, `"%s" % secret("x")`, `"%s %s" % ("a", secret("x"))`,
		`"%(a)s" % {"a": secret("x")}`, `secret("x") % 1`, `secret("x") * 2`,
		`env.hosts.run("mysql -p" + str(secret("x")))`, `env.hosts.run("mysql -p{}".format(secret("x")))`,
		`quote(secret("x"))`, `env.hosts.run(secret("x"))`, `"".join([secret("x")])`,
	} {
		_, _, err := act(t, "def go(env):\n    "+line+"\nroot = node(go = go)", "go")
		if err == nil || !strings.Contains(err.Error(), no) && !strings.Contains(err.Error(), "got secret") {
			t.Errorf("%s: %v", line, err)
		}
	}
	refuses(t, `secret("../x")`, "is no name of a secret")
	refuses(t, `secret("")`, "is no name of a secret")
	refuses(t, `env.hosts.env("A", secret("x"), escape = False)`, "no shell expands a secret")
	refuses(t, `env.hosts.env("A", secret("x"))`, "there are no secrets here")
}

func TestDefer(t *testing.T) {
	t.Parallel()
	says(t, `
env.defer(lambda: print("first"))
env.defer(lambda error: print("second", error))
env.attempt(lambda: env.defer(lambda: print("third")))
print("done")
`, `done
third
second None
first`)
	_, log, err := act(t, `
def inner(env):
    env.defer(lambda e: print("inner", e))
    fail("broken")
def go(env):
    env.defer(lambda: fail("one"))
    env.defer(lambda: fail("two"))
    print(env.attempt(lambda: env.inner()).ok)
    fail("the cause")
root = node(go = go, inner = inner)`, "go")
	if diff := cmp.Diff("inner broken\nFalse", log); diff != "" {
		t.Error(diff)
	}
	if err == nil || err.Error() != "go: the cause; deferred: two; deferred: one" {
		t.Errorf("%v", err)
	}
	_, _, err = act(t, "def go(env):\n    env.defer(lambda: fail('only'))\nroot = node(go = go)", "go")
	if err == nil || err.Error() != "go: only" {
		t.Errorf("%v", err)
	}
	refuses(t, `env.defer(lambda a, b: 1)`, "wants 2 arguments")
	refuses(t, `env.defer(1)`, "want callable")
	refuses(t, `env.defer(lambda: env.defer(lambda: 1))`, "defers nothing itself")
}

func TestDeferGivesTheErrorToAParameterThatWaitsForIt(t *testing.T) {
	t.Parallel()
	says(t, `
for n in range(2):
    env.defer(lambda n = n: print("kept", n))
env.defer(lambda error = None, n = 7: print(error, n))
env.defer(lambda *rest: print(rest))
`, "(None,)\nNone 7\nkept 1\nkept 0")
}

func TestALoopOverARangeTakesSteps(t *testing.T) {
	t.Parallel()
	says(t, `
last = [0]
for n in range(1200000):
    last[0] = n
print(last[0], len([n for n in range(0, 2400000, 2)]), [n for n in range(*[2])])
`, "1199999 1200000 [0, 1]")
	refuses(t, "[n for n in range(10000000000) if n < 0]", "the run has used up its steps")
	refuses(t, "list(range(1000001))", "range: 1000001 elements are too many")
	refuses(t, `[n for n in range("a")]`, "range: for parameter 1: got string, want int")
	_, log, err := act(t, "def range(n): return [n, n]\ndef go(env, zip = range):\n    print([n for n in range(3)], [n for n in zip(4)])\nroot = node(go = go)", "go")
	if err != nil || log != "[3, 3] [4, 4]" {
		t.Errorf("a range of its own: %q, %v", log, err)
	}
}

func TestWhatIsDeferredRunsAfterACancelAndTheLastStep(t *testing.T) {
	t.Parallel()
	source := `
def go(env):
    env.defer(lambda e: print("deferred", env.p, env.hosts["web1"].run("cleanup").stdout))
    WAY
root = node(hosts = {"host": [ssh_host("web1")]}, go = go, p = property(lambda env: "property"))
`
	for way, steps := range map[string]uint64{"env.hosts.run('block')": 0, "while True: pass": 5000, "env.sleep('1h')": 0} {
		f, r := newFleet(), &recorder{}
		made := tree(t, strings.Replace(source, "WAY", way, 1), star.Options{NewHost: f.newHost})
		ctx, cancel := context.WithCancel(t.Context())
		f.hosts["web1"].On("block", hosttest.Answer{Block: make(chan struct{}), OnStart: cancel})
		f.hosts["web1"].On("cleanup", hosttest.Answer{Stdout: "clean"})
		if strings.Contains(way, "sleep") {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		_, err := r.run(ctx, made, func(run *node.Run) { run.Steps = steps }, "go")
		if err == nil || r.said() != "deferred property clean" {
			t.Errorf("%s: %v, %q", way, err, r.said())
		}
		cancel()
	}
}

func TestSleepAndWaitFor(t *testing.T) {
	t.Parallel()
	made := tree(t, `
def go(env):
    env.sleep("90s")
    seen = []
    def look():
        seen.append(1)
        return len(seen) if len(seen) == 3 else None
    print(env.wait_for(look, every = "10s"), len(seen))
    print(env.attempt(lambda: env.wait_for(lambda: False, timeout = "5m")).error)
    print(env.attempt(lambda: env.wait_for(lambda: fail("broken"))).error)
root = node(go = go)`, star.Options{})
	for sandbox, want := range map[bool]string{
		false: "3 3\nwait_for: it did not come within 5m0s\nbroken", true: "None 1\nNone\nbroken",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{}
			began := time.Now()
			if _, err := r.run(t.Context(), made, func(run *node.Run) { run.Sandbox = sandbox }, "go"); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, r.said()); diff != "" {
				t.Error(diff)
			}
			if took := time.Since(began); sandbox && took > 0 || !sandbox && took != 90*time.Second+20*time.Second+5*time.Minute {
				t.Errorf("sandbox %v: it took %s", sandbox, took)
			}
		})
	}
	refuses(t, `env.sleep(5)`, `such as "10s"`)
	refuses(t, `env.sleep("5")`, "no duration")
	refuses(t, `env.wait_for(lambda: 1, every = "0s")`, "longer than 0s")
}

func TestACancelEndsWhatWaits(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`env.sleep("1h")`, `env.wait_for(lambda: False, timeout = "1h", every = "1h")`} {
		over := errors.New("over")
		ctx, cancel := context.WithCancelCause(t.Context())
		r := &recorder{}
		made := tree(t, "def go(env):\n    print('begun')\n    "+line+"\nroot = node(go = go)", star.Options{})
		done := make(chan error)
		go func() {
			_, err := r.run(ctx, made, nil, "go")
			done <- err
		}()
		cancel(over)
		if err := <-done; !errors.Is(err, over) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestContribIsNotInThisVersion(t *testing.T) {
	t.Parallel()
	load, _ := loadError(t, map[string]string{"tree.star": "load(\"contrib:git.star\", \"Git\")\nroot = node()\n"})
	if text := fmt.Sprint(load); !strings.Contains(text, ":1:6: the library (contrib:git.star) is not in this version") {
		t.Error(text)
	}
}
