package integration

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// daemon is a running deployerd serve with its folder.
type daemon struct {
	*process
	dir, port, telnet string
}

// daemonOptions say what is in its folder.
type daemonOptions struct {
	tree       string
	knownHosts string
	identity   string   // the outbound key's file
	users      []string // each with a key of its own and the role admin
	password   string   // of all users, hashed; "" for none
	extra      string   // further lines of the configuration; may hold rules:
}

// startDaemon writes a configuration and serves it.
func startDaemon(t testing.TB, o daemonOptions) *daemon {
	t.Helper()
	need(t, "ssh", "ssh-keygen")
	d := &daemon{dir: t.TempDir(), port: freePort(t), telnet: freePort(t)}
	d.configure(t, o)
	d.serve(t)
	return d
}

// configure writes what o says; the port and keys stay.
func (d *daemon) configure(t testing.TB, o daemonOptions) {
	t.Helper()
	write(t, d.file("tree.star"), o.tree)
	write(t, d.file("known_hosts"), o.knownHosts)
	var users string
	for _, name := range o.users {
		if _, err := os.Stat(d.file("keys", name)); err != nil {
			write(t, d.file("keys", ".made"), "")
			newKey(t, d.file("keys", name))
		}
		users += fmt.Sprintf("  - { name: %s, keys_file: keys/%[1]s.pub, password: %q, roles: [admin] }\n", name, o.password)
	}
	if !strings.Contains(o.extra, "rules:") {
		o.extra += "rules:\n  - { roles: [admin], allow: [all] }\n"
	}
	write(t, d.file("deployerd.yaml"), fmt.Sprintf(`tree: tree.star
state: state
ssh: { listen: ["127.0.0.1:%s"] }
telnet: { listen: ["127.0.0.1:%s"] }
users:
%soutbound:
  user: %s
  identity_files: [%s]
  known_hosts: [known_hosts]
  connect_timeout: 10s
%s`, d.port, d.telnet, users, account(t), o.identity, o.extra))
}

// account is the Unix account that runs the tests, which is the targets' too.
func account(t testing.TB) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return me.Username
}

func (d *daemon) file(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// serve starts the daemon in its folder, again after a stop.
func (d *daemon) serve(t testing.TB) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--config", d.file("deployerd.yaml"))
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	d.process = startCmd(t, cmd)
	ended := make(chan struct{})
	go func() {
		_ = d.process.wait()
		close(ended)
	}()
	poll(t, "the daemon listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("the daemon ended: %s", d.stderr)
		default:
		}
		return reachable("127.0.0.1:" + d.port)
	})
	d.trust(t)
}

// trust puts the daemon's host key where d.ssh looks for it.
func (d *daemon) trust(t testing.TB) {
	t.Helper()
	r := run(t, "", "ssh-keygen", "-y", "-f", d.file("state", "ssh_host_ed25519_key"))
	if r.code != 0 {
		t.Fatal(r)
	}
	write(t, d.file("client_known_hosts"), fmt.Sprintf("[127.0.0.1]:%s %s", d.port, r.stdout))
}

// sshArgs are the arguments of a real ssh that logs in as a user.
func (d *daemon) sshArgs(user string, args ...string) []string {
	return append([]string{
		"-F", "/dev/null", "-p", d.port, "-l", user, "-i", d.file("keys", user),
		"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
		"-o", "UserKnownHostsFile=" + d.file("client_known_hosts"), "-o", "LogLevel=ERROR", "127.0.0.1",
	}, args...)
}

// ssh runs one line as a user with an empty standard input.
func (d *daemon) ssh(t testing.TB, user string, args ...string) result {
	t.Helper()
	return run(t, "", "ssh", d.sshArgs(user, args...)...)
}

// startSSH starts one line and leaves it running.
func (d *daemon) startSSH(t testing.TB, user string, args ...string) *process {
	t.Helper()
	return start(t, "", "ssh", d.sshArgs(user, args...)...)
}

// signal sends the daemon a signal.
func (d *daemon) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// memory is the daemon's resident memory in MiB.
func (d *daemon) memory(t testing.TB) int {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "status"))) {
		if kilobytes, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(kilobytes)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n >> 10
		}
	}
	t.Fatal("the daemon has no memory")
	return 0
}
