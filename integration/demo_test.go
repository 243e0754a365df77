package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// demo is a running demo and how to log in to it with its password.
type demo struct {
	*process
	dir, port, telnet, home string
}

func startDemo(t *testing.T, dir, port string) *demo {
	t.Helper()
	need(t, "ssh")
	d := &demo{dir: dir, port: port, telnet: freePort(t), home: t.TempDir()}
	cmd := exec.Command(binary, "demo", "--dir", dir, "--ssh", "127.0.0.1:"+port, "--telnet", "127.0.0.1:"+d.telnet)
	cmd.Env = append(os.Environ(), "HOME="+d.home, "GORACE=halt_on_error=1")
	d.process = startCmd(t, cmd)
	d.stdout.waitFor(t, "Ctrl-C here ends the demo.")
	return d
}

// ssh logs in with the password, as a person would.
func (d *demo) ssh(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ask := write(t, filepath.Join(d.home, "askpass"), "#!/bin/sh\necho demo\n")
	if err := os.Chmod(ask, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ssh", append([]string{
		"-F", "/dev/null", "-p", d.port, "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=" + filepath.Join(d.home, "kh"),
		"-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no", "demo@localhost",
	}, args...)...)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force")
	cmd.Stdin = strings.NewReader(stdin)
	return finish(t, startCmd(t, cmd))
}

func TestTheDemoNeedsNothingAndLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	d := startDemo(t, dir, freePort(t))
	if r := d.ssh(t, "", "production.web", "deploy", "v1.2"); r.code != 0 || strings.Count(r.stdout, "now runs v1.2") != 4 {
		t.Error(r)
	}
	d2 := run(t, "", binary, "demo", "--dir", t.TempDir(), "--ssh", "127.0.0.1:"+d.port, "--telnet", "127.0.0.1:"+d.telnet)
	if d2.code != 1 || !strings.Contains(d2.stderr, "choose another with --ssh") || !strings.Contains(d2.stderr, d.port) ||
		!strings.Contains(d2.stderr, "choose another with --telnet") || !strings.Contains(d2.stderr, d.telnet) {
		t.Errorf("it does not say which ports are taken: %s", d2)
	}
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if r := finish(t, d.process); r.code != 0 {
		t.Error(r)
	}
	if entries, err := os.ReadDir(d.home); err != nil || len(entries) != 2 { // askpass and kh are the test's
		t.Errorf("it wrote into the home folder: %v %v", entries, err)
	}
	again := startDemo(t, dir, freePort(t))
	again.home = d.home
	if r := again.ssh(t, "", "production.web:web1", "status"); r.code != 0 || r.stdout != "v1.2\n" {
		t.Errorf("the targets' homes did not stay: %s", r)
	}
}

// The session in the README is what the demo really prints.
func TestTheREADMEsSession(t *testing.T) {
	t.Parallel()
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), freePort(t))
	readme := read(t, "../README.md")
	_, rest, found := strings.Cut(readme, "```console\n")
	session, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("the README has no console block")
	}
	var got strings.Builder
	for _, line := range lines(session) {
		command, is := strings.CutPrefix(line, "$ ")
		if !is {
			continue
		}
		got.WriteString(line + "\n")
		got.WriteString(d.typed(t, command))
	}
	if diff := cmp.Diff(volatile(session), volatile(got.String())); diff != "" {
		t.Errorf("the README is not what happens (-readme +real):\n%s\nreal session:\n%s", diff, got.String())
	}
}

// typed runs a line of the README by a shell in which ssh reaches the demo.
func (d *demo) typed(t *testing.T, command string) string {
	t.Helper()
	ask := write(t, filepath.Join(d.home, "askpass"), "#!/bin/sh\necho demo\n")
	if err := os.Chmod(ask, 0o700); err != nil {
		t.Fatal(err)
	}
	shim := write(t, filepath.Join(d.home, "bin", "ssh"), `#!/bin/sh
[ "$1 $2" = "-p 2222" ] || exit 99
shift 2
exec "$REAL_SSH" -F /dev/null -p "$DEMO_PORT" -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=$DEMO_HOME/kh" -o LogLevel=ERROR -o PubkeyAuthentication=no "$@"
`)
	if err := os.Chmod(shim, 0o700); err != nil {
		t.Fatal(err)
	}
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "exec 2>&1; "+command)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "REAL_SSH="+ssh, "DEMO_PORT="+d.port,
		"DEMO_HOME="+d.home, "PATH="+filepath.Dir(shim)+":"+os.Getenv("PATH"))
	return finish(t, startCmd(t, cmd)).stdout
}

var (
	seconds = regexp.MustCompile(`\b\d+(\.\d+)? (ms|s)\b`)
	runID   = regexp.MustCompile(`run [0-9a-z]{10,}`)
)

// volatile replaces what differs from run to run, and sorts lines that hosts
// write at the same time.
func volatile(text string) []string {
	text = runID.ReplaceAllString(seconds.ReplaceAllString(text, "N s"), "run ID")
	var blocks []string
	for _, block := range strings.Split(text, "$ ") {
		blocks = append(blocks, strings.Join(sorted(lines(block)), "\n"))
	}
	return blocks
}
