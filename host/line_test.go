package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// announced runs a started line and takes the announcement out of its stderr.
func announced(t *testing.T, l login, text Line) (outcome, *announcement) {
	t.Helper()
	a := newAnnouncement()
	got := l.run(t, text.start(a.nonce))
	var stderr bytes.Buffer
	if _, err := io.WriteString(a.writer(&stderr), got.stderr); err != nil {
		t.Fatal(err)
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	got.stderr = stderr.String()
	return got, a
}

// whereAmI prints the process group that a command finds itself in.
const whereAmI = `read -r stat </proc/self/stat; set -- ${stat##*) }; echo $3; echo err >&2; cat; exit 5`

// checkGroup compares what was announced with what the command says.
func checkGroup(t *testing.T, l login, c Context) {
	t.Helper()
	l.stdin = "in"
	got, a := announced(t, l, line(t, c, whereAmI))
	group, ok := a.group()
	if !ok {
		t.Fatalf("no group was announced: %v", got)
	}
	if group == syscall.Getpgrp() {
		t.Error("the command runs in our own group")
	}
	want := outcome{stdout: fmt.Sprintf("%d\nin", group), stderr: "err\n", code: 5}
	if got != want {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestLineAnnouncesItsGroup(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		checkGroup(t, newLogin(t, shell), Context{}.Cd("/", false))
	})
}

func TestLineMakesAGroupWhenTheServerMadeNone(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		l.pgid, l.stdin = true, "in"
		checkGroup(t, l, Context{})
		l.path = farm(t, []string{"sh"}, "bash", "cat") // no setsid: job control
		checkGroup(t, l, Context{})
		l.path = farm(t, []string{"dash"}, "cat") // whatever that sh can do
		got, a := announced(t, l, line(t, Context{}, "cat; exit 5"))
		if _, ok := a.group(); got != (outcome{stdout: "in", code: 5}) {
			t.Errorf("group %t, %v", ok, got)
		}
	})
}

func TestLineAnnouncesBehindNoise(t *testing.T) {
	t.Parallel()
	l := newLogin(t, []string{"bash"})
	script(t, l.home, "rc", "printf 'motd without end' >&2; set -euC; alias exec=false; p=1\n")
	l.env = []string{"BASH_ENV=" + filepath.Join(l.home, "rc")}
	got, a := announced(t, l, line(t, Context{}, "echo out"))
	if _, ok := a.group(); !ok || got != (outcome{stdout: "out\n", stderr: "motd without end"}) {
		t.Errorf("got %v", got)
	}
}

// victim starts a script that leads a group of its own, and waits until it has
// said that it is ready.
func victim(t *testing.T, script string) (pgid int, ended <-chan error) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	return cmd.Process.Pid, done
}

func TestKillScriptEndsTheGroup(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		pgid, ended := victim(t, "sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & echo ready; wait")
		l := newLogin(t, shell)
		l.path = farm(t, shell, "sleep")
		endsIt(t, l, pgid, ended)
	})
}

func TestKillScriptEndsWhatIgnoresTERM(t *testing.T) {
	t.Parallel()
	pgid, ended := victim(t, "trap '' TERM; sleep 1000 & echo ready; wait; sleep 1000")
	endsIt(t, newLogin(t, []string{"sh"}), pgid, ended)
}

func endsIt(t *testing.T, l login, pgid int, ended <-chan error) {
	t.Helper()
	if got := l.run(t, killScript(pgid, false)); got != (outcome{}) {
		t.Fatalf("got %v", got)
	}
	<-ended
	if err := syscall.Kill(-pgid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the group is still there: %v", err)
	}
}

func TestKillScriptConfirmsWhatIsGoneAlready(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		pgid, ended := victim(t, "echo ready")
		<-ended
		if got := newLogin(t, shell).run(t, killScript(pgid, true)); got != (outcome{}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestKillScriptDoesNotWaitForZombies(t *testing.T) {
	t.Parallel()
	if _, err := os.ReadFile("/proc/1/stat"); err != nil {
		t.Skip("others' processes cannot be seen")
	}
	cmd := exec.Command("sh", "-c", "sleep 1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := newLogin(t, []string{"sh"}).run(t, killScript(cmd.Process.Pid, false)); got != (outcome{}) {
		t.Errorf("got %v", got)
	}
	_ = cmd.Wait() // it was a zombie up to here
}

// TestKillScriptTellsWhatItMayNotKill runs it as nobody against a group of
// root, with a sudo that says how it is called and does nothing.
func TestKillScriptTellsWhatItMayNotKill(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become nobody")
	}
	bin, err := os.MkdirTemp("/tmp", "sudo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(bin) })
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script(t, bin, "sudo", `printf '%s\n' "$*"`)
	pgid, ended := victim(t, "echo ready; exec sleep 1000")
	l := login{shell: []string{"sh"}, home: "/", path: bin + ":/usr/bin:/bin"}
	cmd := l.command(killScript(pgid, true))
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, not status 1", err)
	}
	want := fmt.Sprintf("-n sh -c kill \"-$1\" \"-$2\" sh TERM %[1]d\n-n sh -c kill \"-$1\" \"-$2\" sh KILL %[1]d\n", pgid)
	if string(out) != want {
		t.Errorf("sudo was called with %q, want %q", out, want)
	}
	select {
	case err := <-ended:
		t.Errorf("it ended all the same: %v", err)
	default:
	}
}

func TestLineKeepsTheNonceOutOfItsText(t *testing.T) {
	t.Parallel()
	l := line(t, Context{}, "echo hi")
	a := newAnnouncement()
	if strings.Contains(l.String(), a.nonce) || !strings.Contains(l.start(a.nonce), a.nonce) {
		t.Error("the nonce belongs to the start only")
	}
	if !strings.Contains(l.String(), "'echo hi'") {
		t.Errorf("the line is %q", l)
	}
}
