package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAUserHasAFolderOfHisOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, user := range []string{"alice", "../bob", "a/b"} {
		f, err := openFolder(dir, user)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Root.WriteFile("x", []byte("12345"), 0o600); err != nil {
			t.Error(err)
		}
		if err := f.Root.Close(); err != nil {
			t.Error(err)
		}
		again, err := openFolder(dir, user)
		if err != nil || again.Room != folderRoom-5 {
			t.Fatalf("%s has room for %d, %v", user, again.Room, err)
		}
		if err := again.Root.Close(); err != nil {
			t.Error(err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 3 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestAFullFolderTakesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "alice", "big")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, folderRoom); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir, "alice"); err == nil || !strings.Contains(err.Error(), "is full") {
		t.Error(err)
	}
}
