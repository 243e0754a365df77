package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	gossh "golang.org/x/crypto/ssh"
)

// dumpScript writes mebibytes of x and says in a file how many it has got rid
// of. It says first who it is.
const dumpScript = `#!/bin/sh
echo $$ >>"$1.pids"
n=0
while [ $n -lt "$2" ]; do
	head -c 1048576 /dev/zero | tr '\0' x || exit
	n=$((n+1))
	echo $n >"$1"
done
echo
echo all of it
`

const dumpTree = `
def dump(env, script, file, mebibytes):
    env.host.run("exec " + quote(script) + " " + quote(file) + " " + quote(mebibytes), pty = True)

Web = parallel_node(dump = dump)
root = node(web = Web.array(hosts = {"host": %s}))
`

// volume is how much is written, in MiB: more than all buffers between the
// target and a reader hold.
func volume() int {
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		return 1024
	}
	return 12
}

// How much the daemon may grow, in MiB. An action keeps up to 16 MiB of output
// for its result: that is twice as much while its buffer grows, and the race
// detector's share is several times that.
const (
	growth = 64
	kept   = 192
)

// stalling is a daemon with somebody who reads no more.
type stalling struct {
	*daemon
	t            *testing.T
	script, file string
	memoryBefore int
	kept         int // MiB of what was read, with its result
	before       int // descriptors
}

// A reader that stops, at the terminal of a target's program or below a plain
// command, stops the target: the daemon keeps no more than its buffers, serves
// the others, and goes on when the reader does. When he leaves, all is gone.
func TestAReaderThatStopsCostsNothing(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"telnet connect": "--connect web:web1\r\x00%s %s %d; exit\r",
		"telnet pty":     "web:web1 dump %s %s %d\r",
		"telnet run":     "--run web:web1 -- exec %s %s %d\r",
		"ssh connect":    "--connect web:web1\r\x00%s %s %d; exit\r",
		"ssh pty":        "web:web1 dump %s %s %d\r",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stall(t)
			if strings.HasSuffix(name, "pty") {
				s.kept = kept
			}
			p := s.visit(strings.HasPrefix(name, "ssh"))
			s.must(p.reads("/ > "))
			s.starts(p, line)
			s.stands()
			s.must(p.readsMebibytes(volume()))
			s.must(p.reads("all of it"))
			s.must(p.reads("/ > "))
			s.memoryBefore += s.kept
			s.small()

			s.must(os.Remove(s.file))
			s.starts(p, line)
			s.stands()
			p.leave(3)
			s.nothingLeft()
		})
	}
}

// The same with the real ssh, stopped by a signal and then killed.
func TestAnSSHThatIsStoppedCostsNothing(t *testing.T) {
	t.Parallel()
	s := stall(t)
	p := s.startSSH(t, "alice", "--", "--run", "web:web1", "--", "exec", s.script, s.file, strconv.Itoa(volume()))
	p.stdout.waitFor(t, "xxxx")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.stands()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft()
}

func stall(t *testing.T) *stalling {
	t.Helper()
	sshd := startSSHD(t, "")
	d := startDaemon(t, daemonOptions{
		tree: fmt.Sprintf(dumpTree, sshd.hosts(1)), knownHosts: sshd.knownHosts(t, 1), identity: sshd.key,
		users: []string{"alice", "bob"}, password: hashed(t),
	})
	s := &stalling{daemon: d, t: t, file: filepath.Join(sshd.dir, "written")}
	write(t, filepath.Join(sshd.dir, "home", ".profile"), "PS1='target> '\n")
	s.script = write(t, filepath.Join(sshd.dir, "dump"), dumpScript)
	if err := os.Chmod(s.script, 0o700); err != nil {
		t.Fatal(err)
	}
	s.serves()
	s.memoryBefore, s.before = d.memory(t), d.descriptors(t)
	return s
}

func (s *stalling) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stalling) visit(ssh bool) *person {
	s.t.Helper()
	if !ssh {
		p, err := visitTelnet(s.daemon)
		s.must(err)
		return p
	}
	key, err := gossh.ParsePrivateKey([]byte(read(s.t, s.daemon.file("keys", "alice"))))
	s.must(err)
	hostKey, err := gossh.ParsePrivateKey([]byte(read(s.t, s.daemon.file("state", "ssh_host_ed25519_key"))))
	s.must(err)
	p, err := visitSSH(s.daemon, key, gossh.FixedHostKey(hostKey.PublicKey()))
	s.must(err)
	return p
}

// starts types a line; what is behind a NUL is for the target's own shell.
func (s *stalling) starts(p *person, line string) {
	s.t.Helper()
	own, inner, connects := strings.Cut(fmt.Sprintf(line, s.script, s.file, volume()), "\x00")
	_, err := io.WriteString(p, own)
	s.must(err)
	if connects {
		s.must(p.reads("target> "))
		_, err = io.WriteString(p, inner)
		s.must(err)
	}
}

// serves fails the test unless somebody else is served.
func (s *stalling) serves() {
	s.t.Helper()
	if r := s.ssh(s.t, "bob", "--", "--run", "web:web1", "--", "echo", "hello"); r.code != 0 || r.stdout != "hello\n" {
		s.t.Fatalf("another user: %s", r)
	}
}

// written is how far the script is.
func (s *stalling) written() int {
	b, err := os.ReadFile(s.file)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0 // it is being written
	}
	return n
}

// stands waits until the script gets rid of nothing any more: others are served
// meanwhile and it does not go on.
func (s *stalling) stands() {
	s.t.Helper()
	poll(s.t, "the script runs", func() bool { return s.written() > 0 })
	for last := -1; last != s.written(); {
		last = s.written()
		s.serves()
		s.serves()
	}
	if n := s.written(); n >= volume() {
		s.t.Errorf("nothing stopped the script: it wrote %d MiB of %d", n, volume())
	}
	s.small()
}

// small fails the test if the daemon has grown.
func (s *stalling) small() {
	s.t.Helper()
	now := s.memory(s.t)
	s.t.Logf("%d MiB, %d before; %d of %d MiB written", now, s.memoryBefore, s.written(), volume())
	if now > s.memoryBefore+growth {
		s.t.Errorf("the daemon grew from %d to %d MiB", s.memoryBefore, now)
	}
}

// nothingLeft waits until the scripts, the descriptors and the goroutines of
// those who left are gone.
func (s *stalling) nothingLeft() {
	s.t.Helper()
	gone(s.t, s.file+".pids")
	s.serves()
	poll(s.t, "no more descriptors than before", func() bool { return s.descriptors(s.t) <= s.before+2 })
	// A descriptor goes a moment before its goroutine: a reload takes longer.
	if r := run(s.t, "", binary, "reload", "--config", s.daemon.file("deployerd.yaml")); r.code != 0 {
		s.t.Error(r)
	}
	leftovers(s.t, s.daemon)
}

// readsMebibytes reads so many x, and whatever stands between them.
func (p *person) readsMebibytes(n int) error {
	buf := make([]byte, 64<<10)
	for left := n << 20; left > 0; {
		got, err := p.Reader.(*bufio.Reader).Read(buf[:min(len(buf), left)])
		left -= bytes.Count(buf[:got], []byte("x"))
		p.stay()
		if err != nil {
			return fmt.Errorf("%d bytes were left: %w", left, io.ErrUnexpectedEOF)
		}
	}
	return nil
}
