package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// ReadLimit bounds a file that Read gives back, in bytes.
	ReadLimit = 64 << 20
	// ListLimit bounds the entries of a folder, and listBytes their names.
	ListLimit = 100_000
	listBytes = 16 << 20
	// factLimit bounds what a fact takes: a path, an answer of stat.
	factLimit = 64 << 10
	// addressLimit bounds what a tool says of a host's network.
	addressLimit = 1 << 20
)

// Stat is what a target says of a file, links followed.
type Stat struct {
	Size         int64
	Mode         fs.FileMode // permissions with setuid, setgid and sticky as in Go; no type
	Octal        uint32      // the same as Unix has it, such as 0o4755
	Owner, Group string      // by name, else the number in digits
	Modified     time.Time   // to the second
	IsDir        bool
	IsFile       bool // a regular one
}

// Read gives back whole files, of at most ReadLimit bytes each. What is no
// regular file is not read.
func (f *Files) Read(ctx context.Context, name string) ([][]byte, error) {
	return perHost(ctx, f, operation{op: "read", path: name}, func(t *talk) ([]byte, error) {
		return t.read(ReadLimit)
	})
}

func (t *talk) read(limit int) ([]byte, error) {
	p, err := remotePath(t.path)
	if err != nil {
		return nil, err
	}
	text := readable + "exec 3<\"$p\" || exit\nsay ok\nexec head -c " + strconv.Itoa(limit+1) + " <&3\n"
	_, data, err := t.askText(fileScript{path: p, text: text}, limit)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Exists tells whether there is a file, a folder or anything else. A link
// counts as what it leads to. Where the login may not look, the error says so.
func (f *Files) Exists(ctx context.Context, name string) ([]bool, error) {
	return perHost(ctx, f, operation{op: "exists", path: name}, func(t *talk) (bool, error) {
		p, err := remotePath(t.path)
		if err != nil {
			return false, err
		}
		return t.yes(fileScript{path: p, text: existsScript})
	})
}

// yes is a script that answers yes or no.
func (t *talk) yes(s fileScript) (bool, error) {
	s.answers = answersWord
	words, err := t.ask(question{script: s})
	switch {
	case err != nil:
		return false, err
	case slices.Equal(words, []string{"yes"}):
		return true, nil
	case slices.Equal(words, []string{"no"}):
		return false, nil
	}
	return false, errAnswers
}

// Stat says what files are, links followed.
func (f *Files) Stat(ctx context.Context, name string) ([]Stat, error) {
	return perHost(ctx, f, operation{op: "stat", path: name}, func(t *talk) (Stat, error) {
		p, err := remotePath(t.path)
		if err != nil {
			return Stat{}, err
		}
		words, body, err := t.askText(fileScript{path: p, text: statScript, answers: answersStat}, factLimit)
		if err != nil {
			return Stat{}, err
		}
		return parseStat(words, string(body))
	})
}

// parseStat reads the answer of statScript.
func parseStat(words []string, body string) (Stat, error) {
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if len(words) != 1 || len(lines) != 7 {
		return Stat{}, errAnswers
	}
	size, err1 := strconv.ParseInt(lines[0], 10, 64)
	mode, err2 := strconv.ParseUint(lines[1], 8, 12)
	mtime, err3 := strconv.ParseInt(lines[2], 10, 64)
	if errors.Join(err1, err2, err3) != nil || size < 0 {
		return Stat{}, errAnswers
	}
	return Stat{
		Size: size, Mode: goMode(uint32(mode)), Octal: uint32(mode), Modified: time.Unix(mtime, 0).UTC(),
		Owner: named(lines[5], lines[3]), Group: named(lines[6], lines[4]),
		IsDir: words[0] == "folder", IsFile: words[0] == "file",
	}, nil
}

// named is a name, or the number of who has none.
func named(name, number string) string {
	if name == "" || name == "UNKNOWN" {
		return number
	}
	return name
}

// unixBits are the bits beyond the nine permissions.
var unixBits = map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky}

func goMode(unix uint32) fs.FileMode {
	mode := fs.FileMode(unix & 0o777)
	for bit, m := range unixBits {
		if unix&bit != 0 {
			mode |= m
		}
	}
	return mode
}

func unixMode(mode fs.FileMode) uint32 {
	unix := uint32(mode.Perm())
	for bit, m := range unixBits {
		if mode&m != 0 {
			unix |= bit
		}
	}
	return unix
}

// ListDir names the entries of folders, but for . and .., in the order of
// their bytes. A folder has at most ListLimit.
func (f *Files) ListDir(ctx context.Context, name string) ([][]string, error) {
	return perHost(ctx, f, operation{op: "listdir", path: name}, func(t *talk) ([]string, error) {
		p, err := remotePath(t.path)
		if err != nil {
			return nil, err
		}
		_, body, err := t.askText(fileScript{path: p, text: listScript}, listBytes)
		if err != nil {
			return nil, err
		}
		return parseList(string(body))
	})
}

// parseList reads the answer of listScript.
func parseList(body string) ([]string, error) {
	if body == "" {
		return nil, nil
	}
	if strings.Count(body, "\x00") > ListLimit {
		return nil, refusals["many"]
	}
	names, whole := strings.CutSuffix(body, "\x00")
	list := strings.Split(names, "\x00")
	for _, name := range list {
		if name == "" || strings.Contains(name, "/") || name == "." || name == ".." {
			whole = false
		}
	}
	if !whole {
		return nil, errAnswers
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// HasCommand tells whether a shell finds a command, also one of its own, in the
// whole context: its prefixes are run first.
func (f *Files) HasCommand(ctx context.Context, name string) ([]bool, error) {
	return perHost(ctx, f, operation{op: "has_command", path: name, text: "has_command " + name}, func(t *talk) (bool, error) {
		if name == "" {
			return false, errors.New("the name of a command is wanted")
		}
		quoted, err := Quote(name)
		if err != nil {
			return false, err
		}
		text := "if command -v -- " + quoted + " >/dev/null 2>&1\nthen say 'ok yes'\nelse say 'ok no'\nfi\n"
		return t.yes(fileScript{text: text, facts: true, setup: true})
	})
}

// Cwd is the folder that commands start in.
func (f *Files) Cwd(ctx context.Context) ([]string, error) {
	return perHost(ctx, f, operation{op: "cwd"}, func(t *talk) (string, error) {
		return t.fact(cwdScript)
	})
}

func (t *talk) fact(text string) (string, error) {
	_, body, err := t.askText(fileScript{text: text, facts: true}, factLimit)
	if err == nil && !strings.HasPrefix(string(body), "/") {
		return "", errAnswers
	}
	return string(body), err
}

var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// Home is the home folder of a user, or with "" of whom commands run as.
func (f *Files) Home(ctx context.Context, user string) ([]string, error) {
	return perHost(ctx, f, operation{op: "home", path: user, text: strings.TrimSpace("home " + user)}, func(t *talk) (string, error) {
		if user != "" && !userName.MatchString(user) {
			return "", fmt.Errorf("%q is no name for a user", user)
		}
		return t.fact("h=~" + user + "\n" + homeScript)
	})
}

// Expand is a path as the targets expand it, made absolute: ~ and ~user at its
// start, and $ by the rules of [Context.Setenv] without escape. It need not be
// there.
func (f *Files) Expand(ctx context.Context, name string) ([]string, error) {
	return perHost(ctx, f, operation{op: "expand", path: name, text: "expand " + name}, func(t *talk) (string, error) {
		if name == "" {
			return "", errNoPath
		}
		word, err := tildeWord(name)
		if err != nil {
			return "", err
		}
		return t.fact("eval " + quote("deployerd_w="+word) + " || exit\n" + expandScript)
	})
}

// Addresses are the IP addresses of the hosts themselves, each once, as their
// tools name them: neither loopback nor link-local ones.
func (f *Files) Addresses(ctx context.Context) ([][]string, error) {
	return perHost(ctx, f, operation{op: "addresses"}, func(t *talk) ([]string, error) {
		_, body, err := t.askText(fileScript{text: addressesScript}, addressLimit)
		return parseAddresses(string(body)), err
	})
}
