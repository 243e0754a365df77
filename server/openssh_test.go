package server

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/session"
)

// openSSH runs the real client as alice; without it the tests are skipped,
// where CI is set they fail.
type openSSH struct {
	h    *house
	args []string
}

func (h *house) openSSH() *openSSH {
	h.t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		if os.Getenv("CI") != "" {
			h.t.Fatal("no ssh here, and CI is set")
		}
		h.t.Skip("no ssh here")
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	h.door.accounts.keys["alice"] = append(h.door.accounts.keys["alice"], signer.PublicKey())
	file := filepath.Join(h.t.TempDir(), "key")
	if err := os.WriteFile(file, encode(h.t, key, ""), 0o600); err != nil {
		h.t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	return &openSSH{h: h, args: []string{
		"-F", "none", "-i", file, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-p", port,
	}}
}

// command is ssh with options before the host and a line behind it.
func (o *openSSH) command(options []string, line ...string) *exec.Cmd {
	args := append(append([]string{}, o.args...), options...)
	return exec.CommandContext(deadline(o.h.t), "ssh", append(append(args, "alice@127.0.0.1"), line...)...)
}

// hang starts the line hang and waits until it runs as the nth session.
func (o *openSSH) hang(n int, options ...string) *exec.Cmd {
	o.h.t.Helper()
	cmd := o.command(options, "hang")
	if err := cmd.Start(); err != nil {
		o.h.t.Fatal(err)
	}
	o.h.door.lives.waitBegun(n)
	return cmd
}

func (o *openSSH) endsBy(cmd *exec.Cmd, sig syscall.Signal, n int, want error) {
	o.h.t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		o.h.t.Fatal(err)
	}
	if ends := o.h.door.lives.waitEnds(n); ends[n-1] != want {
		o.h.t.Errorf("%v ends the session with %v, want %v", sig, ends[n-1], want)
	}
	_ = cmd.Wait() // it was killed: that is its status
}

func TestOpenSSHOneShot(t *testing.T) {
	t.Parallel()
	o := start(t).openSSH()
	cmd := o.command(nil, "cat")
	data := make([]byte, 3<<20)
	rand.Read(data)
	cmd.Stdin = bytes.NewReader(data)
	if out, err := cmd.Output(); err != nil || !bytes.Equal(out, data) {
		t.Errorf("%d of %d bytes came back, %v", len(out), len(data), err)
	}
	cmd = o.command([]string{"-tt"}, "echo", "a\nb")
	if out, err := cmd.Output(); err != nil || string(out) != "a\nb" {
		t.Errorf("with a terminal: %q, %v", out, err)
	}
	var stderr strings.Builder
	cmd = o.command([]string{"-tt"})
	cmd.Env = append(os.Environ(), "TERM=vt220")
	cmd.Stdin = strings.NewReader("a b\rexit 12\r")
	if out, _ := cmd.Output(); cmd.ProcessState.ExitCode() != 2 || !strings.HasPrefix(string(out), "alice at vt220 80x24 echo true\r\n> [a b]\r\n") {
		t.Errorf("no line: exit code %d, %q", cmd.ProcessState.ExitCode(), out)
	}
	cmd = o.command([]string{"-s"}, "sftp")
	cmd.Stderr = &stderr
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(stderr.String(), "sftp: not in this version") {
		t.Errorf("sftp: %v, %q", err, &stderr)
	}
}

func TestOpenSSHCtrlCIsADisconnectByTheUser(t *testing.T) {
	t.Parallel()
	o := start(t).openSSH()
	o.endsBy(o.hang(1), syscall.SIGINT, 1, session.ErrDisconnected)
}

func TestOpenSSHKilledIsALoss(t *testing.T) {
	t.Parallel()
	o := start(t).openSSH()
	o.endsBy(o.hang(1), syscall.SIGKILL, 1, session.ErrLost)
}

func TestOpenSSHControlMaster(t *testing.T) {
	t.Parallel()
	o := start(t).openSSH()
	dir, err := os.MkdirTemp("", "cm") // short: the path of a socket has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	shared := []string{"-S", filepath.Join(dir, "s")}
	master := o.command(append([]string{"-M", "-N"}, shared...))
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	for o.command(append([]string{"-O", "check"}, shared...)).Run() != nil {
		if master.ProcessState != nil {
			t.Fatal("the master ended")
		}
	}

	o.endsBy(o.hang(1, shared...), syscall.SIGINT, 1, session.ErrDisconnected)
	out, err := o.command(shared, "who").Output()
	if err != nil || !strings.HasPrefix(string(out), "alice ") {
		t.Errorf("the connection does not live on: %q, %v", out, err)
	}
	slave := o.hang(2, shared...)
	o.endsBy(master, syscall.SIGKILL, 2, session.ErrLost)
	_ = slave.Wait() // it lost its master
	if n := len(o.h.audit.all()); n != 1 {
		t.Errorf("%d logins: the master was not used", n)
	}
}
