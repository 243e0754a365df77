package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
)

// fileCases are those of files and facts. Targets run on this machine, so that
// what they did can be looked at.
var fileCases = []conformanceCase{
	{"read", readsFiles},
	{"exists", existsFiles},
	{"stat", statsFiles},
	{"listdir", listsFolders},
	{"facts", tellsFacts},
	{"addresses", tellsAddresses},
	{"write", writesFiles},
	{"write keeps owner and mode", writeKeeps},
	{"write follows links", writeFollows},
	{"write that fails", writeFails},
	{"awful names", awfulNames},
	{"put a file", putsFile},
	{"put a folder", putsFolder},
	{"get", getsFiles},
	{"files in a folder and as another user", filesInContext},
	{"files in a sandbox", filesInSandbox},
}

// filesOf are the files of one host.
func filesOf(h host.Host, c host.Context) *host.Files {
	return groupOf(h, c, nil).Files(host.FileOptions{})
}

func groupOf(h host.Host, c host.Context, hooks host.Hooks) *host.Group {
	return host.NewGroup(host.GroupOptions{Roles: []host.Role{{Name: "host", Hosts: []host.Host{h}}}, Context: c, Hooks: hooks})
}

// value is a host's value or the end of the test.
func value[T any](values []T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		v, err := host.One(values, err)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fails wants an error of a kind, with a text, that names the path.
func fails(t *testing.T, err, kind error, text string) {
	t.Helper()
	var file *host.FileError
	switch {
	case err == nil:
		t.Errorf("no error, want one with %q", text)
	case kind != nil && !errors.Is(err, kind):
		t.Errorf("%v is no %v", err, kind)
	case !errors.As(err, &file) || file.Host == "" || file.Op == "":
		t.Errorf("%v does not say what could not be done where", err)
	case !strings.Contains(err.Error(), text):
		t.Errorf("%q lacks %q", err, text)
	}
}

// inFolder makes files in a new folder: name → content; names that end with a
// slash are folders.
func inFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return dir
}

// binary has every byte, and no newline at its end.
var binary = func() string {
	var b strings.Builder
	for i := range 3000 {
		b.WriteByte(byte(i))
	}
	return b.String()
}()

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func onDisk(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

// names are the entries of a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range list {
		all = append(all, e.Name())
	}
	return all
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Mode().Perm()
}

func readsFiles(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"text": "one\ntwo", "empty": "", "binary": binary, "folder/": ""})
	must(t, syscall.Mkfifo(dir+"/fifo", 0o600))
	f := filesOf(h, host.Context{})
	for name, want := range map[string]string{"text": "one\ntwo", "empty": "", "binary": binary} {
		same(t, name, string(value(f.Read(t.Context(), dir+"/"+name))(t)), want)
	}
	for name, want := range map[string]string{"none": "no such file", "none/deep": "no such file", "folder": "is a folder", "fifo": "neither a file"} {
		_, err := f.Read(t.Context(), dir+"/"+name)
		fails(t, err, nil, "read "+dir+"/"+name+": ")
		fails(t, err, nil, want)
	}
	_, err := f.Read(t.Context(), dir+"/none")
	fails(t, err, fs.ErrNotExist, "")
	_, err = f.Read(t.Context(), "")
	fails(t, err, nil, "a path is wanted")
	_, err = f.Read(t.Context(), "a\x00b")
	fails(t, err, nil, "NUL")
	must(t, os.Truncate(dir+"/empty", host.ReadLimit+1))
	_, err = f.Read(t.Context(), dir+"/empty")
	fails(t, err, nil, "larger than 64 MiB")
}

func existsFiles(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"file": "", "folder/": ""})
	must(t, os.Symlink("nowhere", dir+"/dangling"))
	must(t, os.Symlink("file", dir+"/link"))
	f := filesOf(h, host.Context{})
	for name, want := range map[string]bool{
		"file": true, "folder": true, "folder/": true, "link": true, "dangling": false, "none": false, "file/none": false,
	} {
		same(t, name, value(f.Exists(t.Context(), dir+"/"+name))(t), want)
	}
}

func statsFiles(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"file": "12345"})
	must(t, os.Chmod(dir+"/file", 0o640|fs.ModeSetuid))
	must(t, os.Symlink("file", dir+"/link"))
	f := filesOf(h, host.Context{})
	info, err := os.Stat(dir + "/file")
	must(t, err)
	me := perform(t, h, host.Context{}, "id -un; id -gn", nil)
	who := strings.Fields(me.Stdout)
	want := host.Stat{
		Size: 5, Mode: 0o640 | fs.ModeSetuid, Octal: 0o4640, Owner: who[0], Group: who[1],
		Modified: info.ModTime().UTC().Truncate(1e9), IsFile: true,
	}
	same(t, "file", value(f.Stat(t.Context(), dir+"/file"))(t), want)
	same(t, "link", value(f.Stat(t.Context(), dir+"/link"))(t), want)
	if s := value(f.Stat(t.Context(), dir))(t); !s.IsDir || s.IsFile {
		t.Errorf("the folder is %+v", s)
	}
	if s := value(f.Stat(t.Context(), "/dev/null"))(t); s.IsDir || s.IsFile {
		t.Errorf("the device is %+v", s)
	}
	_, err = f.Stat(t.Context(), dir+"/none")
	fails(t, err, fs.ErrNotExist, "stat "+dir+"/none: ")
}

func listsFolders(t *testing.T, h host.Host) {
	awful := []string{"*", "-n", ".hidden", "...", "a b", "it's", "line\nbreak", "q\"uote", "tab\t", "ü", "\x80\xff"}
	files := map[string]string{"empty/": "", "file": ""}
	for _, name := range awful {
		files["full/"+name] = ""
	}
	dir := inFolder(t, files)
	must(t, os.Symlink("nowhere", dir+"/full/dangling"))
	f := filesOf(h, host.Context{})
	same(t, "full", value(f.ListDir(t.Context(), dir+"/full"))(t), names(t, dir+"/full"))
	same(t, "empty", len(value(f.ListDir(t.Context(), dir+"/empty"))(t)), 0)
	_, err := f.ListDir(t.Context(), dir+"/none")
	fails(t, err, fs.ErrNotExist, "listdir ")
	_, err = f.ListDir(t.Context(), dir+"/file")
	fails(t, err, nil, "is no folder")
}

func tellsFacts(t *testing.T, h host.Host) {
	dir := t.TempDir()
	f := filesOf(h, host.Context{})
	home := perform(t, h, host.Context{}, `printf %s "$HOME"`, nil).Stdout
	start := perform(t, h, host.Context{}, `printf %s "$(pwd)"`, nil).Stdout
	same(t, "home", value(f.Home(t.Context(), ""))(t), home)
	same(t, "home of root", value(f.Home(t.Context(), "root"))(t), "/root")
	_, err := f.Home(t.Context(), "no-such-user-here")
	fails(t, err, nil, "no such user")
	_, err = f.Home(t.Context(), "root; id")
	fails(t, err, nil, "is no name for a user")
	same(t, "cwd", value(f.Cwd(t.Context()))(t), start)
	for name, want := range map[string]bool{"sh": true, "no-such-command": false, "-v": false, "a b": false, "$(id)": false} {
		same(t, name, value(f.HasCommand(t.Context(), name))(t), want)
	}
	c, err := host.Context{}.Cd(dir, false).Setenv("WHERE", "there", true)
	must(t, err)
	in := filesOf(h, c)
	same(t, "cwd in a folder", value(in.Cwd(t.Context()))(t), dir)
	for text, want := range map[string]string{
		"~": home, "~/a b": home + "/a b", "~root/x": "/root/x", "x": dir + "/x", "$WHERE/x": dir + "/there/x", "/a/$HOME": "/a/" + home,
	} {
		same(t, text, value(in.Expand(t.Context(), text))(t), want)
	}
	_, err = filesOf(h, host.Context{}.Cd(dir+"/none", false)).Cwd(t.Context())
	fails(t, err, nil, "cwd: ")
}

func tellsAddresses(t *testing.T, h host.Host) {
	for _, a := range value(filesOf(h, host.Context{}).Addresses(t.Context()))(t) {
		if strings.HasPrefix(a, "127.") || strings.HasPrefix(a, "fe80:") || a == "::1" {
			t.Errorf("%s is no address for others", a)
		}
	}
}

func writesFiles(t *testing.T, h host.Host) {
	dir := t.TempDir()
	f := filesOf(h, host.Context{})
	mask := perform(t, h, host.Context{}, "umask", nil).Stdout
	var bits fs.FileMode
	_, err := fmt.Sscanf(mask, "%o", &bits)
	must(t, err)
	for i, content := range []string{"", "x", "one\ntwo\n", binary, strings.Repeat(binary, 1000)} {
		for range 2 { // new, and in place of the same
			path := fmt.Sprintf("%s/%d", dir, i)
			must(t, f.Write(t.Context(), path, host.Content{Data: []byte(content)}, host.WriteOptions{}))
			if got := onDisk(t, path); got != content {
				t.Errorf("%d bytes were written, %d arrived", len(content), len(got))
			}
			same(t, "mode", modeOf(t, path), 0o666&^bits)
		}
	}
	must(t, f.Write(t.Context(), dir+"/mode", host.Content{}, host.WriteOptions{Mode: 0o600}))
	same(t, "mode", modeOf(t, dir+"/mode"), fs.FileMode(0o600))
	same(t, "left", names(t, dir), []string{"0", "1", "2", "3", "4", "mode"})
}

func writeKeeps(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"file": "old"})
	path := dir + "/file"
	must(t, os.Chmod(path, 0o604))
	root := os.Getuid() == 0
	if root {
		must(t, os.Chown(path, 1234, 2345))
	}
	f := filesOf(h, host.Context{})
	must(t, f.Write(t.Context(), path, host.Content{Data: []byte("new")}, host.WriteOptions{}))
	same(t, "content", onDisk(t, path), "new")
	same(t, "mode", modeOf(t, path), fs.FileMode(0o604))
	if !root {
		return
	}
	same(t, "owner", owner(t, path), "1234:2345")
	must(t, f.Write(t.Context(), path, host.Content{}, host.WriteOptions{Owner: "55", Mode: 0o4755}))
	same(t, "owner", owner(t, path), "55:2345")
	info, err := os.Stat(path)
	must(t, err)
	same(t, "mode", info.Mode(), 0o755|fs.ModeSetuid)
	must(t, f.Write(t.Context(), dir+"/new", host.Content{}, host.WriteOptions{Owner: ":66"}))
	same(t, "owner", owner(t, dir+"/new"), "0:66")
}

func owner(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	s := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d", s.Uid, s.Gid)
}

func writeFollows(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"real/file": "old"})
	must(t, os.Symlink("real", dir+"/folder"))
	must(t, os.Symlink("folder/file", dir+"/link"))
	must(t, os.Symlink(dir+"/link", dir+"/absolute"))
	must(t, os.Symlink("real/new", dir+"/dangling"))
	must(t, os.Symlink("loop", dir+"/loop"))
	f := filesOf(h, host.Context{})
	must(t, f.Write(t.Context(), dir+"/absolute", host.Content{Data: []byte("new")}, host.WriteOptions{}))
	must(t, f.Write(t.Context(), dir+"/dangling", host.Content{Data: []byte("made")}, host.WriteOptions{}))
	same(t, "file", onDisk(t, dir+"/real/file"), "new")
	same(t, "made", onDisk(t, dir+"/real/new"), "made")
	same(t, "left", names(t, dir), []string{"absolute", "dangling", "folder", "link", "loop", "real"})
	same(t, "left", names(t, dir+"/real"), []string{"file", "new"})
	err := f.Write(t.Context(), dir+"/loop", host.Content{}, host.WriteOptions{})
	fails(t, err, nil, "leads to itself")
}

func writeFails(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"folder/": "", "file": "old"})
	must(t, syscall.Mkfifo(dir+"/fifo", 0o600))
	f := filesOf(h, host.Context{})
	content := host.Content{Data: []byte(strings.Repeat("secret of mine ", 1000)), Secret: true}
	for name, want := range map[string]string{
		"folder": "is a folder", "none/x": "no folder to write it into", "new/": "slash", "fifo": "neither a file", "file/x": "no folder",
	} {
		err := f.Write(t.Context(), dir+"/"+name, content, host.WriteOptions{})
		fails(t, err, nil, want)
		if strings.Contains(err.Error(), "of mine") {
			t.Error("the error has the content")
		}
	}
	err := f.Write(t.Context(), dir+"/file", content, host.WriteOptions{Owner: "no-such-user-here"})
	fails(t, err, nil, "no-such-user-here")
	same(t, "file", onDisk(t, dir+"/file"), "old")
	for _, o := range []host.WriteOptions{{Mode: 0o10000}, {Owner: "-R x"}, {Owner: "a b"}, {Owner: "$(id)"}} {
		if f.Write(t.Context(), dir+"/file", content, o) == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	same(t, "left", names(t, dir), []string{"fifo", "file", "folder"})
}

func awfulNames(t *testing.T, h host.Host) {
	dir := t.TempDir() + "/it's a \"$HOME\" `folder`\n"
	must(t, os.Mkdir(dir, 0o755))
	f := filesOf(h, host.Context{}.Cd(dir, false))
	for _, name := range []string{"-rf", "-", "a b", "*", "new\nline", "\n", "it's", "$(id)", "~", "ü", "\x80\xff", "\\", "#", "trailing\n"} {
		must(t, f.Write(t.Context(), name, host.Content{Data: []byte(name)}, host.WriteOptions{}))
		same(t, name, onDisk(t, filepath.Join(dir, name)), name)
		same(t, name, string(value(f.Read(t.Context(), name))(t)), name)
		same(t, name, value(f.Exists(t.Context(), name))(t), true)
		same(t, name, value(f.Stat(t.Context(), name))(t).Size, int64(len(name)))
	}
	same(t, "listdir", value(f.ListDir(t.Context(), "."))(t), names(t, dir))
	same(t, "cwd", value(f.Cwd(t.Context()))(t), dir)
}
