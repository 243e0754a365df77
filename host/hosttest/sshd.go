package hosttest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// sshdPath is where Debian and most others have it; it wants its full path.
const sshdPath = "/usr/sbin/sshd"

// SSHDOptions make an [SSHD]; the zero value is good.
type SSHDOptions struct {
	MaxSessions     int      // 0: 10, as OpenSSH's own
	ListenAddresses []string // nil: 127.0.0.1. With 0.0.0.0 it answers as 127.0.1.1 and so on too
	Port            int      // 0: a free one. To start again where one was stopped
	HostKeyPEM      []byte   // nil makes one
	ClientKey       string   // the path of a private key with its .pub beside it; "" makes one
	Config          []string // more lines for sshd_config; not SetEnv, which is set already
}

// SSHD is a real OpenSSH server that runs as the user of this process. Logins
// start in that user's folder, but HOME is an empty one: what a .bashrc does
// and says is no business of a test.
type SSHD struct {
	port        int
	hostKeyPEM  []byte
	hostKeyLine string
	clientKey   string
	user        string
	mark        string
	cmd         *exec.Cmd
	ended       chan struct{} // closed when the listener has ended
	stop        sync.Once
	left        []process // of connections that Stop left running
}

// StartSSHD starts sshd in a folder of its own and waits until it listens. It
// is ended with the test. Without sshd on this machine the test is skipped, or
// fails when CI is set.
func StartSSHD(t testing.TB, o SSHDOptions) *SSHD {
	t.Helper()
	if _, err := os.Stat(sshdPath); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") != "" {
			t.Fatalf("no %s: install openssh-server", sshdPath)
		}
		t.Skipf("SKIPPED, NOTHING IS PROVEN: no %s, install openssh-server", sshdPath)
	}
	s := &SSHD{mark: targetMark + rand.Text()}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "home"), 0o700))
	s.writeKeys(t, dir, o)
	me, err := user.Current()
	must(t, err)
	s.user = me.Username
	if os.Getuid() == 0 { // sshd as root insists on its folder
		must(t, os.MkdirAll("/run/sshd", 0o755))
	}
	for range 5 {
		if err = s.start(t, dir, o); err == nil {
			t.Cleanup(s.Kill)
			return s
		}
	}
	t.Fatalf("start sshd: %v", err)
	return nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// writeKeys writes host_key, client_key and authorized_keys.
func (s *SSHD) writeKeys(t testing.TB, dir string, o SSHDOptions) {
	t.Helper()
	s.hostKeyPEM = o.HostKeyPEM
	if s.hostKeyPEM == nil {
		pem, _, err := NewKey()
		must(t, err)
		s.hostKeyPEM = pem
	}
	line, err := publicLine(s.hostKeyPEM)
	must(t, err)
	s.hostKeyLine = line
	must(t, os.WriteFile(filepath.Join(dir, "host_key"), s.hostKeyPEM, 0o600))
	s.clientKey = o.ClientKey
	if s.clientKey == "" {
		s.clientKey = WriteKey(t, dir, "client_key")
	}
	public, err := os.ReadFile(s.clientKey + ".pub")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "authorized_keys"), public, 0o600))
}

// WriteKey makes a key and writes it to dir/name and dir/name.pub. It returns
// the path of the private half.
func WriteKey(t testing.TB, dir, name string) string {
	t.Helper()
	pem, public, err := NewKey()
	must(t, err)
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, pem, 0o600))
	must(t, os.WriteFile(path+".pub", []byte(public+"\n"), 0o600))
	return path
}

// start runs sshd once. It fails when the port was taken meanwhile.
func (s *SSHD) start(t testing.TB, dir string, o SSHDOptions) error {
	s.port = o.Port
	if s.port == 0 {
		s.port = freePort(t)
	}
	config := filepath.Join(dir, "sshd_config")
	must(t, os.WriteFile(config, []byte(s.config(dir, o)), 0o600))
	args := []string{"-D", "-e", "-f", config}
	// OpenSSH 9.8 and later slow down an address that fails to log in.
	const penalties = "PerSourcePenalties=no"
	if exec.Command(sshdPath, "-t", "-f", config, "-o", penalties).Run() == nil {
		args = append(args, "-o", penalties)
	}
	s.cmd = exec.Command(sshdPath, args...)
	log, theirs, err := os.Pipe()
	must(t, err)
	s.cmd.Stderr = theirs
	must(t, s.cmd.Start())
	must(t, theirs.Close())
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait() // its messages say more than its status
		close(s.ended)
	}()
	ready := make(chan error, 1)
	go watch(log, max(1, len(o.ListenAddresses)), ready)
	return <-ready
}

func (s *SSHD) config(dir string, o SSHDOptions) string {
	lines := []string{
		fmt.Sprintf("Port %d", s.port),
		"HostKey " + filepath.Join(dir, "host_key"),
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"),
		"PidFile none", "UsePAM no", "StrictModes no", "UseDNS no", "PrintMotd no", "LogLevel INFO",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes",
		"MaxStartups 1000", "Subsystem sftp internal-sftp", "SetEnv " + s.mark + " HOME=" + filepath.Join(dir, "home"),
	}
	if o.MaxSessions > 0 {
		lines = append(lines, fmt.Sprintf("MaxSessions %d", o.MaxSessions))
	}
	for _, a := range o.ListenAddresses {
		lines = append(lines, "ListenAddress "+a)
	}
	if len(o.ListenAddresses) == 0 {
		lines = append(lines, "ListenAddress 127.0.0.1")
	}
	return strings.Join(append(lines, o.Config...), "\n") + "\n"
}

// watch tells when sshd listens on all its addresses, or what it said when it
// does not. Its messages are read until its last connection has ended, for it
// would block.
func watch(log *os.File, addresses int, ready chan<- error) {
	defer func() { _ = log.Close() }() // only read
	var seen bytes.Buffer
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if addresses == 0 {
			continue
		}
		fmt.Fprintln(&seen, lines.Text())
		if strings.HasPrefix(lines.Text(), "Server listening on ") {
			if addresses--; addresses == 0 {
				ready <- nil
			}
		}
	}
	if addresses > 0 {
		ready <- fmt.Errorf("it does not listen: %s", seen.Bytes())
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, l.Close()) }()
	_, port := splitPort(l.Addr().String())
	return port
}

// Addr is 127.0.0.1 with the port.
func (s *SSHD) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Port is where it listens.
func (s *SSHD) Port() int { return s.port }

// HostKeyLine is the host key as in authorized_keys, without a newline.
func (s *SSHD) HostKeyLine() string { return s.hostKeyLine }

// HostKeyPEM is the host key, to start another one with it.
func (s *SSHD) HostKeyPEM() []byte { return s.hostKeyPEM }

// ClientKey is the path of a private key that may log in.
func (s *SSHD) ClientKey() string { return s.clientKey }

// User is who may log in: the user of this process.
func (s *SSHD) User() string { return s.user }

// KnownHostsLine is its line in known_hosts, without a newline, for hosts by
// which it is reached; none is 127.0.0.1.
func (s *SSHD) KnownHostsLine(hosts ...string) string {
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1"}
	}
	addresses := make([]string, len(hosts))
	for i, h := range hosts {
		addresses[i] = net.JoinHostPort(h, fmt.Sprint(s.port))
	}
	return KnownHostsLine(s.hostKeyLine, addresses...)
}

// Stop ends the listener with SIGTERM. As with every sshd, the connections
// that are open go on.
func (s *SSHD) Stop() {
	s.end(func() { s.left = descendants(s.cmd.Process.Pid) }, syscall.SIGTERM)
}

// Kill ends it, its connections and all that runs in them, as a power cut.
func (s *SSHD) Kill() {
	s.end(func() {
		if listener, ok := readProcess(s.cmd.Process.Pid); ok {
			s.left = freeze(listener)
		}
	}, syscall.SIGKILL)
	for _, p := range freeze(s.left...) {
		p.signal(syscall.SIGKILL)
	}
	s.left = nil
	_ = killMarked(s.mark) // what hides from it is not ours to end
}

// end ends the listener, once, after first has looked at its connections.
func (s *SSHD) end(first func(), signal syscall.Signal) {
	s.stop.Do(func() {
		first()
		_ = s.cmd.Process.Signal(signal) // ended is as good
		<-s.ended
	})
}
