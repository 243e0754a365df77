package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What a start-up file leaves behind in a login bash does not change a command,
// and a command does the same in a login bash as in a fresh one.
func TestALoginBashIsAsGoodAsAFreshOne(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: there is no bash")
	}
	l, err := Context{}.Line(`printf '%s|' "$#" "$*" "$-" "${CDPATH-none}" "$(type -t ls)" "$(trap)"; set -- a b; for x in $1 $2; do echo "$x"; done; false && true; [ $? = 1 ] && (exit 7)`)
	if err != nil {
		t.Fatal(err)
	}
	const want = "0||hBc|none|file||a\nb\n"
	for name, rc := range map[string]string{
		"nothing": "", "a function": "ls() { echo mine; }", "an option": "set -f", "errexit": "set -e", "a shell option": "shopt -s nullglob",
		"an alias": "shopt -s expand_aliases; alias ls=echo", "traps": "trap 'echo trapped' EXIT ERR", "variables": "CDPATH=/; IFS=,; GLOBIGNORE='*'",
		"pipefail": "set -o pipefail",
	} {
		// As sshd starts it: bash reads .bashrc when it is run by sshd.
		home := t.TempDir()
		if err := os.WriteFile(filepath.Join(home, ".bashrc"), []byte(rc+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bash, "-c", ". ~/.bashrc\n"+l.start("00"))
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.Output()
		if string(out) != want || cmd.ProcessState.ExitCode() != 7 {
			t.Errorf("with %s: %q, %v; want %q and exit status 7", name, out, err, want)
		}
	}
}

// It is only worth its lines while it saves the second shell.
func TestALoginBashWithNothingLeftBehindRunsTheScriptItself(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("SKIPPED: there is no bash")
	}
	l, err := Context{}.Line(`echo "$MARK"`)
	if err != nil {
		t.Fatal(err)
	}
	for before, want := range map[string]string{"MARK=here": "here", "MARK=here; f() { :; }": ""} {
		cmd := exec.Command(bash, "-c", before+"\n"+l.start("00"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.Output()
		if got := strings.TrimSpace(string(out)); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", before, got, err, want)
		}
	}
}
