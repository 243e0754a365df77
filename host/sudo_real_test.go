package host_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// TestRealSudo needs an account whose sudo wants a password, which stands in
// DEPLOYERD_TEST_SUDO, and runs as it.
func TestRealSudo(t *testing.T) {
	text := os.Getenv("DEPLOYERD_TEST_SUDO")
	if text == "" {
		t.Skip("SKIPPED, NOTHING IS PROVEN with a real sudo: DEPLOYERD_TEST_SUDO is not set")
	}
	target := startTarget(t, hosttest.TargetOptions{})
	o := target.options
	o.SudoPassword = password(text, nil)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	root := host.Context{}.Sudo("")
	together(5, func(i int) {
		want := fmt.Sprintf("input %d\n0\n0\n", i)
		r := runOn(t, h, root, "cat; id -u && id -u", host.RunOptions{InputAll: fmt.Appendf(nil, "input %d\n", i)})
		if r.Err != nil || string(r.Stdout) != want || strings.Contains(string(r.Stderr), text) || strings.Contains(string(r.Stderr), "deployerd") {
			t.Errorf("%v %q %q", r.Err, r.Stdout, r.Stderr)
		}
	})
	t.Run("terminal", func(t *testing.T) {
		var screen bytes.Buffer
		r := runOn(t, h, root, "id -u; tty", host.RunOptions{Terminal: &host.TerminalIO{Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, Output: &screen}})
		if r.Err != nil || !strings.Contains(screen.String(), "0\r\n/dev/pts/") || strings.Contains(screen.String(), text) {
			t.Errorf("%v %q", r.Err, &screen)
		}
	})
	t.Run("kill", func(t *testing.T) {
		line, err := root.Line("echo started; sleep 1000")
		if err != nil {
			t.Fatal(err)
		}
		killsStarted(t, h, line)
	})
	t.Run("wrong", func(t *testing.T) {
		o.SudoPassword = password("something-else", nil)
		r := runOn(t, sshHost(t, newPool(t, host.PoolOptions{}), "web1", o), root, "id -u", host.RunOptions{})
		if r.Err == nil || !strings.Contains(r.Err.Error(), "it refuses the password <secret pw>") {
			t.Errorf("%v %q", r.Err, r.Stderr)
		}
	})
}
