package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	sshconfig "github.com/kevinburke/ssh_config"
)

// Bounds of an ssh_config and all that it includes.
const (
	maxConfigFile  = 1 << 20 // bytes in a file
	maxConfigFiles = 100
	maxConfigDepth = 16 // as OpenSSH's READCONF_MAX_DEPTH
)

// SSHConfig is a file in OpenSSH's format, as it was when it was read:
// ssh_config(5). The library's patterns decide which blocks hold for a host. Its
// parser is not used: it hides what was included, and takes Match host for less
// than it says.
type SSHConfig struct {
	directives []directive
}

// directive is one line. Those of an included file are in files, and hold where
// the Include does.
type directive struct {
	keyword string // in lower case
	args    []string
	place   string // file:line
	files   [][]directive
}

// ReadSSHConfig reads a file and what it includes; a relative Include is
// relative to the file's folder. The error names file and line of what is wrong,
// such as a Match exec: it runs commands, and is refused.
func ReadSSHConfig(path string) (*SSHConfig, error) {
	r := &configReader{left: maxConfigFiles}
	directives, err := r.read(path, 0)
	if err != nil {
		return nil, fmt.Errorf("ssh_config: %w", err)
	}
	return &SSHConfig{directives}, nil
}

type configReader struct{ left int } // how many files may still be read

func (r *configReader) read(path string, depth int) ([]directive, error) {
	if r.left--; r.left < 0 || depth > maxConfigDepth {
		return nil, fmt.Errorf("%s: more than %d files, or %d deep, are included", path, maxConfigFiles, maxConfigDepth)
	}
	text, err := readConfigFile(path)
	if err != nil {
		return nil, err
	}
	var all []directive
	n := 0
	for line := range strings.Lines(text) {
		n++
		d, err := r.directive(line, path, depth)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if d.keyword != "" {
			d.place = fmt.Sprintf("%s:%d", path, n)
			all = append(all, d)
		}
	}
	return all, nil
}

func readConfigFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err == nil && len(text) > maxConfigFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxConfigFile)
	}
	return string(text), err
}

func (r *configReader) directive(line, path string, depth int) (directive, error) {
	words, err := configWords(line)
	if err != nil || len(words) == 0 {
		return directive{}, err
	}
	d := directive{keyword: strings.ToLower(words[0]), args: words[1:]}
	switch {
	case len(d.args) == 0:
		return d, fmt.Errorf("%s has no value", words[0])
	case d.keyword == "match":
		return d, checkMatch(d.args)
	case d.keyword == "host":
		_, err = matches(d.args, "")
		return d, err
	case d.keyword == "include":
		d.files, err = r.include(d.args, filepath.Dir(path), depth)
	}
	return d, err
}

func (r *configReader) include(patterns []string, dir string, depth int) ([][]directive, error) {
	var files [][]directive
	for _, pattern := range patterns {
		pattern, err := homePath(pattern)
		if err != nil {
			return nil, err
		}
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(dir, pattern)
		}
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("include %s: %w", pattern, err)
		}
		for _, path := range paths {
			directives, err := r.read(path, depth+1)
			if err != nil {
				return nil, err
			}
			files = append(files, directives)
		}
	}
	return files, nil
}

// configWords splits a line: a keyword, blanks or one =, and words, with double
// quotes around those that have blanks. A word that begins with # ends it.
func configWords(line string) ([]string, error) {
	var words []string
	rest := strings.Trim(line, " \t\r\n\f")
	for rest != "" && rest[0] != '#' {
		if rest[0] == '"' {
			word, after, ok := strings.Cut(rest[1:], `"`)
			if !ok {
				return nil, errors.New(`a " is not closed`)
			}
			words, rest = append(words, word), after
		} else {
			stops := " \t"
			if len(words) == 0 {
				stops = " \t="
			}
			end := strings.IndexAny(rest, stops)
			if end < 0 {
				end = len(rest)
			}
			words, rest = append(words, rest[:end]), rest[end:]
		}
		rest = strings.TrimLeft(rest, " \t")
		if len(words) == 1 {
			rest = strings.TrimLeft(strings.TrimPrefix(rest, "="), " \t")
		}
	}
	return words, nil
}

// checkMatch takes all, host and originalhost.
func checkMatch(args []string) error {
	if len(args) == 1 && strings.EqualFold(args[0], "all") {
		return nil
	}
	for i := 0; i < len(args); i += 2 {
		switch criterion := strings.ToLower(args[i]); criterion {
		case "host", "originalhost":
			if i+1 == len(args) {
				return fmt.Errorf("match %s has no patterns", criterion)
			}
			if _, err := matches(strings.Split(args[i+1], ","), ""); err != nil {
				return err
			}
		case "exec":
			return errors.New("match exec runs commands, and is refused")
		default:
			return fmt.Errorf("match %s is not in this version", args[i])
		}
	}
	return nil
}

// matches says whether a name fits patterns, as those of Host.
func matches(patterns []string, name string) (bool, error) {
	h := &sshconfig.Host{}
	for _, text := range patterns {
		if text == "" || text == "!" {
			return false, fmt.Errorf("%q is no pattern", text)
		}
		p, err := sshconfig.NewPattern(text)
		if err != nil {
			return false, fmt.Errorf("pattern %q: %w", text, err)
		}
		h.Patterns = append(h.Patterns, p)
	}
	return h.Matches(name), nil
}

// configValues are what the file says of one host: per keyword all that hold,
// first to last.
type configValues struct {
	name   string
	values map[string][]directive
}

// collect takes what holds for the host.
func (v *configValues) collect(directives []directive) {
	active := true
	for _, d := range directives {
		switch d.keyword {
		case "host":
			active, _ = matches(d.args, v.name) // they were checked when they were read
		case "match":
			active = v.match(d.args)
		default:
			if !active {
				continue
			}
			for _, file := range d.files {
				v.collect(file)
			}
			v.values[d.keyword] = append(v.values[d.keyword], d)
		}
	}
}

// match looks at host, which is what HostName has made of the name by then, and
// at originalhost.
func (v *configValues) match(args []string) bool {
	for i := 0; i+1 < len(args); i += 2 {
		name := v.name
		if hostname := v.first("hostname"); hostname != "" && strings.EqualFold(args[i], "host") {
			name = strings.ReplaceAll(hostname, "%h", v.name)
		}
		if ok, _ := matches(strings.Split(args[i+1], ","), name); !ok { // they were checked when they were read
			return false
		}
	}
	return true
}

// first is the value that counts of what has one: the first.
func (v *configValues) first(keyword string) string {
	if all := v.values[keyword]; len(all) > 0 {
		return all[0].args[0]
	}
	return ""
}

// wrong is an error at the first line of a keyword.
func (v *configValues) wrong(keyword string, err error) error {
	return fmt.Errorf("ssh_config %s: %w", v.values[keyword][0].place, err)
}

// all are the arguments of every line of a keyword.
func (v *configValues) all(keyword string) []string {
	var args []string
	for _, d := range v.values[keyword] {
		args = append(args, d.args...)
	}
	if slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, "none") }) {
		return nil
	}
	return args
}
