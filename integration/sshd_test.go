package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// sshd is a real OpenSSH server on every loopback address: 127.0.1.1 to
// 127.0.1.20 are so many targets.
type sshd struct {
	*process
	dir, port string
	key       string // the private key it lets in
}

// startSSHD starts one; extra are further lines of its configuration.
func startSSHD(t testing.TB, extra string) *sshd {
	t.Helper()
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		need(t, "sshd")
	}
	s := &sshd{dir: t.TempDir(), port: freePort(t)}
	newKey(t, filepath.Join(s.dir, "host_key"))
	s.key = newKey(t, filepath.Join(s.dir, "client_key"))
	write(t, filepath.Join(s.dir, "authorized_keys"), publicKey(t, s.key)+"\n")
	write(t, filepath.Join(s.dir, "sshd_config"), fmt.Sprintf(`Port %s
ListenAddress 0.0.0.0
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %[2]s/authorized_keys
StrictModes no
PasswordAuthentication no
UsePAM no
PrintMotd no
MaxStartups 1000
SetEnv HOME=%[2]s/home
%s
`, s.port, s.dir, extra))
	write(t, filepath.Join(s.dir, "home", ".hushlogin"), "") // no .bashrc of this machine costs time
	s.start(t, path)
	return s
}

func (s *sshd) start(t testing.TB, path string) {
	t.Helper()
	if os.Getuid() == 0 { // privilege separation wants its folder
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.process = startCmd(t, exec.Command(path, "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config")))
	listening(t, "127.0.0.1:"+s.port)
}

// hostKey is its public host key, without a comment.
func (s *sshd) hostKey(t testing.TB) string {
	t.Helper()
	return publicKey(t, filepath.Join(s.dir, "host_key"))
}

// address is the i-th target's, from 1.
func address(i int) string { return fmt.Sprintf("127.0.1.%d", i) }

// hosts writes Starlark: a list of n targets web1..webN on this server.
func (s *sshd) hosts(n int) string {
	return fmt.Sprintf(`[ssh_host("web%%d" %% i, address = "127.0.1.%%d" %% i, port = %s) for i in range(1, %d)]`, s.port, n+1)
}

// knownHosts are the lines that make n targets known.
func (s *sshd) knownHosts(t testing.TB, n int) string {
	t.Helper()
	var text string
	for i := 1; i <= n; i++ {
		text += fmt.Sprintf("[%s]:%s %s\n", address(i), s.port, s.hostKey(t))
	}
	return text
}
