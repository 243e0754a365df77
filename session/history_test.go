package session

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHistoryIsKeptOverSessions(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	dir := t.TempDir()
	w.past0(dir)
	p := w.at80x24(t)
	p.types("pwd\r secret\rls 'a\rb'\rhistory\r")
	p.sees("pwd\nls 'a↵b'\nhistory\nalice@box / >")
	p.types("\x04")
	p.leaves()
	info, err := os.Stat(filepath.Join(dir, "alice"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	q := w.sit(t, "alice", Terminal{Term: "xterm", Echo: true})
	q.types("\x10\x10\x10\r")
	q.sees("/ > pwd\n/\n")
	q.types("\x04")
	q.leaves()
	if out, _, _ := w.exec(t, "alice", "history", ""); out != "pwd\nls 'a↵b'\nhistory\npwd\n" {
		t.Errorf("%q", out)
	}
	if out, _, _ := w.exec(t, "bob", "history", ""); out != "" {
		t.Errorf("somebody else's: %q", out)
	}
}

func (w *world) past0(dir string) { w.past = &histories{dir: dir} }

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	h := &histories{dir: t.TempDir()}
	for i := range 100 {
		if err := h.add("alice", fmt.Sprint("line ", i), 8); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(h.dir, "alice"))
		if n := strings.Count(string(data), "\n"); err != nil || n > 10 {
			t.Fatalf("%d lines, %v", n, err)
		}
	}
	lines, err := h.load("alice", 3)
	if diff := cmp.Diff([]string{"line 97", "line 98", "line 99"}, lines); diff != "" || err != nil {
		t.Error(diff, err)
	}
	long := strings.Repeat("x", 60<<10)
	for range 40 {
		if err := h.add("alice", long, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(h.dir, "alice")); err != nil || info.Size() > maxHistoryBytes {
		t.Errorf("%v %v", info.Size(), err)
	}
	if lines, err := h.load("alice", 0); len(lines) > 0 || err != nil {
		t.Errorf("none are kept: %q %v", lines, err)
	}
}

// Sessions of one user that write at once lose no line and tear none.
func TestHistoriesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			h := &histories{dir: dir}
			for j := range 20 {
				if err := h.add("alice", fmt.Sprintf("%d-%d \\n\n%s", i, j, strings.Repeat("y", 100)), 150); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	lines, err := (&histories{dir: dir}).load("alice", 1000)
	if err != nil || len(lines) < 150 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, " \\n\n"+strings.Repeat("y", 100)) {
			t.Errorf("%q", line)
		}
	}
}

func TestHistoryFilesStayInTheirFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := &histories{dir: filepath.Join(dir, "history")}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"../x", "a/b", ".lock", ".", "a.new"} {
		if err := h.add(user, "pwd", 10); err != nil {
			t.Error(user, err)
		}
		if lines, err := h.load(user, 10); err != nil || len(lines) != 1 {
			t.Errorf("%s: %q %v", user, lines, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(h.dir, "mallory")); err != nil {
		t.Fatal(err)
	}
	if err := h.add("mallory", "pwd", 10); err == nil {
		t.Error("a link out of the folder was followed")
	}
}

// A line that a crash has torn costs itself only.
func TestAHistoryThatWasTorn(t *testing.T) {
	t.Parallel()
	h := &histories{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(h.dir, "alice"), []byte("one\nhal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.add("alice", "two", 10); err != nil {
		t.Fatal(err)
	}
	lines, err := h.load("alice", 10)
	if diff := cmp.Diff([]string{"one", "hal", "two"}, lines); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
