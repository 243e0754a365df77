package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

var localName = regexp.MustCompile(NamePattern)

// Local is this machine as a host. Commands are started in a process group of
// their own, with the daemon's environment reduced to PATH, HOME, USER,
// LOGNAME, SHELL, LANG and LC_*, in the daemon's home folder (/ without one).
type Local struct {
	name   string
	labels map[string]string
}

// NewLocal makes a local host; name is "localhost" in most trees. The error
// says that it is no name for a host.
func NewLocal(name string, labels map[string]string) (*Local, error) {
	if !localName.MatchString(name) {
		return nil, fmt.Errorf("host name %q does not match %s", name, NamePattern)
	}
	return &Local{name: name, labels: labels}, nil
}

// Name implements Host.
func (l *Local) Name() string { return l.name }

// Address implements Host; it is "".
func (l *Local) Address() string { return "" }

// Labels implements Host.
func (l *Local) Labels() map[string]string { return l.labels }

// Start implements Host. The process ends when the shell does: what it leaves
// in the background may write for two seconds more, then its output is closed.
// What the process does not read of Stdin is dropped; a Read of Stdin that
// blocks is not waited for, the caller ends it by closing what it reads.
// With a terminal it also has TERM.
func (l *Local) Start(ctx context.Context, line Line, streams IO) (Process, error) {
	if ctx.Err() != nil {
		return nil, l.failed(context.Cause(ctx))
	}
	if line.text == "" {
		return nil, l.failed(errors.New("the line is empty"))
	}
	cmd := shell(line.text)
	cmd.Env = localEnviron(os.Environ())
	cmd.Dir = localFolder()
	p := &localProcess{name: l.name, cmd: cmd, sudo: line.how.sudo, ended: make(chan struct{})}
	start := p.start
	if streams.Pty != nil {
		start = p.startTerminal
	}
	if err := start(streams); err != nil {
		return nil, l.failed(err)
	}
	return p, nil
}

func (l *Local) failed(err error) error {
	return &DialError{Host: l.name, Stage: StageStart, Err: err}
}

// shell is a line as a program, leader of a session of its own, so that its id
// is that of its process group and no terminal of the daemon reaches it.
func shell(text string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", text)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

var localVariables = []string{"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"}

// localEnviron is what a local command gets to see of the daemon's variables.
func localEnviron(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return !slices.Contains(localVariables, name) && !strings.HasPrefix(name, "LC_")
	})
}

func localFolder() string {
	home := os.Getenv("HOME")
	if info, err := os.Stat(home); err == nil && info.IsDir() {
		return home
	}
	return "/"
}
