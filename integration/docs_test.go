package integration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// block is a fenced block of a page.
type block struct {
	page     string
	line     int // of its first line, from 1
	language string
	text     string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages are the manual and the README.
func pages(t *testing.T) []string {
	t.Helper()
	manual, err := filepath.Glob("../docs/*.md")
	if err != nil || len(manual) == 0 {
		t.Fatalf("there is no manual: %v", err)
	}
	return append(manual, "../README.md")
}

var fileName = regexp.MustCompile(`^# ([a-z_./-]+\.[a-z]+)\n`)

// file is the file that the block is, "" for none: its name stands in the first
// line, which is no part of a text.
func (b block) file() (name, content string) {
	first := fileName.FindStringSubmatch(b.text)
	switch {
	case first == nil || b.language != "python" && b.language != "text":
		return "", ""
	case b.language == "text":
		return first[1], strings.TrimPrefix(b.text, first[0])
	}
	return first[1], b.text
}

// named says whether the block is a file.
func (b block) named() bool {
	name, _ := b.file()
	return name != ""
}

// blocks are a page's fenced blocks in some languages, in order.
func blocks(t *testing.T, page string, languages ...string) []block {
	t.Helper()
	var all []block
	var open *block
	for i, line := range strings.Split(read(t, page), "\n") {
		fence, is := strings.CutPrefix(line, "```")
		switch {
		case is && open == nil:
			open = &block{page: page, line: i + 2, language: fence}
		case is:
			if slices.Contains(languages, open.language) {
				all = append(all, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s: the block is never closed", open)
	}
	return all
}

// checks runs deployerd check on a configuration in a folder.
func checks(t *testing.T, b block, config string) {
	t.Helper()
	if r := run(t, "", binary, "check", "--config", config); r.code != 0 {
		t.Errorf("%s: %s", b, r)
	}
}

var definesRoot = regexp.MustCompile(`(?m)^root = `)

// Every tree of the manual loads that has no name of a file in its first line;
// one that has is loaded when its page is played. What else has a name is a
// file beside the page's trees.
func TestDocsTreesLoad(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		all := blocks(t, page, "python", "text")
		for _, b := range all {
			if b.language != "python" || b.named() || !definesRoot.MatchString(b.text) {
				continue
			}
			dir := t.TempDir()
			for _, other := range all {
				if name, content := other.file(); name != "" {
					write(t, filepath.Join(dir, name), content)
				}
			}
			write(t, filepath.Join(dir, "tree.star"), b.text)
			checks(t, b, write(t, filepath.Join(dir, "deployerd.yaml"), "tree: tree.star\nrules: [{ roles: [admin], allow: [all] }]\n"))
		}
	}
}

var (
	hasTree  = regexp.MustCompile(`(?m)^tree:`)
	hasRules = regexp.MustCompile(`(?m)^rules:`)
	keyFile  = regexp.MustCompile(`keys/[A-Za-z0-9_]+`)
)

// Every whole configuration of the manual is good, with the keys it names.
func TestDocsConfigurationsAreGood(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, b := range blocks(t, page, "yaml") {
			if !hasTree.MatchString(b.text) || !hasRules.MatchString(b.text) {
				continue
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "tree.star"), "root = node()\n")
			write(t, filepath.Join(dir, "known_hosts"), "")
			write(t, filepath.Join(dir, "keys", ".made"), "")
			made := map[string]bool{}
			for _, name := range keyFile.FindAllString(b.text, -1) {
				if !made[name] {
					newKey(t, filepath.Join(dir, name))
				}
				made[name] = true
			}
			checks(t, b, write(t, filepath.Join(dir, "deployerd.yaml"), b.text))
		}
	}
}

// What the manual shows of a session is what the demo really prints, page by
// page. The README's has a test of its own.
func TestDocsSessions(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		all := blocks(t, page, "python", "text", "console")
		if strings.HasSuffix(page, "README.md") || !slices.ContainsFunc(all, func(b block) bool { return b.language == "console" || b.named() }) {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			playPage(t, all)
		})
	}
}

// playPage does what a reader does with a demo whose folder is tutorial: writes
// each block that is a file, has the tree read again, and types what is shown.
func playPage(t *testing.T, all []block) {
	d := startDemo(t, filepath.Join(t.TempDir(), "tutorial"), freePort(t))
	if err := os.MkdirAll(filepath.Join(d.home, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(d.home, "bin", "deployerd")); err != nil {
		t.Fatal(err)
	}
	var changed []block
	for _, b := range all {
		if name, content := b.file(); name != "" {
			write(t, filepath.Join(d.dir, name), content)
			changed = append(changed, b)
		}
		if b.language == "console" {
			d.rereads(t, changed)
			d.plays(t, b)
			changed = nil
		}
	}
	d.rereads(t, changed)
}

// rereads has the demo read its tree again, in which blocks have changed.
func (d *demo) rereads(t *testing.T, changed []block) {
	t.Helper()
	if len(changed) == 0 {
		return
	}
	if got := d.typed(t, "ssh -p 2222 demo@localhost reload"); !strings.Contains(got, "were read again") {
		t.Errorf("the tree with %s cannot be read:\n%s", changed, got)
	}
}

// plays types a block's commands beside the demo's folder and compares what they
// print.
func (d *demo) plays(t *testing.T, b block) {
	t.Helper()
	var got strings.Builder
	for _, line := range lines(b.text) {
		if command, is := strings.CutPrefix(line, "$ "); is {
			got.WriteString(line + "\n" + d.typed(t, "cd '"+filepath.Dir(d.dir)+"'; "+command))
		}
	}
	if diff := cmp.Diff(steady(b.text), steady(got.String())); diff != "" {
		t.Errorf("%s is not what happens (-manual +real):\n%s\nreal session:\n%s", b, diff, got.String())
	}
}

// unsteady is what differs from run to run besides what volatile knows.
var unsteady = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-z]{14}\b`), "ID"},
	{regexp.MustCompile(`"(seconds|records|bytes)":[0-9.]+`), `"$1":0`},
	{regexp.MustCompile(`\d+ (records|bytes)`), "N $1"},
	{regexp.MustCompile(`devel[-0-9a-f]*`), "VERSION"},
	{regexp.MustCompile(`\b\d+\.\d+s\b`), "N s"}, // of deployerd test
}

func steady(text string) []string {
	for _, u := range unsteady {
		text = u.pattern.ReplaceAllString(text, u.with)
	}
	return volatile(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]*))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every link between files leads to a file, and to a heading in it.
func TestDocsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, l := range link.FindAllStringSubmatch(read(t, page), -1) {
			target := page
			if l[1] != "" {
				target = filepath.Join(filepath.Dir(page), l[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if l[2] != "" && !slugs(read(t, target))[l[2]] {
				t.Errorf("%s: %s has no heading #%s", page, target, l[2])
			}
		}
	}
}

// slugs are the names that a page's headings can be linked by.
func slugs(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

var (
	testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9]+\b`)
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
)

// Every test that the manual names as a proof exists.
func TestDocsNameRealTests(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		for _, f := range testFunc.FindAllStringSubmatch(read(t, file), -1) {
			known[f[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		for _, name := range testName.FindAllString(read(t, page), -1) {
			if !known[name] {
				t.Errorf("%s: there is no test %s", page, name)
			}
		}
	}
}
