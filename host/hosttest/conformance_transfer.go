package hosttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/deployerd/deployerd/host"
)

func putsFile(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"folder/": "", "there": "old"})
	must(t, os.Chmod(dir+"/there", 0o600))
	from := fstest.MapFS{"run.sh": {Data: []byte(binary), Mode: 0o755}, "a/b": {Data: []byte("b"), Mode: 0o644}}
	f := filesOf(h, host.Context{})
	var sent int64
	o := host.WriteOptions{Progress: func(_ string, n, total int64) { sent = n * 1000 / total }}
	must(t, f.Put(t.Context(), from, "run.sh", dir+"/new", o))
	same(t, "progress", sent, int64(1000))
	must(t, f.Put(t.Context(), from, "./run.sh", dir+"/there", host.WriteOptions{}))
	must(t, f.Put(t.Context(), from, "a/../run.sh", dir+"/folder/", host.WriteOptions{}))
	must(t, f.Put(t.Context(), from, "a/b", dir+"/mode", host.WriteOptions{Mode: 0o400}))
	for name, mode := range map[string]fs.FileMode{"new": 0o755, "there": 0o600, "folder/run.sh": 0o755} {
		same(t, name, onDisk(t, dir+"/"+name), binary)
		if got := modeOf(t, dir+"/"+name); got&0o700 != mode&0o700 {
			t.Errorf("%s has mode %o", name, got)
		}
	}
	same(t, "mode", modeOf(t, dir+"/mode"), fs.FileMode(0o400))
	for _, local := range []string{"", "/etc/passwd", "..", "../x", "a/../../x", "none"} {
		if err := f.Put(t.Context(), from, local, dir+"/x", host.WriteOptions{}); err == nil {
			t.Errorf("%q was put", local)
		}
	}
	same(t, "left", names(t, dir), []string{"folder", "mode", "new", "there"})
}

func putsFolder(t *testing.T, h host.Host) {
	local := inFolder(t, map[string]string{
		"site/index": "index", "site/sub/.hidden": "hidden", "site/sub/deep/-x": "x", "site/empty/": "", "site/a b": "a b", "site/ü\n": "ü",
		"other": "not to be copied",
	})
	must(t, os.Chmod(local+"/site/index", 0o755))
	must(t, os.Symlink("../index", local+"/site/sub/link"))
	must(t, os.Symlink("/etc", local+"/site/etc"))
	f := filesOf(h, host.Context{})
	dir := t.TempDir()
	root, err := os.OpenRoot(local)
	must(t, err)
	defer func() { must(t, root.Close()) }()
	put := func() { must(t, f.Put(t.Context(), root.FS(), "site", dir+"/www", host.WriteOptions{})) }
	put()
	same(t, "new", files(t, dir), files(t, local+"/site", "www/"))
	same(t, "mode", modeOf(t, dir+"/www/index")&0o700, fs.FileMode(0o700))
	must(t, os.WriteFile(dir+"/www/index", []byte("old"), 0o644))
	must(t, os.Chmod(dir+"/www/index", 0o604))
	must(t, os.WriteFile(dir+"/www/sub/own", []byte("stays"), 0o644))
	must(t, os.Remove(dir+"/www/etc"))
	must(t, os.Symlink("/usr", dir+"/www/etc"))
	put()
	same(t, "own", onDisk(t, dir+"/www/sub/own"), "stays")
	must(t, os.Remove(dir+"/www/sub/own"))
	same(t, "again", files(t, dir), files(t, local+"/site", "www/"))
	same(t, "mode", modeOf(t, dir+"/www/index"), fs.FileMode(0o604))
	must(t, os.WriteFile(dir+"/plain", nil, 0o644))
	fails(t, f.Put(t.Context(), root.FS(), "site", dir+"/plain", host.WriteOptions{}), nil, "no folder")
	fails(t, f.Put(t.Context(), root.FS(), "site", dir+"/none/www", host.WriteOptions{}), nil, "no folder to write it into")
	must(t, os.RemoveAll(dir+"/www/sub"))
	must(t, os.WriteFile(dir+"/www/sub", []byte("a file"), 0o644))
	fails(t, f.Put(t.Context(), root.FS(), "site", dir+"/www", host.WriteOptions{}), nil, "sub is no folder")
	same(t, "left", names(t, dir), []string{"plain", "www"})
}

// files lists what is in a folder: files with their content, links with their
// target.
func files(t *testing.T, dir string, prefix ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		name := strings.Join(prefix, "") + strings.TrimPrefix(path, dir+"/")
		switch {
		case path == dir:
			name = strings.TrimSuffix(strings.Join(prefix, ""), "/")
			if name != "" {
				all[name] = "folder"
			}
		case d.IsDir():
			all[name] = "folder"
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			must(t, err)
			all[name] = "-> " + target
		default:
			all[name] = onDisk(t, path)
		}
		return nil
	}))
	return all
}

func getsFiles(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"file": binary, "tree/a": "a", "tree/sub/b c": "b", "tree/empty/": ""})
	must(t, os.Symlink("../a", dir+"/tree/sub/link"))
	local := t.TempDir()
	root, err := os.OpenRoot(local)
	must(t, err)
	defer func() { must(t, root.Close()) }()
	f := filesOf(h, host.Context{})
	get := func(name, to string) error {
		return f.Get(t.Context(), name, root, func(string) string { return to }, host.GetOptions{Limit: 10_000})
	}
	must(t, get(dir+"/file", "x/y/file"))
	must(t, get(dir+"/file", "x/y/file"))
	same(t, "file", onDisk(t, local+"/x/y/file"), binary)
	same(t, "mode", modeOf(t, local+"/x/y/file"), fs.FileMode(0o600))
	must(t, get(dir+"/tree", "tree"))
	same(t, "tree", files(t, local+"/tree"), files(t, dir+"/tree"))
	must(t, os.WriteFile(local+"/tree/own", nil, 0o600))
	must(t, os.WriteFile(dir+"/tree/a", []byte("A"), 0o600))
	must(t, get(dir+"/tree", "tree"))
	same(t, "merged", onDisk(t, local+"/tree/a")+onDisk(t, local+"/tree/own"), "A")
	must(t, os.Truncate(dir+"/file", 10_001))
	fails(t, get(dir+"/file", "big"), nil, "larger than")
	must(t, os.Truncate(dir+"/tree/a", 10_001))
	fails(t, get(dir+"/tree", "big"), nil, "larger than")
	for _, to := range []string{"", "..", "../x", "/tmp/x", "tree/a/b"} {
		if get(dir+"/file", to) == nil {
			t.Errorf("%q was written to", to)
		}
	}
	fails(t, get(dir+"/none", "none"), fs.ErrNotExist, "get ")
	fails(t, get(dir+"/tree/sub", "x/y/file"), nil, "each other's place")
	same(t, "left", names(t, local), []string{"tree", "x"})
	same(t, "left", names(t, local+"/x/y"), []string{"file"})
}

func filesInContext(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"file": "in the folder"})
	c := host.Context{}.Cd(filepath.Dir(dir), false).Cd(filepath.Base(dir), false).Prefix("exit 7")
	f := filesOf(h, c)
	same(t, "read", string(value(f.Read(t.Context(), "file"))(t)), "in the folder")
	_, err := f.HasCommand(t.Context(), "sh")
	fails(t, err, nil, "has_command sh: ")
	if os.Getuid() != 0 {
		return
	}
	must(t, os.Chmod(dir+"/file", 0o600))
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Mkdir(dir+"/closed", 0o700))
	must(t, os.Mkdir(dir+"/open", 0o777))
	must(t, os.Chmod(dir+"/open", 0o777))
	for up := dir; up != "/tmp" && up != "/"; up = filepath.Dir(up) {
		must(t, os.Chmod(up, 0o755))
	}
	nobody := groupOf(h, host.Context{}.Cd(dir, false), nil).Files(host.FileOptions{Sudo: true, User: "nobody"})
	_, err = nobody.Read(t.Context(), "file")
	fails(t, err, fs.ErrPermission, "permission denied")
	_, err = nobody.Exists(t.Context(), "closed/x")
	fails(t, err, fs.ErrPermission, "permission denied")
	fails(t, nobody.Write(t.Context(), "new", host.Content{}, host.WriteOptions{}), fs.ErrPermission, "permission denied")
	fails(t, nobody.Put(t.Context(), fstest.MapFS{"a/b": {}}, "a", "new", host.WriteOptions{}), fs.ErrPermission, "permission denied")
	must(t, nobody.Write(t.Context(), "open/new", host.Content{Data: []byte("his")}, host.WriteOptions{}))
	same(t, "owner", value(nobody.Stat(t.Context(), "open/new"))(t).Owner, "nobody")
	must(t, os.WriteFile(dir+"/open/mine", []byte("root's"), 0o644))
	err = nobody.Write(t.Context(), "open/mine", host.Content{Data: []byte("his")}, host.WriteOptions{})
	fails(t, err, nil, "ermitted")
	same(t, "content", onDisk(t, dir+"/open/mine"), "root's")
	same(t, "left", names(t, dir+"/open"), []string{"mine", "new"})
}

// filesInSandbox: what would be changed is compared, and nothing is changed on
// either side.
func filesInSandbox(t *testing.T, h host.Host) {
	dir := inFolder(t, map[string]string{"conf": "one\ntwo\nthree\n", "binary": binary, "same": "same", "tree/a": "a\n", "tree/same": "s"})
	must(t, os.Chmod(dir+"/conf", 0o644))
	before := files(t, dir)
	told := &noteHooks{}
	f := groupOf(h, host.Context{}.Cd(dir, false).Sandbox(), told).Files(host.FileOptions{})
	write := func(name, content string, o host.WriteOptions) {
		must(t, f.Write(t.Context(), name, host.Content{Data: []byte(content)}, o))
	}
	write("conf", "one\n2\nthree\n", host.WriteOptions{Mode: 0o600})
	told.saw(t, "would change conf (12 bytes, was 14 bytes), mode 0644 → 0600", "-two\n+2\n")
	write("new", "text\n", host.WriteOptions{Mode: 0o600})
	told.saw(t, "would create new (5 bytes), mode 0600", "+text")
	write("binary", binary[1:], host.WriteOptions{})
	told.saw(t, "would change binary (2999 bytes, was 3000 bytes)")
	write("same", "same", host.WriteOptions{})
	told.saw(t, "unchanged: same")
	must(t, f.Write(t.Context(), "conf", host.Content{Data: []byte("my secret"), Secret: true}, host.WriteOptions{}))
	told.saw(t, "would change conf (secret)")
	if strings.Contains(strings.Join(told.all, ""), "my secret") {
		t.Error("the secret is shown")
	}
	from := fstest.MapFS{"t/a": {Data: []byte("A\n")}, "t/b": {Data: []byte("b\n")}, "t/same": {Data: []byte("s")}}
	must(t, f.Put(t.Context(), from, "t", "tree", host.WriteOptions{}))
	told.saw(t, "would change tree/a", "-a\n+A\n", "would create tree/b", "+b", "unchanged: 1 file")
	must(t, f.Put(t.Context(), from, "t/a", "tree", host.WriteOptions{}))
	told.saw(t, "-a\n+A")
	fails(t, f.Write(t.Context(), "tree", host.Content{}, host.WriteOptions{}), nil, "is a folder")
	same(t, "read", string(value(f.Read(t.Context(), "same"))(t)), "same")
	local := t.TempDir()
	root, err := os.OpenRoot(local)
	must(t, err)
	defer func() { must(t, root.Close()) }()
	must(t, f.Get(t.Context(), "conf", root, func(string) string { return "x/conf" }, host.GetOptions{}))
	told.saw(t, "would get conf (14 bytes) into x/conf, which is new")
	same(t, "this side", len(names(t, local)), 0)
	away := groupOf(h, host.Context{}.Cd(dir+"/not-yet", false).Sandbox(), told).Files(host.FileOptions{})
	must(t, away.Write(t.Context(), "new", host.Content{Data: []byte("x")}, host.WriteOptions{}))
	told.saw(t, "would create new")
	same(t, "that side", files(t, dir), before)
}
