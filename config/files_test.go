package config

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// full names a file of every use.
const full = minimal + `
ssh: { host_keys: [keys/host] }
users: [{ name: ci, keys_file: keys/ci.pub }]
outbound: { identity_files: [keys/outbound], known_hosts: [known_hosts] }
`

func TestModesOfFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file string
		mode os.FileMode
		want string // "" when it is good
	}{
		{"deployerd.yaml", 0o600, ""},
		{"deployerd.yaml", 0o640, ""},
		{"deployerd.yaml", 0o644, "deployerd.yaml is readable by others (mode 0644)"},
		{"deployerd.yaml", 0o660, "deployerd.yaml is writable by its group (mode 0660)"},
		{"keys/host", 0o400, ""},
		{"keys/host", 0o640, ""},
		{"keys/host", 0o604, "keys/host is readable by others (mode 0604)"},
		{"keys/host", 0o602, "keys/host is writable by others (mode 0602)"},
		{"keys/host", 0o601, "keys/host is open to others (mode 0601)"},
		{"keys/outbound", 0o666, "keys/outbound is writable by its group and readable by others and writable by others (mode 0666)"},
		{"keys/ci.pub", 0o644, ""},
		{"keys/ci.pub", 0o664, "keys/ci.pub is writable by its group (mode 0664)"},
		{"keys/ci.pub", 0o646, "keys/ci.pub is writable by others (mode 0646)"},
		{"known_hosts", 0o644, ""},
		{"known_hosts", 0o646, "known_hosts is writable by others (mode 0646)"},
		{"tree.star", 0o664, ""},
		{"tree.star", 0o646, "tree.star is writable by others (mode 0646)"},
		{"state", 0o700, ""},
		{"state", 0o750, ""},
		{"state", 0o755, "state is readable by others and open to others (mode 0755)"},
		{"state", 0o770, "state is writable by its group (mode 0770)"},
		{"keys", 0o755, ""},
		{"keys", 0o775, ""},
		{"keys", 0o777, "the folder DIR/keys is writable by others (mode 0777)"},
		{"keys", 0o777 | os.ModeSticky, ""},
		{".", 0o777, "the folder DIR is writable by others (mode 0777)"},
	} {
		t.Run(c.file+" "+c.mode.String(), func(t *testing.T) {
			t.Parallel()
			file := folder(t, full)
			dir := filepath.Dir(file)
			if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, c.file), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file)
			got := said(t, file, err)
			if c.want == "" && got != "" || strings.Count(got, c.want) != 1 && c.want != "" || c.want != "" && !strings.Contains(got, "hint: chmod ") {
				t.Errorf("said:\n%s\nwant %q once", got, c.want)
			}
		})
	}
}

// TestTheHintMendsTheMode runs what the hint says.
func TestTheHintMendsTheMode(t *testing.T) {
	t.Parallel()
	file := folder(t, minimal)
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	var all *Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	for _, p := range all.Problems {
		words := strings.Fields(p.Hint)
		if len(words) != 3 || words[0] != "chmod" {
			t.Fatalf("the hint is %q", p.Hint)
		}
		if out, err := exec.CommandContext(t.Context(), words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", p.Hint, err, out)
		}
	}
	if _, err := Load(file); err != nil {
		t.Error(err)
	}
}

func TestOwnersOfFiles(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for name, good := range map[string]bool{
		"deployerd.yaml": false, "keys/host": false, "keys/outbound": false, "keys/ci.pub": false,
		"known_hosts": false, "state": false, "tree.star": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := folder(t, full)
			dir := filepath.Dir(file)
			if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(filepath.Join(dir, name), 4711, -1); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file)
			got := said(t, file, err)
			want := name + " belongs to user 4711, neither to root nor to the daemon's user (0)"
			if good != (got == "") || !good && (!strings.Contains(got, want) || !strings.Contains(got, "hint: chown 0 DIR/"+name)) {
				t.Errorf("said:\n%s", got)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"keys/absent":      "DIR/keys/absent is not there",
		"keys":             "DIR/keys is no regular file",
		"fifo":             "DIR/fifo is no regular file",
		"tree.star/x":      "not a directory",
		"loop":             "too many",
		"big":              "larger than",
		"../../nowhere/at": "is not there",
	} {
		file := folder(t, minimal+"users: [{ name: ci, keys_file: "+name+" }]\n")
		dir := filepath.Dir(file)
		if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
			t.Fatal(err)
		}
		write(t, dir, "big", strings.Repeat("x", maxFile+1), 0o600)
		_, err := Load(file)
		if got := said(t, file, err); !strings.Contains(got, says) {
			t.Errorf("%s:\n%s\nwant %q", name, got, says)
		}
	}
}

func TestAConfigurationThatIsNotThere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nothing.yaml")
	c, err := Load(file)
	if got := said(t, file, err); c != nil || !strings.Contains(got, "DIR/nothing.yaml is not there") {
		t.Errorf("%v, %s", c, got)
	}
}

// TestFoldersOnTheWayOfALink holds that every folder through which a symbolic
// link leads is looked at, not only the first and the last.
func TestFoldersOnTheWayOfALink(t *testing.T) {
	t.Parallel()
	file := folder(t, strings.Replace(minimal, "tree.star", "a/tree.star", 1))
	dir := filepath.Dir(file)
	for _, name := range []string{"a", "b", "c"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := func(from, to string) {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	link("a/tree.star", "../b/tree.star")
	link("b/tree.star", filepath.Join(dir, "c/tree.star"))
	write(t, dir, "c/tree.star", "", 0o644)
	if _, err := Load(file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file)
		if got := said(t, file, err); strings.Count(got, "the folder DIR/"+name+" is writable by others") != 1 {
			t.Errorf("with %s open to all:\n%s", name, got)
		}
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderIsReportedOnce(t *testing.T) {
	t.Parallel()
	file := folder(t, full)
	if err := os.Chmod(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Load(file)
	if got := said(t, file, err); strings.Count(got, "the folder DIR is writable") != 1 {
		t.Error(got)
	}
}

// TestABadFileStillShowsWhatElseIsWrong holds that check can ask other packages
// about what could be read.
func TestABadFileStillShowsWhatElseIsWrong(t *testing.T) {
	t.Parallel()
	file := folder(t, minimal+"users: [{ name: alice, rols: [x] }]\n")
	c, err := Load(file)
	if err == nil || c == nil || len(c.Users) != 1 || c.Users[0].Name != "alice" {
		t.Fatalf("%+v, %v", c, err)
	}
	if p := c.Problem("users[0].name", "x", ""); p.Line != 3 {
		t.Errorf("the name is on line %d", p.Line)
	}
}
