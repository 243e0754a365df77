package host

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var sentToken = regexp.MustCompile(`deployerd=[0-9a-f]{32}`)

// answers is a host that answers each script with text, in which TOKEN stands
// for what the script's answer begins with.
func answers(text string, d done) Host {
	return &fakeHost{name: "liar", do: func(_ context.Context, line Line, streams IO) (Process, error) {
		token := sentToken.FindString(line.String())
		if streams.Stdin != nil {
			if _, err := io.Copy(io.Discard, streams.Stdin); err != nil {
				return nil, err
			}
		}
		_, _ = io.WriteString(streams.Stdout, strings.ReplaceAll(text, "TOKEN", token))
		_, _ = io.WriteString(streams.Stderr, "what it says\n")
		return d, nil
	}}
}

func filesOn(h Host) *Files { return group(GroupOptions{}, h).Files(FileOptions{}) }

func TestAnswersThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
		exit       done
	}{
		"nothing":            {"", "what it says", done{}},
		"another token":      {"deployerd=00 ok\n", "what it says", done{}},
		"no line":            {"TOKEN " + strings.Repeat("x", 2*answerHead), "what was not asked", done{}},
		"another word":       {"TOKEN fine\n", "what was not asked", done{}},
		"no word":            {"TOKEN \n", "what was not asked", done{}},
		"another reason":     {"TOKEN no way\n", "what was not asked", done{}},
		"an error after all": {"TOKEN ok\npart", "what it says", done{exit: Exit{Code: 1}}},
		"noise":              {strings.Repeat("noise", answerNoise) + "TOKEN ok\n", "before the answer", done{}},
		"too much":           {"TOKEN ok\n" + strings.Repeat("x", 70_000), "larger than 64 KiB", done{}},
		"no end":             {"TOKEN ok\n/x", "lost", done{err: &LostError{Host: "liar", Err: io.ErrUnexpectedEOF}}},
		"no path":            {"TOKEN ok\nx", "what was not asked", done{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := One(filesOn(answers(c.text, c.exit)).Cwd(t.Context()))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	got, err := One(filesOn(answers("motd\nTOKENTOKEN ok\n/x", done{})).Cwd(t.Context()))
	if err != nil || got != "/x" {
		t.Errorf("behind noise: %q, %v", got, err)
	}
}

func TestFactsThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, list := range []string{"a", "a\x00b", "\x00", "a/b\x00", ".\x00", "..\x00"} {
		if got, err := One(filesOn(answers("TOKEN ok\n"+list, done{})).ListDir(ctx, "/")); err == nil {
			t.Errorf("%q was taken as %q", list, got)
		}
	}
	for _, s := range []string{"", "1\n2\n3\n", "x\n644\n1\n0\n0\nr\nr\n", "-1\n644\n1\n0\n0\nr\nr\n", "1\n99\n1\n0\n0\nr\nr\n", "1\n77777\n1\n0\n0\nr\nr\n"} {
		if got, err := One(filesOn(answers("TOKEN ok file\n"+s, done{})).Stat(ctx, "/")); err == nil {
			t.Errorf("%q was taken as %+v", s, got)
		}
	}
	if _, err := One(filesOn(answers("TOKEN ok maybe\n", done{})).Exists(ctx, "/")); err == nil {
		t.Error("maybe was taken")
	}
	many := strings.Repeat("a\x00", ListLimit+1)
	if _, err := One(filesOn(answers("TOKEN ok\n"+many, done{})).ListDir(ctx, "/")); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
}

// archive is a tar of headers with one byte each.
func archive(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 1
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			_, _ = w.Write([]byte{'x'})
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGetStaysInItsFolder: whatever a target calls its files.
func TestGetStaysInItsFolder(t *testing.T) {
	t.Parallel()
	link := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
	}
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o777} }
	for name, c := range map[string]struct {
		headers []tar.Header
		want    string // the error; "": what got is left
		left    []string
	}{
		"up":               {headers: []tar.Header{file("../mine")}, want: "its archive names"},
		"absolute":         {headers: []tar.Header{file("/etc/x")}, want: "its archive names"},
		"through a link":   {headers: []tar.Header{link("l", "."), file("l/x")}, want: "its archive names"},
		"link up":          {headers: []tar.Header{link("l", "../mine"), file("ok")}, left: []string{"ok"}},
		"link around":      {headers: []tar.Header{link("l", "a/../../mine"), file("ok")}, left: []string{"ok"}},
		"absolute link":    {headers: []tar.Header{link("l", "/etc"), file("ok")}, left: []string{"ok"}},
		"good link":        {headers: []tar.Header{link("d/l", "../ok"), file("ok")}, left: []string{"d", "ok"}},
		"the same twice":   {headers: []tar.Header{file("a"), file("a")}, want: "exist"},
		"in place of link": {headers: []tar.Header{link("a", "b"), file("a")}, want: "exist"},
		"device":           {headers: []tar.Header{{Typeflag: tar.TypeChar, Name: "null"}, file("ok")}, left: []string{"ok"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }()
			if err := root.WriteFile("mine", []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			f := filesOn(answers("TOKEN ok folder\n"+archive(t, c.headers...), done{}))
			err = f.Get(t.Context(), "/x", root, func(string) string { return "got" }, GetOptions{})
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.want == "" && err != nil {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if data, err := root.ReadFile("mine"); err != nil || string(data) != "mine" {
				t.Errorf("mine is %q, %v", data, err)
			}
			list, _ := filepath.Glob(dir + "/got/*")
			for i := range list {
				list[i] = filepath.Base(list[i])
			}
			if d := cmp.Diff(c.left, list); d != "" && (c.left != nil || list != nil) {
				t.Error(d)
			}
			all, _ := os.ReadDir(dir)
			for _, e := range all {
				if strings.HasPrefix(e.Name(), ".deployerd") {
					t.Errorf("%s is left", e.Name())
				}
			}
		})
	}
}

// cutting is a host on this machine whose connection ends after some bytes of
// input: what it got ends there, as when a cable is cut.
type cutting struct {
	Host
	after int64
}

func (c cutting) Start(ctx context.Context, line Line, streams IO) (Process, error) {
	streams.Stdin = io.LimitReader(streams.Stdin, c.after)
	return c.Host.Start(ctx, line, streams)
}

func TestWhatWasCutOffReplacesNothing(t *testing.T) {
	t.Parallel()
	local, err := NewLocal("localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := fstest.MapFS{"t/a": {Data: []byte("a")}, "t/b": {Data: []byte("b")}}
	for _, after := range []int64{0, 10, 70, 75, 80, 1000} {
		f := filesOn(cutting{local, after})
		err := f.Write(t.Context(), dir+"/file", Content{Data: make([]byte, 2000)}, WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), "not what was sent") {
			t.Errorf("after %d bytes: %v", after, err)
		}
		if err := f.Put(t.Context(), from, "t", dir+"/tree", WriteOptions{}); err == nil {
			t.Errorf("a tree after %d bytes was put", after)
		}
	}
	if data, err := os.ReadFile(dir + "/file"); err != nil || string(data) != "old" {
		t.Errorf("the file is %q, %v", data, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// stalling is a file that sends some and then waits for ctx.
type stalling struct {
	fs.File
	entered func()
	ctx     context.Context
	sent    int
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.sent < 100_000 {
		s.sent += len(p)
		return len(p), nil
	}
	s.entered()
	<-s.ctx.Done()
	return 0, context.Cause(s.ctx)
}

type stallingFS struct {
	fstest.MapFS
	opened  *int
	entered func()
	ctx     context.Context
}

func (s stallingFS) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	if *s.opened++; err != nil || *s.opened < 2 || name != "big" { // the first is for the checksum
		return f, err
	}
	return &stalling{File: f, entered: s.entered, ctx: s.ctx}, nil
}

func TestACancelledPutLeavesNothing(t *testing.T) {
	t.Parallel()
	local, err := NewLocal("localhost", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	opened := 0
	from := stallingFS{fstest.MapFS{"big": {Data: make([]byte, 1<<20)}}, &opened, func() { cancel(errors.New("enough")) }, ctx}
	err = filesOn(local).Put(ctx, from, "big", dir+"/file", WriteOptions{})
	if err == nil || opened < 2 {
		t.Fatalf("opened %d times: %v", opened, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"ip": {
			"1: lo    inet 127.0.0.1/8 scope host lo\\ x\n2: eth0    inet 10.0.3.11/24 brd 10.0.3.255 scope global eth0\n" +
				"2: eth0    inet6 2001:db8::1/64 scope global\n2: eth0    inet6 fe80::1/64 scope link\n3: x inet 10.0.3.11/32\n",
			[]string{"10.0.3.11", "2001:db8::1"},
		},
		"ifconfig": {
			"eth0: flags=4163\n        inet 10.0.3.11  netmask 255.255.255.0\n        inet6 fe80::1%eth0  prefixlen 64\n",
			[]string{"10.0.3.11"},
		},
		"busybox ifconfig": {
			"eth0  Link encap:Ethernet\n      inet addr:10.0.3.11  Bcast:10.0.3.255\n      inet6 addr: 2001:db8::2/64 Scope:Global\n",
			[]string{"10.0.3.11", "2001:db8::2"},
		},
		"kernel": {
			"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.3.11\n        /32 host LOCAL\n     |-- 10.0.3.255\n        /32 link BROADCAST\n" +
				"20010db8000000000000000000000003 02 40 00 80 eth0\nfe800000000000000000000000000001 02 40 20 80 eth0\n",
			[]string{"10.0.3.11", "2001:db8::3"},
		},
		"nonsense": {"inet\ninet addr:\ninet 1.2.3\n|-- \n/32 host LOCAL\n", []string{}},
	} {
		if d := cmp.Diff(c.want, parseAddresses(c.text)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// FuzzAnswer: whatever a target sends, in whatever pieces, is taken the same
// way and within bounds.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("noise T ok a b\nbody"), 3)
	f.Add([]byte("T no missing\n"), 1)
	f.Add([]byte("TTT ok\n\n\n"), 2)
	f.Add([]byte("T \n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		take := func(size int) string {
			kept := &bounded{limit: 100}
			a := &answer{token: []byte("T "), stop: func(error) {}, body: func([]string) (io.Writer, error) { return kept, nil }}
			for rest := data; len(rest) > 0; {
				n := min(max(size, 1), len(rest))
				if _, err := a.Write(rest[:n]); err != nil {
					break
				}
				rest = rest[n:]
			}
			words, err := a.close()
			if err != nil {
				return err.Error() // how much was kept then depends on the pieces
			}
			return fmt.Sprintf("%q %q", words, kept.data)
		}
		whole := take(len(data))
		if len(data) > answerHead {
			return // the bounds of noise and head are looked at by piece
		}
		if got := take(size); got != whole {
			t.Errorf("in pieces of %d: %s, whole: %s", size, got, whole)
		}
	})
}

// FuzzCompared: what a target says of its files.
func FuzzCompared(f *testing.F) {
	f.Add([]byte("0 new\n1 differs 3 abc 3 644 root:root\nxyz"))
	f.Add([]byte("0 same 3 abc 0 644 a b\n1 folder\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseCompared(body, 2)
		if err == nil && len(all) != 2 {
			t.Errorf("%d of 2", len(all))
		}
	})
}

// TestFilesOfAPlayedHost: a host that runs nothing can be told what its files
// are.
func TestFilesOfAPlayedHost(t *testing.T) {
	t.Parallel()
	played := map[string]string{
		"read /etc/motd": "hello", "exists /x": "yes", "has_command git": "no", "listdir /d": "b\x00a\x00", "cwd": "/home/me",
		"stat /x": "file\n5\n644\n0\n1\n1\nme\nus\n", "write /x (1 byte)": "", "get /etc/motd": "hello",
	}
	f := filesOn(&fakeHost{name: "played", do: func(_ context.Context, line Line, streams IO) (Process, error) {
		command, _ := line.Command()
		text, ok := played[command]
		if !ok {
			return done{exit: Exit{Code: 127}}, nil
		}
		_, _ = io.WriteString(streams.Stdout, line.Played(text))
		return done{}, nil
	}})
	ctx := t.Context()
	read, err1 := One(f.Read(ctx, "/etc/motd"))
	exists, err2 := One(f.Exists(ctx, "/x"))
	git, err3 := One(f.HasCommand(ctx, "git"))
	list, err4 := One(f.ListDir(ctx, "/d"))
	cwd, err5 := One(f.Cwd(ctx))
	stat, err6 := One(f.Stat(ctx, "/x"))
	err7 := f.Write(ctx, "/x", Content{Data: []byte("x")}, WriteOptions{})
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %t %t %v %s %d %s", read, exists, git, list, cwd, stat.Size, stat.Owner)
	if want := "hello true false [a b] /home/me 5 me"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := One(f.Read(ctx, "/none")); err == nil || err.Error() != "played: read /none: exit status 127, and it does not say why" {
		t.Error(err)
	}
}
