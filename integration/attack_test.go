package integration

import (
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// besieged is a daemon with the users alice and mallory, whose attacks come from
// an address of their own, which no penalty keeps away.
type besieged struct {
	*daemon
	t testing.TB
}

const attackTree = `
box = local_host()

def hello(env):
    env.host.run("echo hello")

def endless(env):
    env.host.run("yes")

Box = parallel_node(hello = hello, endless = endless)
root = node(box = Box.array(hosts = {"host": [box]}))
`

func besiege(t testing.TB) *besieged {
	t.Helper()
	d := startDaemon(t, daemonOptions{
		tree: attackTree, identity: newKey(t, filepath.Join(t.TempDir(), "outbound")), users: []string{"alice", "mallory"},
		extra: "limits: { login_grace: 2s, startups: \"100:30:200\", exempt: [\"127.0.0.66\"] }\nruns: { drain: 1s }\n",
	})
	b := &besieged{d, t}
	b.serves()
	return b
}

// dial connects from the attacker's address.
func (b *besieged) dial() net.Conn {
	b.t.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}, Timeout: patience}
	nc, err := from.Dial("tcp", "127.0.0.1:"+b.port)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { nc.Close() })
	return nc
}

// login logs mallory in.
func (b *besieged) login() *ssh.Client {
	b.t.Helper()
	key, err := ssh.ParsePrivateKey([]byte(read(b.t, b.file("keys", "mallory"))))
	if err != nil {
		b.t.Fatal(err)
	}
	host, err := ssh.ParsePrivateKey([]byte(read(b.t, b.file("state", "ssh_host_ed25519_key"))))
	if err != nil {
		b.t.Fatal(err)
	}
	conn, chans, reqs, err := ssh.NewClientConn(b.dial(), "box", &ssh.ClientConfig{
		User: "mallory", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	c := ssh.NewClient(conn, chans, reqs)
	b.t.Cleanup(func() { c.Close() })
	return c
}

// session opens a session of mallory's on a connection of its own.
func (b *besieged) session() (*ssh.Client, *ssh.Session) {
	b.t.Helper()
	c := b.login()
	s, err := c.NewSession()
	if err != nil {
		b.t.Fatal(err)
	}
	return c, s
}

// serves fails unless somebody else is served.
func (b *besieged) serves() {
	b.t.Helper()
	if r := b.ssh(b.t, "alice", "box", "hello"); r.code != 0 || r.stdout != "hello\n" {
		b.t.Fatalf("another user: %s", r)
	}
}

// descriptors are how many the daemon has open.
func (b *besieged) descriptors() int {
	b.t.Helper()
	all, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(b.cmd.Process.Pid), "fd"))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(all)
}

// withstands runs an attack and waits until nothing of it is left.
func (b *besieged) withstands(attack func()) {
	b.t.Helper()
	before, size := b.descriptors(), b.memory(b.t)
	attack()
	b.serves()
	poll(b.t, "the descriptors are back", func() bool { return b.descriptors() <= before+2 })
	if now := b.memory(b.t); now > size+200 { // the race detector's share is large
		b.t.Errorf("the daemon grew from %d to %d MiB", size, now)
	}
}

func TestStrangersAreWithstood(t *testing.T) {
	t.Parallel()
	b := besiege(t)
	random := make([]byte, 64<<10)
	rand.Read(random)
	var silent []net.Conn
	for name, attack := range map[string]func(){
		"garbage": func() {
			nc := b.dial()
			nc.Write(random) // it may be closed in the middle
			nc.Close()
		},
		"half a handshake": func() {
			nc := b.dial()
			io.WriteString(nc, "SSH-2.0-x\r\n")
			nc.Read(make([]byte, 2000))
			nc.Close()
		},
		"silence": func() { silent = append(silent, b.dial()) },
	} {
		b.withstands(func() {
			for range 50 {
				attack()
			}
		})
		t.Logf("%s: withstood", name)
	}
	for _, nc := range silent {
		nc.SetDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, nc); err != nil && os.IsTimeout(err) {
			t.Error("a silent client was not turned out")
		}
	}
}

func TestHostileUsersAreWithstood(t *testing.T) {
	t.Parallel()
	b := besiege(t)
	flood := func(kind string, payload any) func() {
		return func() {
			c, s := b.session()
			defer c.Close()
			for range 500 {
				if _, err := s.SendRequest(kind, false, ssh.Marshal(payload)); err != nil {
					t.Errorf("%s: %v", kind, err)
					return
				}
			}
			if out, err := s.Output("box hello"); err != nil || string(out) != "hello\n" {
				t.Errorf("after the flood of %s: %q, %v", kind, out, err)
			}
		}
	}
	for _, attack := range []func(){
		flood("env", struct{ Name, Value string }{"A", strings.Repeat("x", 20_000)}),
		flood("window-change", struct{ Columns, Rows, Width, Height uint32 }{65535, 65535, 0, 0}),
		flood("signal", struct{ Name string }{"INT"}),
		flood("pty-req", struct {
			Term                         string
			Columns, Rows, Width, Height uint32
			Modes                        string
		}{strings.Repeat("x", 10_000), 65535, 65535, 1 << 31, 1 << 31, ""}),
		func() {
			c := b.login()
			defer c.Close()
			for range 500 {
				c.OpenChannel("direct-tcpip", nil)
			}
		},
		func() {
			c := b.login()
			defer c.Close()
			for range 50 {
				if s, err := c.NewSession(); err == nil {
					s.Start("--run box:localhost -- cat")
				}
			}
		},
	} {
		b.withstands(attack)
	}
}

// One who stops reading holds nothing but his own session: others are served,
// the memory stays, and a daemon that stops does.
func TestClientThatNeverReadsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	b := besiege(t)
	stuck := b.startSSH(t, "mallory", "box", "endless")
	stuck.stdout.waitFor(t, "y\n")
	if err := stuck.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.serves()
	}
	if m := b.memory(t); m > 500 {
		t.Errorf("the daemon has %d MiB", m)
	}
	b.signal(t, syscall.SIGTERM)
	if err := b.wait(); err != nil {
		t.Errorf("the daemon: %v\n%s", err, b.stderr)
	}
}
