package host

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

const (
	// diffLimit bounds the files that a sandbox shows the differences of, and
	// diffTotal those of one copy together, in bytes of the target.
	diffLimit = 128 << 10
	diffTotal = 1 << 20
	// compareScriptSize bounds the names in one script.
	compareScriptSize = 48 << 10
)

// compared is what a target has in the place of a file that would be written.
type compared struct {
	state     string // new, same, differs
	sum       string
	mode      uint32
	owner     string
	data      []byte
	truncated bool // data is not all of it
}

// wanted is a file that would be written.
type wanted struct {
	path string
	s    source
}

// compareScript is what looks at each file. left is how many bytes of them it
// may still give.
const compareScript = `look() {
	q=$2
	[ -z "$base" ] || [ ! -d "$q" ] || q=${q%/}/$base
	if [ -d "$q" ]
	then echo "$1 folder"
	elif [ ! -e "$q" ]
	then echo "$1 new"
	elif [ ! -f "$q" ]
	then echo "$1 special"
	elif [ ! -r "$q" ]
	then echo "$1 denied"
	else
		sums "$q"
		s=$(stat -L -c '%a %U:%G' "$q" 2>/dev/null) || s=$(stat -L -f '%Mp%Lp %Su:%Sg' "$q" 2>/dev/null) || s='0 ?'
		n=${sum%% *}
		if [ "$sum" = "$3" ]
		then echo "$1 same $sum 0 $s"
		elif [ "$n" -le "$most" ] && [ "$n" -le "$left" ]
		then
			left=$((left - n))
			echo "$1 differs $sum $n $s"
			head -c "$n" <"$q"
		else echo "$1 differs $sum 0 $s"
		fi
	fi
}
say ok
`

// compare looks at files in place of writing them. The answer has as many, in
// order. Where the context's folder is not there, all are new.
func (t *talk) compare(files []wanted, base string, left int) ([]compared, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "base=%s\nmost=%d\nleft=%d\n%s%s", base, diffLimit, left, summing, compareScript)
	for i, f := range files {
		p, err := remotePath(f.path)
		if err != nil {
			return nil, err
		}
		sum := f.s.sum
		if f.s.secret {
			sum = "" // stands on no command line
		}
		fmt.Fprintf(&b, "look %d %s '%s'\n", i, p, sum)
	}
	b.WriteString("exit 0\n")
	words, body, err := t.askText(fileScript{text: b.String(), away: true}, left+len(files)*1024)
	if err != nil {
		return nil, err
	}
	if len(words) > 0 && words[0] == "away" {
		all := make([]compared, len(files))
		for i := range all {
			all[i].state = "new"
		}
		return all, nil
	}
	return parseCompared(body, len(files))
}

func parseCompared(body []byte, n int) ([]compared, error) {
	all := make([]compared, n)
	for i := range all {
		line, rest, ok := bytes.Cut(body, []byte{'\n'})
		words := strings.SplitN(string(line), " ", 7)
		if !ok || len(words) < 2 || words[0] != strconv.Itoa(i) {
			return nil, errAnswers
		}
		body = rest
		all[i].state = words[1]
		switch words[1] {
		case "new":
			continue
		case "folder", "special", "denied":
			return nil, refusals[words[1]]
		}
		if len(words) != 7 || words[1] != "same" && words[1] != "differs" {
			return nil, errAnswers
		}
		size, err := strconv.Atoi(words[4])
		mode, err2 := strconv.ParseUint(words[5], 8, 12)
		if err != nil || err2 != nil || size < 0 || size > len(body) {
			return nil, errAnswers
		}
		all[i].sum, all[i].mode, all[i].owner = words[2]+" "+words[3], uint32(mode), words[6]
		all[i].data, body = body[:size], body[size:]
		all[i].truncated = size == 0 && words[2] != "0"
	}
	if len(body) > 0 {
		return nil, errAnswers
	}
	return all, nil
}

// compareOne is Write in a sandbox.
func (t *talk) compareOne(s source, o WriteOptions) error {
	return t.compareFile(s, o, "''")
}

func (t *talk) compareFile(s source, o WriteOptions, base string) error {
	found, err := t.compare([]wanted{{t.path, s}}, base, diffLimit)
	if err != nil {
		return err
	}
	return t.tell(t.path, s, o, found[0])
}

// compareAll is Put in a sandbox.
func (t *talk) compareAll(what *tree, s source, o WriteOptions) error {
	if !what.folder {
		return t.compareFile(s, o, what.base())
	}
	files, err := what.wanted(t.path)
	if err != nil {
		return err
	}
	left, same := diffTotal, 0
	for len(files) > 0 {
		n := part(files)
		found, err := t.compare(files[:n], "''", left)
		if err != nil {
			return err
		}
		for i, c := range found {
			if left -= len(c.data); c.state == "same" {
				same++
				continue
			}
			if err := t.tell(files[i].path, files[i].s, o, c); err != nil {
				return err
			}
		}
		files = files[n:]
	}
	if same > 0 {
		t.note("unchanged: %s", plural(int64(same), "file"))
	}
	return nil
}

// part is how many files fit into one script.
func part(files []wanted) int {
	size := 0
	for i, f := range files {
		if size += 2*len(f.path) + 64; size > compareScriptSize && i > 0 {
			return i
		}
	}
	return len(files)
}

// wanted are the files of a tree with their checksums, as in the folder at.
func (t *tree) wanted(at string) ([]wanted, error) {
	var files []wanted
	for _, e := range t.entries {
		if !e.mode.IsRegular() {
			continue
		}
		one := &tree{from: t.from, name: path.Join(t.name, e.name), entries: []treeEntry{e}, bytes: e.size}
		s, err := one.source()
		if err != nil {
			return nil, err
		}
		files = append(files, wanted{path.Join(at, e.name), s})
	}
	return files, nil
}

// tell notes what writing s would change.
func (t *talk) tell(name string, s source, o WriteOptions, c compared) error {
	if c.state == "same" || s.secret && c.sum == s.sum {
		t.note("unchanged: %s%s", name, changes(o, c))
		return nil
	}
	switch {
	case s.secret && c.state == "new":
		t.note("would create %s (secret)%s", name, asked(o))
		return nil
	case s.secret:
		t.note("would change %s (secret)%s", name, changes(o, c))
		return nil
	}
	text, err := s.text()
	if err != nil {
		return err
	}
	if c.state == "new" {
		t.note("would create %s (%s)%s%s", name, plural(s.size, "byte"), asked(o), differences("/dev/null", name, nil, text))
		return nil
	}
	if c.truncated {
		text = nil
	}
	t.note("would change %s (%s, was %s)%s%s", name, plural(s.size, "byte"), was(c), changes(o, c), differences(name, name, c.data, text))
	return nil
}

func was(c compared) string {
	size, _, _ := strings.Cut(c.sum, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return "unknown"
	}
	return plural(n, "byte")
}

// asked is what a new file gets.
func asked(o WriteOptions) string {
	text := ""
	if o.Mode != 0 {
		text += fmt.Sprintf(", mode %04o", o.Mode)
	}
	if o.Owner != "" {
		text += ", owner " + o.Owner
	}
	return text
}

// changes is what a file gets that it has not.
func changes(o WriteOptions, c compared) string {
	text := ""
	if o.Mode != 0 && o.Mode != c.mode {
		text += fmt.Sprintf(", mode %04o → %04o", c.mode, o.Mode)
	}
	if o.Owner != "" && o.Owner != c.owner && !strings.HasPrefix(c.owner, o.Owner+":") && !strings.HasSuffix(c.owner, o.Owner) {
		text += fmt.Sprintf(", owner %s → %s", c.owner, o.Owner)
	}
	return text
}

// text is a source's content when it is short and a text, else nil.
func (s source) text() ([]byte, error) {
	if s.size > diffLimit {
		return nil, nil
	}
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	return io.ReadAll(io.LimitReader(r, diffLimit))
}

// differences is a unified diff behind a newline; of what is no text, or too
// long (nil), nothing.
func differences(before, after string, a, b []byte) string {
	if b == nil || !isText(a) || !isText(b) {
		return ""
	}
	text := string(diff.Diff(before, a, after, b))
	_, text, _ = strings.Cut(text, "\n") // diff a b
	if text == "" {
		return ""
	}
	return "\n" + strings.TrimRight(text, "\n")
}

func isText(data []byte) bool {
	return utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
}
