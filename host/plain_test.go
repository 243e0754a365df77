package host

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loginShell runs a line as sshd would, after what a start-up file did, and
// says how it ended.
func loginShell(t *testing.T, shell, before, line, path string) string {
	t.Helper()
	cmd := exec.Command(shell, "-c", before+"\n"+line)
	cmd.Args[0] = filepath.Base(shell)
	cmd.Env = []string{"HOME=/", "PATH=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its state says it
	said := stderr.String()
	if strings.HasPrefix(said, announceToken("00")) {
		_, said, _ = strings.Cut(said, "\n")
	}
	return fmt.Sprintf("stdout %q, stderr %q, %v", &stdout, said, cmd.ProcessState)
}

// A command ends, and says what it says, exactly as by bash -c: byte for byte,
// with the line numbers and the signals, and whatever a start-up file left.
func TestALineIsAsBashDashC(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: there is no bash")
	}
	shells := []string{bash}
	if dash, err := exec.LookPath("dash"); err == nil {
		shells = append(shells, dash)
	}
	befores := map[string][]string{bash: {
		"", "readonly TMOUT=900", "FOO=rc; IFS=,; CDPATH=/; GLOBIGNORE='*'", "set -f", "set -e", "shopt -s nullglob", "set -o pipefail",
		"trap 'echo trapped' EXIT ERR", "seq() { echo mine; }; ls() { echo mine; }", "shopt -s expand_aliases; alias seq=echo ls=echo", "enable -n echo",
	}}
	for _, script := range []string{
		"seq 1 3", " seq  2 ", "nosuchcommand", "nosuchcommand a b", "/nosuch/command", "/", "/etc/passwd", "sh -c exit", "expr 1 = 2", "env", "printenv",
		"echo $LINENO", "echo ${FOO-unset}", "return 5; echo after", "echo $0 $# $BASH_SUBSHELL $-", "type -t ls; trap", "wait; jobs", "set -x; echo x",
		"cat <<X\na\n", "echo 'open", "echo hi; )", "echo a\n)\necho b", "}", "fi", "; echo x", "& echo x", `echo a \`, "echo a # comment", "# only", "",
		"exit 3", "trap 'echo bye $?' EXIT; false", "set -e; false; echo no", "set -u; echo $nope; echo no", "exec nosuch; echo x", "a=1; readonly a; a=2; echo no",
		"sh -c 'kill -SEGV $$'", "kill -TERM $$", "true", "false", "[ 1 = 2 ]", "sleep 0 &", "echo {a,b} ~ /[e]tc", "x=1 seq 1", "set -- a b; for x in $1 $2; do echo $x; done",
	} {
		line, err := Context{}.Line(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, shell := range shells {
			want := loginShell(t, shell, "", "exec bash --noprofile --norc -c "+quote(script), os.Getenv("PATH"))
			for _, before := range append(befores[shell], "") {
				got := loginShell(t, shell, before, line.start("00"), os.Getenv("PATH"))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q by %s after %q (-bash -c +line):\n%s", script, shell, before, diff)
				}
			}
		}
	}
}

// What is plain starts no shell of its own: only so it is worth its lines.
func TestAPlainCommandStartsNoSecondShell(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const second = "#!/bin/sh\necho a second shell\n"
	if err := os.WriteFile(filepath.Join(folder, "bash"), []byte(second), 0o700); err != nil {
		t.Fatal(err)
	}
	path := folder + ":" + os.Getenv("PATH")
	for script, want := range map[string]string{"seq 1 2": "1\n2\n", "seq 1 2; :": "a second shell\n"} {
		line, err := Context{}.Line(script)
		if err != nil {
			t.Fatal(err)
		}
		got := loginShell(t, "/bin/sh", "", line.start("00"), path)
		if want := fmt.Sprintf("stdout %q, stderr %q, exit status 0", want, ""); got != want {
			t.Errorf("%q: %s, want %s", script, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"hostname", "df -h /", "systemctl restart a@b.service", "dd if=/dev/zero of=/dev/null", "./x", "/usr/bin/apt-get -y install g++", " ls  -l ",
	} {
		if _, ok := plain(script); !ok {
			t.Errorf("%q is not plain", script)
		}
	}
	for _, script := range []string{
		"", " ", ".", ". x", "a=1", "a=1 ls", "-x", "+x", "echo a", "time ls", "exec ls", "ls =x", "ls ~", "ls *", "ls $x", "ls\nls", "ls;", "ls|x", "ls>x", "ls 'x'", "ls \\x",
		"ls {a,b}", "ls #", "ls !x", "ls &", "l\u00e9", "ls \x00", "ls ^x", "ls a\rb", "ls\u00a0a", "ls a\n", "env", strings.Repeat("a", maxPlain+1),
	} {
		if _, ok := plain(script); ok {
			t.Errorf("%q is plain", script)
		}
	}
}
