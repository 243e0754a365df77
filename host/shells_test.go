package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// posixShells are the shells that a line must work with as login shell. Those
// that are not installed are skipped, but for sh and bash.
var posixShells = [][]string{
	{"sh"}, {"bash"}, {"dash"}, {"busybox", "sh"}, {"ksh"}, {"mksh"}, {"zsh"},
}

// eachShell runs a test per installed shell.
func eachShell(t *testing.T, test func(t *testing.T, shell []string)) {
	t.Helper()
	for _, shell := range posixShells {
		t.Run(shell[0], func(t *testing.T) {
			t.Parallel()
			needShell(t, shell)
			test(t, shell)
		})
	}
}

func needShell(t *testing.T, shell []string) {
	t.Helper()
	if _, err := exec.LookPath(shell[0]); err == nil {
		return
	}
	if shell[0] == "sh" || shell[0] == "bash" {
		t.Fatalf("%s is not installed", shell[0])
	}
	t.Skipf("%s is not installed", shell[0])
}

// a login is what a line is given to, as sshd does it: shell -c line, as the
// leader of a new session, in the home folder.
type login struct {
	shell []string
	home  string
	env   []string
	stdin string
	path  string // "" for the test's own PATH
	pgid  bool   // not a leader: it stays in the test's own session and group
}

type outcome struct {
	stdout, stderr string
	code           int
}

func newLogin(t *testing.T, shell []string) login {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return login{shell: shell, home: home, path: os.Getenv("PATH")}
}

func (l login) command(text string) *exec.Cmd {
	path, err := exec.LookPath(l.shell[0])
	if err != nil {
		path = l.shell[0]
	}
	cmd := exec.Command(path, append(l.shell[1:len(l.shell):len(l.shell)], "-c", text)...)
	cmd.Dir = l.home
	cmd.Env = append([]string{"HOME=" + l.home, "PATH=" + l.path}, l.env...)
	cmd.Stdin = strings.NewReader(l.stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: !l.pgid}
	return cmd
}

func (l login) run(t *testing.T, text string) outcome {
	t.Helper()
	cmd := l.command(text)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// line builds a line or ends the test.
func line(t *testing.T, c Context, command string) Line {
	t.Helper()
	l, err := c.Line(command)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// set is Setenv or the end of the test.
func set(t *testing.T, c Context, name, value string, escape bool) Context {
	t.Helper()
	c, err := c.Setenv(name, value, escape)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// farm makes a folder of links to programs, to be a PATH in which others are
// missing. Its sh is the given shell.
func farm(t *testing.T, sh []string, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	link := func(name, program string) {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("sh", sh[0])
	for _, p := range programs {
		link(p, p)
	}
	return dir
}

// script puts a program of its own into a folder.
func script(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// String shows bytes that are not text.
func (o outcome) String() string {
	return fmt.Sprintf("stdout %q stderr %q code %d", o.stdout, o.stderr, o.code)
}
