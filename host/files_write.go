package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Content is what is written into files. What it holds never reaches hooks,
// errors or a target's command line.
type Content struct {
	Data []byte // not to be changed until the operation has returned
	// Secret content is not even compared where a person sees it, and its size
	// is not told.
	Secret bool
}

// String is what may be shown of it.
func (c Content) String() string {
	if c.Secret {
		return "secret"
	}
	return plural(int64(len(c.Data)), "byte")
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// WriteOptions are those of Write and Put.
type WriteOptions struct {
	// Mode is what files get, as Unix has it, such as 0o640; 0: a file that is
	// there keeps its own, and a new one gets 0666 (Put: that of the local file)
	// without the bits of the umask. Folders get the right to enter besides.
	Mode uint32
	// Owner is USER, USER:GROUP or :GROUP; "": a file that is there keeps its
	// own, if need be as root only.
	Owner string
	// Progress, when not nil, is told how many bytes were sent to a host, of how
	// many. It is called from several goroutines at once.
	Progress func(host string, sent, total int64)
}

var ownerName = regexp.MustCompile(`^(?:[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?)?(?::[A-Za-z0-9_][A-Za-z0-9_.@\\-]*\$?)?$`)

// Validate finds what no target is to be given.
func (o WriteOptions) Validate() error {
	if o.Mode > 0o7777 {
		return fmt.Errorf("mode %#o is none: it is at most 07777", o.Mode)
	}
	if !ownerName.MatchString(o.Owner) || len(o.Owner) > 128 {
		return fmt.Errorf("%q is no owner: USER, USER:GROUP or :GROUP is wanted", o.Owner)
	}
	return nil
}

// settings are the options as a script's variables, with what a new file's mode
// is made of.
func (o WriteOptions) settings(base string, fresh uint32) string {
	mode := ""
	if o.Mode != 0 {
		mode = fmt.Sprintf("%04o", o.Mode)
	}
	return fmt.Sprintf("mode='%s'\nowner='%s'\nfresh='%o'\nbase=%s\n", mode, o.Owner, fresh, base)
}

// Write makes content the whole of files. It goes to a temporary file beside
// the target, whose length and checksum are compared, and which is then
// renamed: whatever fails, the old file is as it was and no temporary one is
// left, unless the target itself dies. A link is followed, and stays. Other
// names of the old file (hard links) keep the old content; extended attributes
// are not kept. What is neither a file nor missing is not written to, and the
// folder must be there.
func (f *Files) Write(ctx context.Context, name string, content Content, o WriteOptions) error {
	if err := o.Validate(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	op := operation{op: "write", path: name, changes: true}
	op.text = fmt.Sprintf("write %s (%s)", f.group.context.full(name), content)
	sum := sumOf(content.Data).String()
	_, err := perHost(ctx, f, op, func(t *talk) (struct{}, error) {
		if strings.HasSuffix(name, "/") {
			return struct{}{}, errSlash
		}
		s := source{
			name: name, size: int64(len(content.Data)), sum: sum, secret: content.Secret, fresh: 0o666,
			open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Data)), nil },
		}
		if t.sandbox {
			return struct{}{}, t.compareOne(s, o)
		}
		return struct{}{}, t.upload(s, o, "''")
	})
	return err
}

// source is one stream that is sent to a target, the same each time that it is
// opened.
type source struct {
	name   string
	size   int64
	sum    string // as checksum.String has it
	secret bool
	fresh  uint32 // what a new file's mode is made of
	open   func() (io.ReadCloser, error)
}

// upload writes a source to the file at t.path. In a folder base (quoted), if
// that is not empty, is the file's name.
func (t *talk) upload(s source, o WriteOptions, base string) error {
	return t.send(s, o, o.settings(base, s.fresh)+following+dressing+summing+uploadScript)
}

// send gives a script a source: first its checksum as a line, so that neither
// the length nor the checksum stands on a command line, then all of it.
func (t *talk) send(s source, o WriteOptions, text string) error {
	p, err := remotePath(t.path)
	if err != nil {
		return err
	}
	content, err := s.open()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // only read
	in := io.MultiReader(strings.NewReader(s.sum+"\n"), &sending{r: content, s: s, o: o, host: t.host().Name()})
	_, err = t.ask(question{script: fileScript{path: p, text: "t=" + newTemporary() + "\n" + text}, input: in})
	return err
}

// newTemporary is the name of a temporary file or folder, quoted.
func newTemporary() string {
	return quote(".deployerd-" + strings.TrimPrefix(newToken(), "deployerd="))
}

var errChanged = errors.New("it changes while it is read")

// sending reads exactly as much as was announced, and tells of it.
type sending struct {
	r    io.Reader
	s    source
	o    WriteOptions
	host string
	sent int64
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sent += int64(n)
	if s.sent > s.s.size || errors.Is(err, io.EOF) && s.sent < s.s.size {
		return 0, fmt.Errorf("%s: %w", s.s.name, errChanged)
	}
	if s.o.Progress != nil && n > 0 {
		s.o.Progress(s.host, s.sent, s.s.size)
	}
	return n, err
}

// following is the function that makes q what it leads to.
const following = `follow() {
	n=0
	while [ -L "$q" ]
	do
		n=$((n + 1))
		[ "$n" -le 40 ] || no loop
		l=$(readlink "$q" && echo .) || exit
		l=${l%.}
		l=${l%?}
		case $l in
		/*) q=$l ;;
		*) q=${q%/*}/$l ;;
		esac
	done
}
`

// dressing is the function that gives the file $2 the owner and mode that it
// has in place of $1.
const dressing = `mask=$(umask)
umask 077
dress() {
	m=$mode
	o=$owner
	if [ -e "$1" ]
	then
		s=$(stat -c '%a %u:%g' "$1" 2>/dev/null) || s=$(stat -f '%Mp%Lp %u:%g' "$1" 2>/dev/null) || no stat
		m=${mode:-${s%% *}}
		s=${s#* }
		case $owner in
		'') o=$s ;;
		*:*) ;;
		*) o=$owner:${s#*:} ;;
		esac
	elif [ -z "$mode" ] && [ "$fresh" != 0 ]
	then
		m=$(printf %o "$((0$fresh & ~0$mask))")
	fi
	[ -z "$o" ] || chown "$o" "$2" || exit
	[ -z "$m" ] || chmod "$m" "$2" || exit
}
`

// uploadScript writes standard input to p: a line with the checksum, and the
// content.
const uploadScript = `q=$p
[ -z "$base" ] || [ ! -d "$q" ] || q=${q%/}/$base
follow
[ -d "$q" ] && no folder
[ ! -e "$q" ] || [ -f "$q" ] || no special
d=${q%/*}
[ -n "$d" ] || d=/
p=$q
[ -d "$d" ] || missing nofolder
[ -w "$d" ] && [ -x "$d" ] || no denied
t=${d%/}/$t
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM PIPE
IFS= read -r want
(set -C; : >"$t") || exit
cat >"$t" || exit
sums "$t"
[ "$sum" = "$want" ] || no cut
dress "$q" "$t"
sync "$t" 2>/dev/null
mv -f "$t" "$q" || exit
say ok
`
