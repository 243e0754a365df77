package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"
)

// password is every user's here, and hashed is what it is in a configuration:
// as cheap as is allowed.
const password = "secret"

func hashed(t testing.TB) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// screen is a terminal of tmux with a command in it.
type screen struct {
	t      testing.TB
	socket string
}

// openScreen runs a command at a terminal. It stays when the command ends.
func openScreen(t testing.TB, width, height int, command ...string) *screen {
	t.Helper()
	need(t, "tmux")
	dir, err := os.MkdirTemp("", "scr") // short: the path of a socket has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t, filepath.Join(dir, "s")}
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", s.socket, "kill-server").Run() // it may have ended
		os.RemoveAll(dir)
	})
	conf := write(t, filepath.Join(dir, "conf"), "set -g remain-on-exit on\nset -g status off\n")
	args := append([]string{
		"-S", s.socket, "-f", conf, "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), "--",
		"sh", "-c", `"$@"; printf '\n[exit code %s]\n' $?`, "sh",
	}, command...)
	if r := run(t, "", "tmux", args...); r.code != 0 {
		t.Fatal(r)
	}
	return s
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	r := run(s.t, "", "tmux", append([]string{"-S", s.socket}, args...)...)
	if r.code != 0 {
		s.t.Fatal(r)
	}
	return r.stdout
}

// text is what is on the screen, without blanks at the end of lines.
func (s *screen) text() string {
	s.t.Helper()
	var b strings.Builder
	for _, line := range lines(s.tmux("capture-pane", "-p")) {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// await waits until a text is on the screen.
func (s *screen) await(text string) {
	s.t.Helper()
	s.until("the screen has "+strconv.Quote(text), func(shown string) bool { return strings.Contains(shown, text) })
}

// awaitLast waits until the last line is this one.
func (s *screen) awaitLast(line string) {
	s.t.Helper()
	s.until("the last line is "+strconv.Quote(line), func(shown string) bool {
		return shown == line || strings.HasSuffix(shown, "\n"+line)
	})
}

func (s *screen) until(what string, ok func(shown string) bool) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the screen:\n%s", s.text())
		}
	}()
	poll(s.t, what, func() bool { return ok(s.text()) })
}

// awaitWrapped waits for a text that the window may be too narrow for.
func (s *screen) awaitWrapped(text string) {
	s.t.Helper()
	s.until("the screen has, in pieces, "+strconv.Quote(text), func(shown string) bool {
		return strings.Contains(strings.ReplaceAll(shown, "\n", ""), text)
	})
}

// keys types keys by their names; line types a line.
func (s *screen) keys(names ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys"}, names...)...)
}

func (s *screen) line(text string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", "--", text)
	s.keys("Enter")
}

func (s *screen) resize(width, height int) {
	s.t.Helper()
	s.tmux("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// exitCode is what stands below a command that has ended. tmux's own
// #{pane_dead_status} stays empty at times.
var exitCode = regexp.MustCompile(`\[exit code (\d+)\]`)

// ended waits until the command has ended, and returns its exit code.
func (s *screen) ended() int {
	s.t.Helper()
	var found []string
	s.until("the command ends", func(shown string) bool {
		found = exitCode.FindStringSubmatch(shown)
		return found != nil
	})
	code, err := strconv.Atoi(found[1])
	if err != nil {
		s.t.Fatal(err)
	}
	return code
}

// kill kills the command as the kernel does.
func (s *screen) kill() {
	s.t.Helper()
	shell := strings.TrimSpace(s.tmux("display-message", "-p", "#{pane_pid}"))
	pid, err := strconv.Atoi(strings.TrimSpace(read(s.t, filepath.Join("/proc", shell, "task", shell, "children"))))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
}

// door is a way in for a person; all lead to the same shell.
type door struct {
	name string
	open func(t *testing.T, d *daemon, user string, width, height int) *screen
}

func doors(t *testing.T) []door {
	t.Helper()
	return []door{
		{"ssh", func(t *testing.T, d *daemon, user string, width, height int) *screen {
			return openScreen(t, width, height, append([]string{"ssh", "-tt"}, d.sshArgs(user)...)...)
		}},
		{"telnet", func(t *testing.T, d *daemon, user string, width, height int) *screen {
			need(t, "telnet")
			return telnetLogin(t, user, openScreen(t, width, height, "telnet", "127.0.0.1", d.telnet))
		}},
		{"busybox telnet", func(t *testing.T, d *daemon, user string, width, height int) *screen {
			need(t, "busybox")
			return telnetLogin(t, user, openScreen(t, width, height, "busybox", "telnet", "127.0.0.1", d.telnet))
		}},
		{"plink", func(t *testing.T, d *daemon, user string, width, height int) *screen {
			need(t, "plink")
			return telnetLogin(t, user, openScreen(t, width, height, "plink", "-telnet", "-P", d.telnet, "127.0.0.1"))
		}},
	}
}

func telnetLogin(t *testing.T, user string, s *screen) *screen {
	t.Helper()
	s.awaitLast("login:")
	s.line(user)
	s.awaitLast("Password:")
	s.line(password)
	return s
}

// prompt is the end of the prompt at a place, as it stands on the screen.
func (s *screen) awaitPrompt(place string) {
	s.t.Helper()
	s.until("a prompt at "+place, func(shown string) bool { return strings.HasSuffix(shown, " "+place+" >") })
}

// after is what stands on the screen below the last line that ends with a text.
func (s *screen) after(end string) string {
	s.t.Helper()
	shown := s.text()
	at := strings.LastIndex(shown, end+"\n")
	if at < 0 {
		s.t.Fatalf("no line ends with %q:\n%s", end, shown)
	}
	return shown[at+len(end)+1:]
}

func TestADayAtEveryDoor(t *testing.T) {
	t.Parallel()
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	for _, door := range doors(t) {
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			s := door.open(t, d.daemon, "alice", 80, 24)
			s.awaitPrompt("/")
			if strings.Contains(s.text(), password) {
				t.Errorf("the password is on the screen:\n%s", s.text())
			}
			s.line("cd production")
			s.awaitPrompt("production")
			s.keys("C-l")
			s.line("ls")
			s.until("ls has ended", func(shown string) bool { return strings.Count(shown, "production >") == 2 })
			if got := strings.Split(s.after("> ls"), "\n"); !cmp.Equal(got[:2], []string{"web", "noop"}) {
				t.Errorf("ls shows %q", got)
			}
			s.line("web deploy v1")
			s.await("20 ok")
			s.awaitPrompt("production")

			s.line("web:web1 hang")
			s.await("begun")
			s.keys("C-c")
			s.awaitPrompt("production")

			s.resize(40, 10)
			s.line("web:web3 deploy 'a line that is longer than the window is'")
			s.awaitWrapped("is'a line that is longer than the window is")
			s.awaitPrompt("production")
			s.line("exit")
			if code := s.ended(); code != 0 && door.name == "ssh" {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestWindowsOfAllSizes(t *testing.T) {
	t.Parallel()
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	for _, door := range doors(t)[:2] {
		for _, size := range [][2]int{{200, 50}, {20, 5}} {
			t.Run(door.name+" "+strconv.Itoa(size[0]), func(t *testing.T) {
				t.Parallel()
				s := door.open(t, d.daemon, "alice", size[0], size[1])
				s.await(">")
				s.line("cd production.web")
				s.awaitWrapped("production.web >")
				for range 3 {
					s.resize(30, 8)
					s.resize(size[0], size[1])
				}
				s.keys("C-l")
				s.line("pwd")
				s.await("/production/web")
				s.keys("C-d")
				s.ended()
			})
		}
	}
}

// SIGTERM tells people at every door, and the daemon ends well.
func TestSIGTERMEndsLivingShellsWithAWord(t *testing.T) {
	t.Parallel()
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	var screens []*screen
	for _, door := range doors(t) {
		s := door.open(t, d.daemon, "alice", 80, 24)
		s.awaitPrompt("/")
		screens = append(screens, s)
	}
	d.signal(t, syscall.SIGTERM)
	for _, s := range screens {
		s.await("the daemon is stopping")
		s.ended()
	}
	if r := finish(t, d.process); r.code != 0 {
		t.Errorf("want exit 0: %s", r)
	}
}

// A client that is killed leaves its run running; it is seen in status.
func TestAKilledClientLeavesItsRun(t *testing.T) {
	t.Parallel()
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	for _, door := range doors(t)[:2] {
		t.Run(door.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "log")
			s := door.open(t, d.daemon, "alice", 80, 24)
			s.awaitPrompt("/")
			s.line("production.web:web1 count " + file)
			poll(t, "it has begun", func() bool { _, err := os.Stat(file); return err == nil })
			s.kill()
			poll(t, "the run comes to its end", func() bool { return read(t, file) == "+\n-\n" })
		})
	}
}

// Rights that are taken away by a reload end what is open.
func TestAReloadWithoutTheUserEndsItsShells(t *testing.T) {
	t.Parallel()
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	var screens []*screen
	for _, door := range doors(t)[:2] {
		s := door.open(t, d.daemon, "alice", 80, 24)
		s.awaitPrompt("/")
		screens = append(screens, s)
	}
	write(t, d.file("deployerd.yaml"), strings.ReplaceAll(read(t, d.file("deployerd.yaml")), "name: alice", "disabled: true, name: alice"))
	if r := run(t, "", binary, "reload", "--config", d.file("deployerd.yaml")); r.code != 0 {
		t.Fatal(r)
	}
	for _, s := range screens {
		s.await("the account was removed or disabled")
		s.ended()
	}
}

// nc negotiates nothing and gets plain lines.
func TestNetcatGetsPlainLines(t *testing.T) {
	t.Parallel()
	need(t, "busybox")
	d := startTwentyWith(t, daemonOptions{password: hashed(t)})
	r := run(t, "alice\n"+password+"\ncd production.web\npwd\n:web3 deploy v7\nexit\n", "busybox", "nc", "127.0.0.1", d.telnet)
	if !strings.Contains(r.stdout, "/production/web\r\n") || !strings.Contains(r.stdout, "v7\r\n") || strings.Contains(r.stdout, "\x1b") {
		t.Errorf("%q", r.stdout)
	}
}

func TestDeployerdShell(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	me := account(t)
	if me != "root" {
		t.Skipf("SKIPPED: %s is no user of the daemon: only root is one by itself", me)
	}
	s := openScreen(t, 80, 24, binary, "shell", "--config", d.file("deployerd.yaml"))
	s.awaitPrompt("/")
	s.line("production.web deploy v1")
	s.await("20 ok")
	s.line("whoami")
	s.await("root")
	s.resize(60, 20)
	s.line("cd production")
	s.awaitPrompt("production")
	s.line("exit")
	if code := s.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	r := run(t, "", binary, "shell", "--config", d.file("deployerd.yaml"))
	if r.code != 2 || !strings.Contains(r.stderr, "no terminal") {
		t.Errorf("without a terminal: %s", r)
	}
}
