package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder puts files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFmt(t *testing.T) {
	t.Parallel()
	const untidy, tidy = "def go( env ):\n  while  True:\n      break\nroot=node( go=go,a='b' )\n",
		"def go(env):\n    while True:\n        break\n\nroot = node(go = go, a = \"b\")\n"
	dir := folder(t, map[string]string{"tree.star": untidy, "lib/good.star": tidy, "lib/notes.txt": "x  =  1", ".git/x.star": untidy})
	file := filepath.Join(dir, "tree.star")
	if out, errs, code := deployerd(t, "fmt", "--check", dir); code != 1 || out != file+"\n" || !strings.Contains(errs, "1 of 2 files") {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if text, _ := os.ReadFile(file); string(text) != untidy {
		t.Error("--check has written")
	}
	if out, errs, code := deployerd(t, "fmt", dir); code != 0 || out != file+"\n" || errs != "" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	text, _ := os.ReadFile(file)
	if info, err := os.Stat(file); string(text) != tidy || err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%q %v %v", text, info.Mode(), err)
	}
	if out, errs, code := deployerd(t, "fmt", "--check", dir); code != 0 || out+errs != "" {
		t.Errorf("%d %q %q", code, out, errs)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%v, files are left: %v", err, left)
	}
}

func TestFmtLeavesWhatDoesNotParse(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"bad.star": "class A:\n  x=1\n", "good.star": "x=1\n"})
	_, errs, code := deployerd(t, "fmt", dir)
	if code != 1 || !strings.Contains(errs, "bad.star:1:1: Starlark has no classes\n  class A:") {
		t.Errorf("%d %q", code, errs)
	}
	bad, _ := os.ReadFile(filepath.Join(dir, "bad.star"))
	good, _ := os.ReadFile(filepath.Join(dir, "good.star"))
	if string(bad) != "class A:\n  x=1\n" || string(good) != "x = 1\n" {
		t.Errorf("%q %q", bad, good)
	}
	if _, errs, code := deployerd(t, "fmt", filepath.Join(dir, "none.star")); code != 1 || !strings.Contains(errs, "no such file") {
		t.Errorf("%d %q", code, errs)
	}
	if _, _, code := deployerd(t, "fmt"); code != exitUsage {
		t.Errorf("%d", code)
	}
}

const testedTree = `
def system(env):
    return env.host.run("uname -s").stdout.strip()

def deploy(env, version):
    env.host.sudo("systemctl stop web")
    env.host.run("install " + quote(version))
    env.log("installed " + version)

web = [ssh_host("web1"), ssh_host("web2")]
root = node(
    production = node(web = parallel_node(system = system, deploy = deploy).array(hosts = {"host": web})),
    here = node(hosts = {"host": [local_host()]}, touch = lambda env: env.hosts.run("touch /tmp/never")),
)
`

func TestTest(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"tree.star": testedTree, "web_test.star": `
def test_system(t):
    t.host("web1").answers("uname -s", stdout = "Linux\n")
    t.equal(t.run("/production/web:web1", "system"), "Linux")
    t.equal(t.commands("web1"), ["uname -s"])
    t.equal(t.commands(), {"web1": ["uname -s"]})

def test_deploy(t):
    for name in ["web1", "web2"]:
        t.host(name).answers("systemctl *").answers("install *")
    t.run("production.web", "deploy", version = "v 1")
    t.equal(t.commands("web2"), ["sudo systemctl stop web", "install 'v 1'"])
    t.true(t.env("/production").web["web1"].path == "/production/web:web1")

def test_failure(t):
    t.host("web1").answers("uname -s", exit_code = 3, stderr = "broken\n")
    t.fails(lambda: t.run("/production/web:web1", "system"), "exit status 3")
    t.host("web1").answers("uname -s", stdout = "x", times = 1)
    t.equal(t.run("/production/web:web1", "system"), "x")
    t.fails(lambda: t.run("/production/web:web1", "system"))

def test_local(t):
    t.host("localhost").answers("touch *")
    t.run("/here", "touch")

def helper(t):
    fail("not called")
`, "lib/none_test.star": "x = 1\n"})
	tree := filepath.Join(dir, "tree.star")
	out, errs, code := deployerd(t, "test", tree)
	if code != 0 || errs != "" || !strings.Contains(out, "ok  \t"+filepath.Join(dir, "web_test.star")+"\t") ||
		!strings.Contains(out, "none_test.star\t[no tests to run]") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	out, _, code = deployerd(t, "test", "-v", "--run", "deploy", tree)
	if code != 0 || !strings.Contains(out, "--- PASS: test_deploy (") || !strings.Contains(out, "installed v 1") || strings.Contains(out, "test_system") {
		t.Errorf("%d %s", code, out)
	}
}

func TestTestsThatFail(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"tree.star": testedTree, "web_test.star": `
def test_equal(t):
    t.equal(1, 2)
def test_unanswered(t):
    t.run("/production/web:web1", "system")
def test_swallowed(t):
    t.env("/production/web:web1").attempt(lambda: t.run("/production/web:web1", "system"))
def test_fails(t):
    t.fails(lambda: 1)
def test_fleet_of_its_own(t):
    t.host("web3")
def test_fails_otherwise(t):
    t.fails(lambda: fail("one"), "two")
def test_path(t):
    t.run("/production/wbe", "system")
def test_true(t):
    t.true(False, "it is false")
`})
	out, _, code := deployerd(t, "test", filepath.Join(dir, "tree.star"))
	if code != 1 || !strings.Contains(out, "FAIL\t"+filepath.Join(dir, "web_test.star")+"\t") {
		t.Errorf("%d %s", code, out)
	}
	at := filepath.Join(dir, "web_test.star")
	for _, want := range []string{
		at + ":3: got 1, want 2\n", at + ":5: production.web:web1 system: web1: exit status 127\n        the test has no answer for web1: uname -s\n", at + ": the test has no answer for web1: uname -s\n",
		at + ":9: it did not fail, it gave 1\n", at + ":11: the tree has no host web3 (did you mean web", at + ":13: it failed with \"one\", which does not hold \"two\"",
		at + ":15: run: ", "did you mean web", at + ":17: it is false",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestTestsWithoutTests(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"tree.star": testedTree, "bad/tree.star": "root = nod()\n", "wrong/tree.star": "root = node()\n", "wrong/a_test.star": "def test_a():\n    pass\n"})
	if out, _, code := deployerd(t, "test", filepath.Join(dir, "bad", "..", "bad", "tree.star")); code != 0 || !strings.Contains(out, "[no files *_test.star]") {
		t.Errorf("%d %s", code, out)
	}
	if _, errs, code := deployerd(t, "test", filepath.Join(dir, "wrong", "tree.star")); code != exitConfig || !strings.Contains(errs, "a_test.star:1:1: a test has one parameter, not 0") {
		t.Errorf("%d %s", code, errs)
	}
	if _, _, code := deployerd(t, "test", filepath.Join(dir, "none.star")); code != exitConfig {
		t.Errorf("%d", code)
	}
}
