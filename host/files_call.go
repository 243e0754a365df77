package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// Files are the files of a group's hosts, seen from the folder of its context
// (the prefixes of a context are for commands). Every operation is one call
// that is told to the hooks, is done on all hosts at once, and gives a value
// per host in their order; [One] takes the value of a single host. When any
// host fails the error is a *CallError, in which are *FileError, *DialError,
// *LostError, *TimeoutError and *CancelError, and the values of the others
// are good.
//
// Paths are taken literally: no ~, no $, no *; see [Files.Expand]. The bytes of
// a name may be any but NUL. What is done, is done by a POSIX script through
// the same way as commands, so that it is the same on all hosts and with sudo.
//
// In a sandbox context what would change files compares instead: what it would
// do is in Result.Note, which the hooks get.
type Files struct {
	group *Group
	o     FileOptions
}

// FileOptions are what all operations on files have in common.
type FileOptions struct {
	Sudo    bool
	User    string        // with Sudo, "" for root
	Timeout time.Duration // per host, from its start; 0: none
}

// Files returns the files of the group's hosts.
func (g *Group) Files(o FileOptions) *Files { return &Files{group: g, o: o} }

// Files returns the files of the host. All its operations give one value.
func (h *Handle) Files(o FileOptions) *Files { return h.Group().Files(o) }

// One is the value of an operation on a single host.
func One[T any](values []T, err error) (T, error) {
	if len(values) == 1 {
		return values[0], err
	}
	var none T
	if err == nil {
		err = fmt.Errorf("%d hosts are not one", len(values))
	}
	return none, err
}

// operation is what is done with files.
type operation struct {
	op, path string
	text     string // what the hooks are told; "": op and path
	changes  bool   // it changes a target, or would without a sandbox
}

// perHost does an operation on every host.
func perHost[T any](ctx context.Context, f *Files, o operation, do func(t *talk) (T, error)) ([]T, error) {
	values := make([]T, len(f.group.hosts))
	if f.o.Timeout < 0 {
		return values, fmt.Errorf("timeout: %s is negative", f.o.Timeout)
	}
	if len(values) == 0 {
		return values, nil
	}
	_, err := f.calling(o, func(t *talk) (err error) {
		values[t.index], err = do(t)
		return err
	}).perform(ctx)
	return values, err
}

func (f *Files) calling(o operation, do func(t *talk) error) *calling {
	g, in := f.group, f.context()
	call := Call{
		Command: o.text, Hosts: g.names, Sudo: in.sudo, User: in.user,
		ReadOnly: !o.changes, Sandbox: g.context.sandbox, Quiet: true,
	}
	if call.Command == "" {
		call.Command = strings.TrimSpace(o.op + " " + g.context.full(o.path))
	}
	c := &calling{
		group: g, options: RunOptions{Quiet: true, Stream: true}, call: call,
		timeout: smallest(f.o.Timeout, g.timeout), results: make([]Result, len(g.hosts)),
	}
	c.talk = func(ctx context.Context, i int, r *Result) {
		t := &talk{ctx: ctx, calling: c, index: i, in: in, sandbox: call.Sandbox, operation: o}
		r.Err = t.failed(do(t))
		r.Note = strings.Join(t.notes, "\n")
	}
	return c
}

// context is that of the scripts.
func (f *Files) context() Context {
	c := f.group.context
	if f.o.Sudo {
		c = c.Sudo(f.o.User)
	}
	c.sandbox = false
	return c
}

// full is a path as a person reads it: with the folder before it, where that
// is known.
func (c Context) full(name string) string {
	if name == "" || strings.HasPrefix(name, "/") || len(c.folders) == 0 {
		return name
	}
	dir := ""
	for _, f := range c.folders {
		if f.expand {
			return name
		}
		dir = path.Join(dir, f.path)
	}
	return path.Join(dir, name)
}

// talk is an operation on one host.
type talk struct {
	operation

	ctx     context.Context
	calling *calling
	index   int
	in      Context
	sandbox bool
	notes   []string
}

func (t *talk) host() Host { return t.calling.group.hosts[t.index] }

func (t *talk) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// failed says of an error what was done where, unless it says that itself.
func (t *talk) failed(err error) error {
	switch err.(type) {
	case nil, *FileError, *DialError, *LostError, *TimeoutError, *CancelError, *InputError:
		return err
	}
	return &FileError{Host: t.host().Name(), Op: t.op, Path: t.path, Err: err}
}

// question is a script that is run on a host, and what becomes of its answer.
type question struct {
	script fileScript
	input  io.Reader                               // nil: none
	body   func(words []string) (io.Writer, error) // of a good answer; nil: it has none
}

// ask runs a script, to the end of it and of its answer. It returns the words
// of a good answer.
func (t *talk) ask(q question) ([]string, error) {
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	token := newToken()
	line, err := q.script.line(t.in, token)
	if err != nil {
		return nil, err
	}
	line.command = t.calling.call.Command
	a := &answer{token: []byte(token + " "), body: q.body, stop: cancel}
	stderr := &capture{host: t.host().Name(), stream: Stderr}
	streams := IO{Stdout: a, Stderr: stderr}
	in := &input{r: q.input, host: t.host().Name(), cancel: cancel}
	if q.input != nil {
		streams.Stdin = in
	}
	c := *t.calling
	c.line = line
	exit, err := c.processWith(ctx, t.host(), streams)
	words, wrong := a.close()
	stderr.close()
	broke := in.failed.Load()
	switch {
	case wrong != nil:
		return nil, wrong
	case broke != nil && err == nil:
		return nil, broke
	case err != nil:
		return nil, err
	}
	return judge(words, exit, stderr.lastLines())
}

// judge says whether an answer is good.
func judge(words []string, exit Exit, stderr []byte) ([]string, error) {
	switch {
	case len(words) == 0:
		return nil, toolError(stderr, exit)
	case words[0] == answerBad:
		return nil, refusal(words)
	case words[0] != answerGood:
		return nil, errAnswers
	case exit.Code != 0:
		return nil, toolError(stderr, exit)
	}
	return words[1:], nil
}

// askText is ask for a body that is kept.
func (t *talk) askText(s fileScript, limit int) (words []string, body []byte, err error) {
	kept := &bounded{limit: limit}
	words, err = t.ask(question{script: s, body: func([]string) (io.Writer, error) { return kept, nil }})
	return words, kept.data, err
}

var (
	errNoPath = errors.New("a path is wanted")
	errSlash  = errors.New("it ends with a slash, which only a folder's name does")
)

// remotePath is a path as scripts take it: no tool takes it for an option.
func remotePath(name string) (string, error) {
	if name == "" {
		return "", errNoPath
	}
	if trimmed := strings.TrimRight(name, "/"); trimmed != "" {
		name = trimmed
	} else {
		name = "/"
	}
	if !strings.HasPrefix(name, "/") {
		name = "./" + name
	}
	return Quote(name)
}
