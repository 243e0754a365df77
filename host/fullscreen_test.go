package host_test

import (
	"io"
	"os/exec"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// Programs that take the whole screen draw it, follow its size and end by their
// own keys, at a real sshd.
func TestFullScreenProgramsAtSSHD(t *testing.T) {
	t.Parallel()
	sshd := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "sshd", sshdOptions(t, sshd))
	for program, c := range map[string]struct{ command, shows, keys string }{
		"vim":  {"vim -u NONE -c 'set nocompatible' -c 'call append(0, \"w=\" . &columns)' -c redraw!", "w=97", "\x1b:q!\r"},
		"less": {"seq -f 'line %g' 100 | less", "line 20", "q"},
		"top":  {"top", "COMMAND", "q"},
	} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("*** SKIPPED: no %s here", program)
			continue
		}
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			keys := newKeyboard()
			screen := &seen{wants: map[string]chan struct{}{c.shows: make(chan struct{})}}
			shown := screen.wants[c.shows]
			go func() {
				<-shown
				_, _ = io.WriteString(keys.keys, c.keys) // a program that has ended shows in its exit
			}()
			exit, err := handleOf(t, h, newCallbook(), host.Context{}).Connect(t.Context(), c.command, host.TerminalIO{
				Pty: host.Pty{Term: "xterm", Width: 97, Height: 30}, Input: keys, Output: screen,
			})
			if err != nil || exit.Code != 0 {
				t.Errorf("%v %v; the screen: %q", exit, err, screen.text.String())
			}
		})
	}
}
