package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

const topTree = `
def show(env, processes):
    """Show some of what runs there."""
    env.hosts.run("top -c -d 0.5 -p " + quote(processes), pty = True)

root = node(box = node(hosts = {"host": %s}, show = show))
`

// top, on a real sshd, fills the window of a real telnet whatever its size
// becomes, and leaves a terminal that one can go on with.
func TestTopOverTelnetFollowsTheWindow(t *testing.T) {
	t.Parallel()
	need(t, "telnet", "top")
	sshd := startSSHD(t, "")
	d := startDaemon(t, daemonOptions{
		tree:       fmt.Sprintf(topTree, sshd.hosts(1)),
		knownHosts: sshd.knownHosts(t, 1), identity: sshd.key, users: []string{"alice"}, password: hashed(t),
	})
	var rows []string
	for range 20 { // as many as top takes, each wider than the window
		p := start(t, "", "sleep", append([]string{"600"}, strings.Fields(strings.Repeat("0 ", 100))...)...)
		rows = append(rows, strconv.Itoa(p.cmd.Process.Pid))
	}
	s := doors(t)[1].open(t, d, "alice", 80, 24)
	s.awaitPrompt("/")
	shown := lines(s.text())
	prompt := shown[len(shown)-1]
	s.line("box show " + strings.Join(rows, ","))
	s.filled(80, 24)
	s.resize(110, 26)
	s.filled(110, 26)
	s.resize(90, 16)
	s.filled(90, 16)
	s.keys("q")
	s.awaitPrompt("/")
	s.sane()
	s.keys("C-l")
	s.line("pwd")
	s.until("pwd has answered", func(shown string) bool { return strings.HasSuffix(shown, " / > pwd\n/\n"+prompt) })
	s.line("exit")
	s.ended()
}

// filled waits until top draws as many rows and columns as the window has.
func (s *screen) filled(width, height int) {
	s.t.Helper()
	s.until(fmt.Sprintf("top draws %d columns and %d rows", width, height), func(shown string) bool {
		rows := strings.Split(shown, "\n")
		last := rows[len(rows)-1]
		return len(rows) == height && strings.Contains(last, "sleep") && (len(last) == width || len(last) == width-1)
	})
}

// sane fails the test unless the terminal is as a shell wants it.
func (s *screen) sane() {
	s.t.Helper()
	got := strings.TrimSpace(s.tmux("display-message", "-p", "cursor #{cursor_flag} other #{alternate_on} keypad #{keypad_flag} arrows #{keypad_cursor_flag} "+
		"wrap #{wrap_flag} insert #{insert_flag} mouse #{mouse_any_flag} region #{scroll_region_upper}"))
	if want := "cursor 1 other 0 keypad 0 arrows 0 wrap 1 insert 0 mouse 0 region 0"; got != want {
		s.t.Errorf("the terminal: %s, want %s\n%s", got, want, s.text())
	}
}
