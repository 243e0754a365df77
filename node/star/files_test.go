package star_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// onLocal runs the action go of a tree with this machine as the hosts here and
// there, and the folder DIR. It gives the log, the result and the folder of the
// user.
func onLocal(t *testing.T, body string, files map[string]string, change func(*node.Run)) (log []string, v any, dir, user string, err error) {
	t.Helper()
	dir, user = t.TempDir(), t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source := "DIR = " + starText(dir) + "\ndef go(env):\n    h = env.hosts[\"here\"].cd(DIR)\n    all = env.hosts.cd(DIR)\n" + body + `
root = node(go = go, hosts = {"web": [local_host("here")], "db": local_host("there")})
`
	folder := write(t, map[string]string{
		"tree.star": source, "nginx.conf": "user www;\n", "site/index.html": "<p>", "site/css/a.css": "p {}",
	})
	made, err := star.Load(t.Context(), star.Options{File: filepath.Join(folder, "tree.star")})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	v, err = r.run(t.Context(), made, func(run *node.Run) {
		run.OpenFolder = func() (node.Folder, error) {
			root, err := os.OpenRoot(user)
			return node.Folder{Root: root}, err
		}
		if change != nil {
			change(run)
		}
	}, "go")
	return r.logs, v, dir, user, err
}

func starText(s string) string {
	text, _ := json.Marshal(s) // of a text
	return string(text)
}

func TestFilesOfAHost(t *testing.T) {
	t.Parallel()
	log, _, dir, user, err := onLocal(t, `
    print(repr(h.read("a b")), h.exists("a b"), h.exists("none"), h.listdir("."))
    s = h.stat("a b")
    print(s.size, "%o" % s.mode, s.is_file, s.is_dir, h.stat(".").is_dir, type(s.mtime), s.owner != "", s.group != "")
    print(h.write("new", "text\n", mode = 0o600), h.stat("new").mode == 0o600, h.read("new"))
    h.write("new", b"bytes", mode = "0640")
    print("%o" % h.stat("new").mode, h.read("new"))
    h.put("nginx.conf", "put.conf")
    h.put("site", DIR + "/www")
    print(h.read("put.conf"), sorted(h.listdir("www")), h.read("www/css/a.css"))
    print(h.get("a b"), h.get("www", "copies/www"))
    print(h.has_command("sh"), h.has_command("no-such-command"), h.cwd() == DIR, h.home() != "", h.home("root"))
    print(h.expand("x") == DIR + "/x", h.env("V", "v").expand("$V/y") == DIR + "/v/y", h.expand("~root"))
    print(type(h.addresses()))
    print(h.read("a b", sudo = False))
`, map[string]string{"a b": "content"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`"content" True False ["a b"]`,
		"7 644 True False True int True True",
		"None True text\n",
		"640 bytes",
		"user www;\n [\"css\", \"index.html\"] p {}",
		"a b copies/www",
		"True False True True /root",
		"True True /root",
		"list",
		"content",
	}
	if d := cmp.Diff(want, log); d != "" {
		t.Error(d)
	}
	for name, content := range map[string]string{
		filepath.Join(user, "a b"): "content", filepath.Join(user, "copies/www/index.html"): "<p>", filepath.Join(dir, "new"): "bytes",
	} {
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
}

func TestFilesOfAContainer(t *testing.T) {
	t.Parallel()
	log, v, _, user, err := onLocal(t, `
    r = all.read("a")
    print(r.keys(), r["here"], r[1], [x for x in r])
    print(all.exists("none").items(), all.stat("a")["there"].size)
    print(all.get("a").values())
    print(len(env.hosts.filter("none").read("a")))
    return all.write("w", "x")
`, map[string]string{"a": "A"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`["here", "there"] A A ["A", "A"]`,
		`[("here", False), ("there", False)] 1`,
		`["here/a", "there/a"]`,
		"0",
	}
	if d := cmp.Diff(want, log); d != "" {
		t.Error(d)
	}
	if got, err := os.ReadFile(filepath.Join(user, "there/a")); err != nil || string(got) != "A" {
		t.Errorf("there/a is %q, %v", got, err)
	}
	if shown := v.(interface{ WasShown() bool }); !shown.WasShown() {
		t.Error("what gives nothing is printed")
	}
}

func TestFilesThatFail(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`h.read("none")`:                             "here: read none: there is no such file or folder",
		`all.read("none")`:                           "here: read none: there is no such file or folder; there: read none: there is no such file or folder",
		`h.read("~/x")`:                              "use expand",
		`h.read("")`:                                 "a path is wanted",
		`h.listdir("a")`:                             "here: listdir a: it is no folder",
		`h.write("none/x", "")`:                      "no folder to write it into",
		`h.write("a", 5)`:                            "write: content: got int, want a text, bytes or a secret",
		`h.write("a", "", mode = 644)`:               "644 is 0o1204: is 0o644 meant?",
		`h.write("a", "", mode = "9")`:               `"9" is no mode`,
		`h.write("a", "", mode = 0)`:                 "0 is no mode",
		`h.write("a", "", owner = "-R")`:             `"-R" is no owner`,
		`h.write("a", "", group = "x")`:              "there is no argument group",
		`h.put("../secret", "x")`:                    "cannot leave it",
		`h.put("/etc/passwd", "x")`:                  "cannot leave it",
		`h.put("none", "x")`:                         "put none:",
		`h.get("a", "../x")`:                         "cannot leave it",
		`h.get("a", "/tmp/x")`:                       "cannot leave it",
		`h.home("no-such-user-here")`:                "there is no such user",
		`h.home("a b")`:                              "is no name for a user",
		`h.connect()`:                                "a terminal is wanted, and this session has none",
		`all.connect()`:                              "connect is for one host, not for 2",
		`h.cd("none").cwd()`:                         "here: cwd: ",
		`h.stat("a").size2`:                          "has no .size2",
		`h.cd("none").write("a", "")`:                "here: write a: ",
		`h.stat("a", sudo = True)`:                   "there is no argument sudo",
		`env.attempt(lambda: h.read("b")).value.bad`: "has no .bad",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			_, _, _, _, err := onLocal(t, "    "+body+"\n", map[string]string{"a": ""}, nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func TestNoFolderOfTheUser(t *testing.T) {
	t.Parallel()
	_, _, _, _, err := onLocal(t, "    h.get(\"a\")\n", map[string]string{"a": ""}, func(r *node.Run) { r.OpenFolder = nil })
	if err == nil || !strings.Contains(err.Error(), "get a: whoever started this run has no folder here") {
		t.Error(err)
	}
}

func TestSandboxComparesFiles(t *testing.T) {
	t.Parallel()
	log, _, dir, user, err := onLocal(t, `
    h.write("a", "one\nTWO\n", mode = 0o600)
    h.put("site", "www")
    h.get("a")
    print(h.read("a"))
    all.run("touch b")
    print(h.connect().ok, h.cd("later").write("new", "x"))
`, map[string]string{"a": "one\ntwo\n"}, func(r *node.Run) { r.Sandbox = true })
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(log, "\n")
	for _, want := range []string{
		"here: would change a (8 bytes, was 8 bytes), mode 0644 → 0600\n--- a\n+++ a\n", "-two\n+TWO",
		"would create www/css/a.css", "would get a (8 bytes) into a, which is new", "one\ntwo\n",
		"here: would open a login shell", "would create new (1 byte)", "True None",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	there, _ := os.ReadDir(dir)
	here, _ := os.ReadDir(user)
	if len(there) != 1 || len(here) != 0 {
		t.Errorf("the sandbox wrote: %v, %v", there, here)
	}
}

func TestSandboxFailsOnASyntaxError(t *testing.T) {
	t.Parallel()
	_, _, _, _, err := onLocal(t, "    h.run(\"if true; then\")\n", nil, func(r *node.Run) { r.Sandbox = true })
	if err == nil || !strings.Contains(err.Error(), "here: exit status") {
		t.Error(err)
	}
}

func TestWhatFilesAreToldAs(t *testing.T) {
	t.Parallel()
	f, r := newFleet(), &recorder{}
	made := tree(t, `
def go(env):
    h = env.hosts["db1"].cd("/etc")
    env.attempt(lambda: h.write("passwd", "much content", owner = "root"))
    env.attempt(lambda: h.read("/a/../b", sudo = True))
    env.attempt(lambda: h.put("tree.star", "x"))
    env.attempt(lambda: h.addresses())
`+site, star.Options{NewHost: f.newHost})
	f.hosts["db1"].Default(hosttest.Answer{Stdout: "nonsense"})
	if _, err := r.run(t.Context(), made, nil, "go"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/ db1 write /etc/passwd (12 bytes)", "/ db1 read /a/../b sudo:", "/ db1 put tree.star /etc/x (", "/ db1 addresses",
	}
	for i := range want {
		if i >= len(r.commands) || !strings.HasPrefix(r.commands[i], want[i]) {
			t.Fatalf("told %q, want %q", r.commands, want)
		}
	}
	for _, line := range f.hosts["db1"].Lines() {
		if strings.Contains(line, "much content") {
			t.Error("the content stands on the command line")
		}
	}
}
