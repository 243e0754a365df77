package host

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// PutLimit bounds the files, folders and links of one Put.
const PutLimit = 100_000

// Put copies the file or the folder local of from to the hosts, as Write does.
//
// A file goes to name, or into the folder name if that is one. A folder becomes
// the folder name: what is in it is put there file by file, and what else is
// there stays. The folders get the right of their owner to change them. Links
// inside of it are made as they are, and not followed; devices and the like are
// an error, before anything is sent. Targets need tar for a folder, and room
// for it twice.
//
// The error is that of reading, or as with the other operations.
func (f *Files) Put(ctx context.Context, from fs.FS, local, name string, o WriteOptions) error {
	op := operation{op: "put", path: name, changes: true}
	what, err := localTree(from, local, o)
	if err == nil {
		err = o.Validate()
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", local, plainly(err, local))
	}
	op.text = fmt.Sprintf("put %s %s (%s)", local, f.group.context.full(name), what)
	s, err := what.source()
	if err != nil {
		return fmt.Errorf("put %s: %w", local, err)
	}
	_, err = perHost(ctx, f, op, func(t *talk) (struct{}, error) {
		switch {
		case t.sandbox:
			return struct{}{}, t.compareAll(what, s, o)
		case !what.folder:
			return struct{}{}, t.upload(s, o, what.base())
		}
		return struct{}{}, t.send(s, o, o.settings("''", 0)+following+dressing+summing+treeScript)
	})
	return err
}

// plainly is an error without the system call that it comes from.
func plainly(err error, name string) error {
	p, ok := errors.AsType[*fs.PathError](err)
	switch {
	case !ok:
		return err
	case p.Path == name:
		return p.Err
	}
	return fmt.Errorf("%s: %w", p.Path, p.Err)
}

// LocalPath makes what a person writes a name in a folder that it cannot leave.
func LocalPath(name string) (string, error) {
	clean := path.Clean(name)
	if name == "" || strings.HasPrefix(name, "/") || clean == ".." || strings.HasPrefix(clean, "../") || !fs.ValidPath(clean) {
		return "", fmt.Errorf("%q is no name in the folder: it is relative, and cannot leave it", name)
	}
	return clean, nil
}

// tree is what is copied: a file, or a folder with all that is in it.
type tree struct {
	from    fs.FS
	name    string // in from
	folder  bool
	mode    uint32 // that was asked for; 0: none
	made    time.Time
	entries []treeEntry // folders before what is in them
	files   int64
	bytes   int64
}

type treeEntry struct {
	name string // in the tree; "." is its top
	mode fs.FileMode
	size int64
	link string
}

// String is its size as a person reads it.
func (t *tree) String() string {
	if !t.folder {
		return plural(t.bytes, "byte")
	}
	return plural(t.files, "file") + ", " + plural(t.bytes, "byte")
}

// base is the name of a file, quoted; what is not quotable has no name.
func (t *tree) base() string {
	quoted, err := Quote(path.Base(t.name))
	if err != nil {
		return "''" // fs.FS knows no such file
	}
	return quoted
}

func localTree(from fs.FS, local string, o WriteOptions) (*tree, error) {
	name, err := LocalPath(local)
	if err != nil {
		return nil, err
	}
	top, err := fs.Stat(from, name) // of a link, what it leads to
	if err != nil {
		return nil, err
	}
	t := &tree{from: from, name: name, folder: top.IsDir(), mode: o.Mode, made: time.Now()}
	if !t.folder {
		return t, t.add(".", top)
	}
	return t, t.walk(top)
}

func (t *tree) walk(top fs.FileInfo) error {
	return fs.WalkDir(t.from, t.name, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == t.name {
			return t.add(".", top)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if t.name != "." {
			name = strings.TrimPrefix(name, t.name+"/")
		}
		return t.add(name, info)
	})
}

func (t *tree) add(name string, info fs.FileInfo) error {
	if len(t.entries) >= PutLimit {
		return fmt.Errorf("it has more than %d entries", PutLimit)
	}
	e := treeEntry{name: name, mode: info.Mode(), size: info.Size()}
	switch {
	case info.Mode().IsRegular():
		t.files, t.bytes = t.files+1, t.bytes+e.size
	case info.IsDir():
		e.size = 0
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(t.from, path.Join(t.name, name))
		if err != nil {
			return err
		}
		e.size, e.link = 0, target
	default:
		return fmt.Errorf("%s is neither a file, a folder nor a link", path.Join(t.name, name))
	}
	t.entries = append(t.entries, e)
	return nil
}

// source is the file itself, or an archive of the folder.
func (t *tree) source() (source, error) {
	s := source{name: t.name, fresh: unixMode(t.entries[0].mode), open: t.open}
	r, err := t.open()
	if err != nil {
		return s, err
	}
	defer func() { _ = r.Close() }() // only read
	sum, err := sumAll(r)
	if err != nil {
		return s, err
	}
	s.size, s.sum = sum.size, sum.String()
	if !t.folder && s.size != t.bytes {
		return s, errChanged
	}
	return s, nil
}

func (t *tree) open() (io.ReadCloser, error) {
	if !t.folder {
		return t.from.Open(t.name)
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(t.archive(w)) }() // ends with r, and never fails
	return r, nil
}

// archive writes the folder as tar.
func (t *tree) archive(w io.Writer) error {
	out := tar.NewWriter(w)
	for _, e := range t.entries {
		if err := out.WriteHeader(t.header(e)); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		if !e.mode.IsRegular() {
			continue
		}
		if err := t.copy(out, e); err != nil {
			return err
		}
	}
	return out.Close()
}

func (t *tree) header(e treeEntry) *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: "./" + e.name, Size: e.size, Mode: int64(unixMode(e.mode)),
		ModTime: t.made.Truncate(time.Second), Format: tar.FormatGNU, // busybox knows it too
	}
	if t.mode != 0 {
		h.Mode = int64(t.mode)
	}
	switch {
	case e.mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, "./"+strings.TrimPrefix(e.name+"/", "./")
		if t.mode != 0 {
			h.Mode |= (h.Mode & 0o444) >> 2 // who may read may enter
		}
		h.Mode |= 0o700
	case e.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, e.link, 0o777
	}
	return h
}

func (t *tree) copy(w io.Writer, e treeEntry) error {
	name := path.Join(t.name, e.name)
	r, err := t.from.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	n, err := io.Copy(w, io.LimitReader(r, e.size))
	if err != nil {
		return err
	}
	if more, err := r.Read(make([]byte, 1)); n != e.size || more > 0 || err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, errChanged)
	}
	return nil
}

// treeScript makes an archive on standard input, behind a line with its
// checksum, the folder p. All is unpacked beside the files before the first of
// them is replaced.
const treeScript = `if [ -e "$p" ] || [ -L "$p" ]
then
	[ -d "$p" ] || no file
	d=$p
else
	d=${p%/*}
	[ -n "$d" ] || d=/
	[ -d "$d" ] || missing nofolder
fi
[ -w "$d" ] && [ -x "$d" ] || no denied
command -v tar >/dev/null 2>&1 || no tar
d=$(cd "$d" && pwd && echo .) || exit
d=${d%.}
d=${d%?}
[ -d "$p" ] && p=$d || p=${d%/}/${p##*/}
t=${d%/}/$t
trap 'rm -rf "$t"' EXIT
trap 'exit 1' HUP INT TERM PIPE
IFS= read -r want
mkdir "$t" "$t/tree" || exit
cat >"$t/tar" || exit
sums "$t/tar"
[ "$sum" = "$want" ] || no cut
cd "$t/tree" || exit
tar -x -p -o -f ../tar || exit
rm -f ../tar
bits() {
	case $2 in
	1) b=x ;;
	2) b=w ;;
	3) b=wx ;;
	4) b=r ;;
	5) b=rx ;;
	6) b=rw ;;
	7) b=rwx ;;
	*) return ;;
	esac
	off=${off:+$off,}$1-$b
}
if [ -z "$mode" ]
then
	m=$(printf %03o "0$mask")
	off=
	m=${m#?}
	bits g "${m%?}"
	bits o "${m#?}"
	[ -z "$off" ] || find . ! -type l -exec chmod "$off" {} + || exit
fi
[ -z "$owner" ] || chown -h -R "$owner" . || exit
fail() {
	echo "$1" >&2
	exit 1
}
merge() {
	for f in * .[!.]* ..?*
	do
		if [ -L "$f" ]
		then
			[ ! -d "$1/$f" ] || [ -L "$1/$f" ] || fail "$1/$f is a folder"
			rm -f "$1/$f" || exit
			mv "./$f" "$1/$f" || exit
		elif [ -d "$f" ]
		then
			if [ -d "$1/$f" ]
			then
				(cd "./$f" && merge "$1/$f") || exit
			else
				[ ! -e "$1/$f" ] && [ ! -L "$1/$f" ] || fail "$1/$f is no folder"
				mv "./$f" "$1/$f" || exit
			fi
		elif [ -e "$f" ]
		then
			q=$1/$f
			follow
			[ ! -d "$q" ] || fail "$q is a folder"
			[ ! -e "$q" ] || [ -f "$q" ] || fail "$q is neither a file nor a folder"
			[ ! -e "$q" ] || dress "$q" "./$f"
			mv -f "./$f" "$q" || exit
		fi
	done
}
if [ -d "$p" ]
then
	merge "${p%/}"
else
	cd .. && mv tree "$p" || exit
fi
cd / && rm -rf "$t"
say ok
`
