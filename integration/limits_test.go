package integration

import (
	"path/filepath"
	"strings"
	"testing"
)

const limitsTree = `
box = local_host()

def wait(env):
    env.host.run("sleep 60")

Box = parallel_node(wait = wait)
root = node(box = Box.array(hosts = {"host": [box]}))
`

// Each limit has a code of 254 and a word on stderr.
func TestLimitsOfAUserSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ limits, line, says string }{
		"runs":        {"runs_per_user: 2", "--run box -- true", "deployerd: too many runs at once"},
		"sessions":    {"sessions_per_user: 2", "pwd", "deployerd: too many sessions of this user"},
		"connections": {"connections_per_user: 2", "pwd", "deployerd: too many connections of alice: at most 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, daemonOptions{
				tree: limitsTree, identity: newKey(t, filepath.Join(t.TempDir(), "outbound")), users: []string{"alice", "bob"},
				extra: "limits: { " + test.limits + " }\n",
			})
			for range 2 {
				d.startSSH(t, "alice", "--", "--run", "box:localhost", "--", "echo begun; sleep 60").stdout.waitFor(t, "begun")
			}
			r := d.ssh(t, "alice", "--", test.line)
			if r.code != 254 || !strings.HasPrefix(r.stderr, test.says) || r.stdout != "" {
				t.Errorf("one too many: %s", r)
			}
			if r := d.ssh(t, "bob", "pwd"); r.code != 0 {
				t.Errorf("another user: %s", r)
			}
		})
	}
}

// A loop over a kept connection is faster than what the daemon reads from one
// connection: it is slowed down, and every line gets its answer.
func TestTightLoopOverOneConnection(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, daemonOptions{
		tree: limitsTree, identity: newKey(t, filepath.Join(t.TempDir(), "outbound")), users: []string{"alice"},
	})
	control := filepath.Join(t.TempDir(), "control")
	master := []string{"-o", "ControlPath=" + control, "-o", "ControlMaster=yes", "-N"}
	start(t, "", "ssh", append(master, d.sshArgs("alice")...)...)
	over := append([]string{"-o", "ControlPath=" + control}, d.sshArgs("alice")...)
	poll(t, "the connection is shared", func() bool { return run(t, "", "ssh", append([]string{"-O", "check"}, over...)...).code == 0 })
	script := `for i in $(seq 60); do "$@" pwd || echo "exit $?"; done`
	var loops []*process
	for range 5 {
		loops = append(loops, start(t, "", "sh", append([]string{"-c", script, "sh", "ssh"}, over...)...))
	}
	for _, loop := range loops {
		if r := finish(t, loop); r.stdout != strings.Repeat("/\n", 60) {
			t.Errorf("the loop: %s", r)
		}
	}
}
