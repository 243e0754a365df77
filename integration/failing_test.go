package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Every stage that reaching a target can fail at is named, with the host and
// the cause, and the good host's result is kept.
func TestEveryStageOfFailingIsNamed(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	full := startSSHD(t, "MaxSessions 0\n")
	other := newKey(t, filepath.Join(t.TempDir(), "other"))
	closed := freePort(t)
	tree := fmt.Sprintf(`
good = ssh_host("good", address = "127.0.1.1", port = %[1]s)
resolve = ssh_host("resolve", address = "nowhere.invalid", port = %[1]s)
dial = ssh_host("dial", address = "127.0.1.2", port = %[2]s)
unknown = ssh_host("unknown", address = "127.0.1.3", port = %[1]s)
changed = ssh_host("changed", address = "127.0.1.4", port = %[1]s)
login = ssh_host("login", address = "127.0.1.5", port = %[1]s, identity_file = %[3]q)
channel = ssh_host("channel", address = "127.0.1.6", port = %[4]s, identity_file = %[5]q)

def hello(env):
    env.host.run("echo hello")

Each = parallel_node(hello = hello)
root = node(**{h.name: Each.array(hosts = {"host": [good, h] if h != good else [good]})
    for h in [good, resolve, dial, unknown, changed, login, channel]})
`, s.port, closed, other, full.port, full.key)
	known := fmt.Sprintf("[127.0.1.1]:%[1]s %[2]s\n[127.0.1.4]:%[1]s %[3]s\n[127.0.1.5]:%[1]s %[2]s\n[127.0.1.6]:%[4]s %[5]s\n",
		s.port, s.hostKey(t), publicKey(t, other), full.port, full.hostKey(t))
	d := startDaemon(t, daemonOptions{tree: tree, knownHosts: known, identity: s.key, users: []string{"alice"}})
	for name, stage := range map[string]string{
		"resolve": "resolve", "dial": "dial", "unknown": "host key", "changed": "host key", "login": "login", "channel": "channel",
	} {
		r := d.ssh(t, "alice", name, "hello")
		if r.code != 255 || r.stdout != "good: hello\n" {
			t.Errorf("%s: want 255 and the good host's answer, got %s", name, r)
		}
		first := lines(r.stderr)[0]
		if !strings.HasPrefix(first, "deployerd: "+name+" hello: "+name+": ") || !strings.Contains(first, stage) {
			t.Errorf("%s: the first line names no host or stage: %s", name, first)
		}
	}
	if r := d.ssh(t, "alice", "changed", "hello"); !strings.Contains(r.stderr, "CHANGED") {
		t.Errorf("a changed key does not say so: %s", r)
	}
	if r := d.ssh(t, "alice", "unknown", "hello"); strings.Contains(r.stderr, "CHANGED") || !strings.Contains(r.stderr, "unknown") {
		t.Errorf("an unknown key does not say so: %s", r)
	}
	if strings.Contains(s.stderr.String(), "127.0.1.4 port") && strings.Contains(s.stderr.String(), "Accepted") && strings.Count(s.stderr.String(), "Accepted publickey") > 1 {
		t.Errorf("a credential went to a host with a bad key: %s", s.stderr)
	}
}

func TestATargetKilledMidRunIsUnknownNeverOK(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	pids := filepath.Join(t.TempDir(), "pids")
	p := d.startSSH(t, "alice", "--", "--limit", "web1,web2", "production.web", "hang", pids)
	poll(t, "both begin", func() bool { return strings.Count(p.stdout.String(), "begun") == 2 })
	killSessions(t, d.sshd.cmd.Process.Pid)
	r := finish(t, p)
	if r.code != 255 || !strings.Contains(r.stderr, "unknown") {
		t.Errorf("want exit 255 and the word unknown: %s", r)
	}
	// The pool dials again for the next use.
	r = d.ssh(t, "alice", "--", "--limit", "web1,web2", "production.web", "variable")
	if r.code != 0 {
		t.Error(r)
	}
	for _, pid := range lines(read(t, pids)) { // what the dead target left running
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// killSessions kills the processes of an sshd that serve connections, and not
// the commands that they run.
func killSessions(t *testing.T, server int) {
	t.Helper()
	for _, pid := range children(t, server) {
		for _, inner := range children(t, pid) {
			if isSSHD(inner) {
				_ = syscall.Kill(inner, syscall.SIGKILL)
			}
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func isSSHD(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(name), "sshd")
}

func children(t *testing.T, pid int) []int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err != nil {
			continue // it ended meanwhile
		}
		for _, field := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}
