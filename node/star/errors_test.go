package star_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// fakes makes every ssh_host a scripted one.
func fakes(name string, _ host.SSHOptions) (host.Host, error) { return hosttest.NewFake(name), nil }

// expectations reads the comments ### "regexp" of a tree file: the errors that
// its lines must have.
func expectations(t *testing.T, file string) map[int][]*regexp.Regexp {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int][]*regexp.Regexp{}
	for i, line := range bytes.Split(source, []byte("\n")) {
		for _, quoted := range strings.Split(string(line), "### ")[1:] {
			text, err := strconv.Unquote(strings.TrimSpace(strings.ReplaceAll(quoted, `\`, `\\`)))
			if err != nil {
				text, err = strings.Trim(strings.TrimSpace(quoted), `"`), nil
			}
			want[i+1] = append(want[i+1], regexp.MustCompile(strings.ReplaceAll(text, `\\`, `\`)))
		}
	}
	return want
}

// TestErrors loads each file of testdata/errors: its problems are exactly
// those written beside its lines.
func TestErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".star"), func(t *testing.T) {
			t.Parallel()
			checkErrors(t, file)
		})
	}
}

func checkErrors(t *testing.T, file string) {
	_, err := star.Load(t.Context(), star.Options{File: file, NewHost: fakes})
	var load *star.LoadError
	if !errors.As(err, &load) {
		t.Fatalf("Load: %v, want a *LoadError", err)
	}
	want := expectations(t, file)
	for _, p := range load.Problems {
		at := -1
		for i, re := range want[p.Line] {
			if re.MatchString(p.Text + " " + p.Hint) {
				at = i
				break
			}
		}
		if at < 0 {
			t.Errorf("unexpected problem:\n%s", p)
			continue
		}
		want[p.Line] = append(want[p.Line][:at:at], want[p.Line][at+1:]...)
	}
	for line, left := range want {
		for _, re := range left {
			t.Errorf("%s:%d: no problem that matches %s", file, line, re)
		}
	}
}

// loadError loads a tree of the given files, entry tree.star, that must not
// load.
func loadError(t *testing.T, files map[string]string) (*star.LoadError, string) {
	t.Helper()
	dir := write(t, files)
	_, err := star.Load(t.Context(), star.Options{File: filepath.Join(dir, "tree.star"), NewHost: fakes})
	var load *star.LoadError
	if !errors.As(err, &load) {
		t.Fatalf("Load: %v, want a *LoadError", err)
	}
	return load, dir
}

// write puts files into a new folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tree loads a tree of one file.
func tree(t testing.TB, source string, o star.Options) *node.Tree {
	t.Helper()
	o.File = filepath.Join(write(t, map[string]string{"tree.star": source}), "tree.star")
	if o.NewHost == nil {
		o.NewHost = fakes
	}
	made, err := star.Load(t.Context(), o)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return made
}

func TestErrorShowsLineCaretAndHint(t *testing.T) {
	t.Parallel()
	load, dir := loadError(t, map[string]string{"tree.star": "a = 1\nroot = node(web = ssh_hots(\"web1\"))\n"})
	want := filepath.Join(dir, "tree.star") + `:2:19: undefined: ssh_hots
  root = node(web = ssh_hots("web1"))
                    ^
  hint: did you mean ssh_host?`
	if got := load.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestProblemsOfAllFilesAreTold(t *testing.T) {
	t.Parallel()
	load, dir := loadError(t, map[string]string{
		"tree.star":  "load(\"a/b.star\", \"x\")\nclass A:\n  pass\nroot = node()\n",
		"a/b.star":   "load(\"c.star\", \"y\", \"zz\")\nx = nosuch\n",
		"a/c.star":   "y = 1\nzzz = 2\n",
		"unused.txt": "",
	})
	var got []string
	for _, p := range load.Problems {
		rel, _ := filepath.Rel(dir, p.File)
		got = append(got, fmt.Sprintf("%s:%d:%d: %s", rel, p.Line, p.Col, p.Text))
	}
	want := []string{
		"a/b.star:1:22: a/c.star does not define zz",
		"a/b.star:2:5: undefined: nosuch",
		"tree.star:2:1: Starlark has no classes",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"cycle":         {map[string]string{"tree.star": `load("a.star", "x")`, "a.star": "x = 1\nload(\"tree.star\", \"y\")"}, "load cycle: tree.star → a.star → tree.star"},
		"self":          {map[string]string{"tree.star": `load("tree.star", "x")`}, "load cycle: tree.star → tree.star"},
		"missing entry": {map[string]string{"other.star": ""}, "no such file"},
		"no root":       {map[string]string{"tree.star": "x = 1\n"}, "tree.star:1:1: the entry file defines no root"},
		"other root":    {map[string]string{"tree.star": "root = 1\n"}, "tree.star:1:1: root is a int, not a node"},
		"parallel root": {map[string]string{"tree.star": "root = parallel_node()\n"}, "root is a parallel node"},
		"array root":    {map[string]string{"tree.star": "root = parallel_node().array()\n"}, "root is a parallel node"},
		"NUL":           {map[string]string{"tree.star": "root = node()\n\x00x = 1"}, ":2:1: a NUL byte"},
		"not UTF-8":     {map[string]string{"tree.star": "root = node()\nx = \"\xff\""}, ":2:6: a byte that is not UTF-8"},
		"large":         {map[string]string{"tree.star": strings.Repeat("#\n", 1<<20)}, "larger than 1048576 bytes"},
		"folder":        {map[string]string{"tree.star": `load("a", "x")`, "a/b": ""}, "load a: not a file"},
		"endless":       {map[string]string{"tree.star": "i = [0]\nwhile True: i[0] += 1\n"}, "loading takes more than"},
		"frozen":        {map[string]string{"tree.star": "load(\"a.star\", \"x\")\nx.append(1)\n", "a.star": "x = []\n"}, "frozen list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			load, _ := loadError(t, c.files)
			if len(load.Problems) != 1 || !strings.Contains(load.Error(), c.want) {
				t.Errorf("got:\n%s\nwant one problem with: %s", load, c.want)
			}
		})
	}
}

func TestLoadCannotLeaveFolderThroughSymlink(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"secret.star": "x = 1\n"})
	dir := write(t, map[string]string{"tree.star": "load(\"in.star\", \"x\")\nroot = node()\n"})
	if err := os.Symlink(filepath.Join(outside, "secret.star"), filepath.Join(dir, "in.star")); err != nil {
		t.Skip(err)
	}
	_, err := star.Load(t.Context(), star.Options{File: filepath.Join(dir, "tree.star"), NewHost: fakes})
	if err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("Load: %v, want a refusal", err)
	}
}

func TestEntryMayBeSymlink(t *testing.T) {
	t.Parallel()
	real := write(t, map[string]string{"tree.star": "load(\"a.star\", \"x\")\nroot = node(x = x)\n", "a.star": "x = 1\n"})
	link := filepath.Join(t.TempDir(), "tree.star")
	if err := os.Symlink(filepath.Join(real, "tree.star"), link); err != nil {
		t.Skip(err)
	}
	if _, err := star.Load(t.Context(), star.Options{File: link, NewHost: fakes}); err != nil {
		t.Error(err)
	}
}

func TestManyProblemsAreBounded(t *testing.T) {
	t.Parallel()
	load, _ := loadError(t, map[string]string{"tree.star": strings.Repeat("x(nosuch)\n", 5000)})
	if n := len(load.Problems); n != 101 {
		t.Errorf("%d problems, want 100 and one that says there are more", n)
	}
}
