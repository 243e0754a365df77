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
	"path"
	"strconv"
	"strings"
)

// GetLimit is how many bytes a Get takes from a host without a limit of its
// own.
const GetLimit = 100 << 20

// GetOptions are those of Get.
type GetOptions struct {
	// Limit bounds the bytes from one host; 0: GetLimit.
	Limit int64
	// Progress, when not nil, is told how many bytes came from a host, of how
	// many; 0: that is not known. It is called from several goroutines at once.
	Progress func(host string, got, total int64)
}

// getScript gives a file, or a folder as tar.
const getScript = `[ -e "$p" ] || missing
if [ -d "$p" ]
then
	[ -r "$p" ] && [ -x "$p" ] || no denied
	command -v tar >/dev/null 2>&1 || no tar
	cd "$p" || exit
	say 'ok folder'
	exec tar -c -f - .
fi
[ -f "$p" ] || no special
[ -r "$p" ] || no denied
set -- $(wc -c <"$p")
exec 3<"$p" || exit
say "ok file $1"
exec cat <&3
`

// Get copies the file or the folder name of each host into a folder of this
// machine: to local(host), which is a name in that folder. All of it comes
// first, beside its place, and is then renamed: whatever fails, what was there
// is as it was. Files are readable and writable for their owner alone. Of a
// folder, what is already there and not in it stays; links that lead out of it
// are left out, and told in Result.Note, as are devices and the like.
func (f *Files) Get(ctx context.Context, name string, into *os.Root, local func(host string) string, o GetOptions) error {
	_, err := perHost(ctx, f, operation{op: "get", path: name}, func(t *talk) (struct{}, error) {
		clean, err := LocalPath(local(t.host().Name()))
		if err != nil {
			return struct{}{}, err
		}
		g := &getting{talk: t, into: into, local: clean, o: o, limit: o.Limit, links: map[string]bool{}}
		if g.limit <= 0 {
			g.limit = GetLimit
		}
		if t.sandbox {
			return struct{}{}, g.compare()
		}
		return struct{}{}, g.get()
	})
	return err
}

// getting is a Get from one host.
type getting struct {
	talk  *talk
	into  *os.Root
	local string
	o     GetOptions
	limit int64

	staging string // beside local
	got     int64
	total   int64
	file    *os.File        // that is being written
	pipe    *io.PipeWriter  // to the goroutine that unpacks
	done    chan error      // what became of that
	links   map[string]bool // that were made, by their names in the archive
	out     int             // what was left out
	named   []string        // and some of it
}

func (g *getting) get() (err error) {
	p, err := remotePath(g.talk.path)
	if err != nil {
		return err
	}
	dir := path.Dir(g.local)
	if err := g.into.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	g.staging = path.Join(dir, ".deployerd-"+strings.TrimPrefix(newToken(), "deployerd="))
	defer func() { err = errors.Join(err, g.into.RemoveAll(g.staging)) }()
	_, err = g.talk.ask(question{script: fileScript{path: p, text: getScript, answers: answersFile}, body: g.begin})
	err = g.finish(err)
	if err != nil {
		return err
	}
	g.tellLeftOut()
	return g.place(g.staging, g.local)
}

// begin is told what comes.
func (g *getting) begin(words []string) (io.Writer, error) {
	switch {
	case len(words) == 2 && words[0] == "file":
		total, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || total < 0 {
			return nil, errAnswers
		}
		g.total = total
		g.file, err = g.into.OpenFile(g.staging, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return g, err
	case len(words) == 1 && words[0] == "folder":
		r, w := io.Pipe()
		g.pipe, g.done = w, make(chan error, 1)
		go func() {
			err := g.unpack(r)
			_ = r.CloseWithError(err) // never fails
			g.done <- err
		}()
		return g, nil
	}
	return nil, errAnswers
}

// Write takes what comes, up to the limit.
func (g *getting) Write(p []byte) (int, error) {
	room := g.limit
	if g.pipe != nil {
		room += g.limit/8 + 1<<20 // headers and padding
	}
	if g.got += int64(len(p)); g.got > room {
		return 0, &sizeError{Limit: g.limit}
	}
	if g.o.Progress != nil {
		g.o.Progress(g.talk.host().Name(), g.got, g.total)
	}
	if g.pipe != nil {
		return g.pipe.Write(p)
	}
	return g.file.Write(p)
}

// finish ends the writing. err is what became of the script.
func (g *getting) finish(err error) error {
	if g.file != nil {
		return errors.Join(err, g.file.Close())
	}
	if g.pipe == nil {
		if err == nil {
			err = errAnswers
		}
		return err
	}
	_ = g.pipe.CloseWithError(err) // never fails; nil is the end of the archive
	if unpacked := <-g.done; err == nil {
		err = unpacked
	}
	return err
}

// unpack reads an archive into the staging folder. What a target names cannot
// lead out of it.
func (g *getting) unpack(r io.Reader) error {
	if err := g.into.Mkdir(g.staging, 0o700); err != nil {
		return err
	}
	in := tar.NewReader(r)
	left := g.limit
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // padding, as far as the limit allows
			return err
		}
		if err != nil {
			return fmt.Errorf("its archive: %w", err)
		}
		if n >= PutLimit {
			return refusals["many"]
		}
		if left -= h.Size; left < 0 {
			return &sizeError{Limit: g.limit}
		}
		if err := g.entry(in, h); err != nil {
			return err
		}
	}
}

func (g *getting) entry(in io.Reader, h *tar.Header) error {
	name := path.Clean(h.Name)
	if !fs.ValidPath(name) || len(name) > 4096 || g.throughLink(name) {
		return fmt.Errorf("its archive names %q", h.Name)
	}
	local := path.Join(g.staging, name)
	if name != "." {
		if err := g.into.MkdirAll(path.Dir(local), 0o700); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return g.into.MkdirAll(local, 0o700)
	case tar.TypeReg, tar.TypeGNUSparse:
		return g.write(local, in, h)
	case tar.TypeSymlink:
		if inside(name, h.Linkname) {
			g.links[name] = true
			return g.into.Symlink(h.Linkname, local)
		}
	case tar.TypeLink:
		if from := path.Clean(h.Linkname); fs.ValidPath(from) {
			return g.into.Link(path.Join(g.staging, from), local)
		}
	case tar.TypeXGlobalHeader:
		return nil
	}
	if g.out++; len(g.named) < 10 {
		g.named = append(g.named, name)
	}
	return nil
}

// throughLink says whether a name leads through a link of the same archive,
// which no honest one does.
func (g *getting) throughLink(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if g.links[dir] {
			return true
		}
	}
	return false
}

// inside says whether a link stays below the top of what it is in. Its .. must
// come first: behind the name of another link they lead anywhere.
func inside(name, target string) bool {
	down := target
	for down == ".." || strings.HasPrefix(down, "../") {
		down = strings.TrimPrefix(strings.TrimPrefix(down, ".."), "/")
	}
	if target == "" || path.IsAbs(target) || strings.Contains("/"+down+"/", "/../") {
		return false
	}
	return fs.ValidPath(path.Join(path.Dir(name), target))
}

func (g *getting) write(local string, in io.Reader, h *tar.Header) error {
	mode := fs.FileMode(0o600) | fs.FileMode(h.Mode)&0o100
	f, err := g.into.OpenFile(local, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}

func (g *getting) tellLeftOut() {
	if g.out > 0 {
		g.talk.note("left out, for it is no file or a link that leads out: %s (%d in all)", strings.Join(g.named, ", "), g.out)
	}
}

// place moves what has come to where it belongs, file by file where there is a
// folder already.
func (g *getting) place(from, to string) error {
	staged, err := g.into.Lstat(from)
	if err != nil {
		return err
	}
	there, err := g.into.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return g.into.Rename(from, to)
	case err != nil:
		return err
	case staged.IsDir() != there.IsDir():
		return fmt.Errorf("%s: a file and a folder cannot take each other's place", to)
	case !staged.IsDir():
		return g.into.Rename(from, to)
	}
	list, err := fs.ReadDir(g.into.FS(), from)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := g.place(path.Join(from, e.Name()), path.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// compare is Get in a sandbox: it reads, and writes nowhere.
func (g *getting) compare() error {
	t := g.talk
	p, err := remotePath(t.path)
	if err != nil {
		return err
	}
	words, body, err := t.askText(fileScript{path: p, text: statScript, answers: answersStat}, factLimit)
	if err != nil {
		return err
	}
	st, err := parseStat(words, string(body))
	switch {
	case err != nil:
		return err
	case st.IsDir:
		t.note("would get the folder %s into %s", t.path, g.local)
		return nil
	case !st.IsFile:
		return refusals["special"]
	case st.Size > g.limit:
		return &sizeError{Limit: g.limit}
	}
	if there, err := g.into.Stat(g.local); st.Size > diffLimit || err == nil && there.Size() > diffLimit {
		t.note("would get %s (%s) into %s", t.path, plural(st.Size, "byte"), g.local)
		return nil
	}
	old, err := g.into.ReadFile(g.local)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	missing := err != nil
	data, err := t.read(diffLimit)
	switch {
	case err != nil:
		return err
	case missing:
		t.note("would get %s (%s) into %s, which is new", t.path, plural(int64(len(data)), "byte"), g.local)
	case bytes.Equal(old, data):
		t.note("unchanged: %s", g.local)
	default:
		t.note("would get %s (%s) into %s%s", t.path, plural(int64(len(data)), "byte"), g.local, differences(g.local, g.local, old, data))
	}
	return nil
}
