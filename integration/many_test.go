package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

// person is somebody at one of the doors, without a terminal program.
type person struct {
	io.Reader
	io.Writer
	leave func(way int) // in one of several ways
	stay  func()        // the time for him begins anew
}

// visitTelnet logs in over telnet, without negotiating.
func visitTelnet(d *daemon) (*person, error) {
	nc, err := net.Dial("tcp", "127.0.0.1:"+d.telnet)
	if err != nil {
		return nil, err
	}
	stay := func() { nc.SetDeadline(time.Now().Add(patience)) } // fails once it is closed
	stay()
	p := &person{bufio.NewReader(nc), nc, func(way int) {
		stay() // others took their time
		switch way {
		case 0:
			fmt.Fprint(nc, "exit\n")
			io.Copy(io.Discard, nc)
		case 1:
			fmt.Fprint(nc, "\x04")
			io.Copy(io.Discard, nc)
		case 2:
			nc.(*net.TCPConn).SetLinger(0) // a reset
		}
		nc.Close()
	}, stay}
	_, err = fmt.Fprintf(nc, "alice\n%s\n", password)
	return p, err
}

// visitSSH logs in over SSH, with a terminal without colours.
func visitSSH(d *daemon, key gossh.Signer, known gossh.HostKeyCallback) (*person, error) {
	c, err := gossh.Dial("tcp", "127.0.0.1:"+d.port, &gossh.ClientConfig{
		User: "alice", Auth: []gossh.AuthMethod{gossh.PublicKeys(key)}, HostKeyCallback: known, Timeout: patience,
	})
	if err != nil {
		return nil, err
	}
	s, err := c.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.RequestPty("dumb", 24, 80, nil); err != nil {
		return nil, err
	}
	// A server that says nothing any more ends the test.
	late := time.AfterFunc(5*patience, func() { c.Close() })
	return &person{bufio.NewReader(out), in, func(way int) {
		defer late.Stop()
		switch way {
		case 0:
			fmt.Fprint(in, "exit\r")
			s.Wait()
		case 1:
			fmt.Fprint(in, "\x04")
			s.Wait()
		case 2:
			s.Close()
		}
		c.Close()
	}, func() { late.Reset(5 * patience) }}, s.Shell()
}

// reads reads up to a text.
func (p *person) reads(text string) error {
	var got strings.Builder
	r := p.Reader.(*bufio.Reader)
	for !strings.Contains(got.String(), text) {
		b, err := r.ReadByte()
		if err != nil {
			return fmt.Errorf("waiting for %q: %w; what came: %q", text, err, got.String())
		}
		got.WriteByte(b)
	}
	return nil
}

// works does something and stays.
func (p *person) works(i int) error {
	if err := p.reads("/ > "); err != nil {
		return err
	}
	line, answer := "pwd", "/\r\n"
	if i%5 == 0 {
		line, answer = fmt.Sprintf("production.web:web%d deploy v%d", i/5%20+1, i), fmt.Sprintf("v%d\r\n", i)
	}
	if _, err := fmt.Fprint(p, line+"\r"); err != nil {
		return err
	}
	if err := p.reads(answer); err != nil { // or its echo
		return err
	}
	return p.reads("/ > ")
}

// descriptors counts what the daemon has open.
func (d *daemon) descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(d.cmd.Process.Pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Sixty, or five hundred in make soak, of both doors.
func TestManyPeopleComeWorkAndGo(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("SKIPPED: there is no /proc to count descriptors in")
	}
	people := 60
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		people = 500
	}
	const atOnce = 8 // logins: each has a password to check, or a key
	d := startTwentyWith(t, daemonOptions{password: hashed(t), extra: fmt.Sprintf(
		"limits: { sessions_per_user: %d, connections_per_user: %[1]d, runs_per_user: %[1]d, exempt: [\"127.0.0.0/8\"] }\n", people)})
	key, err := gossh.ParsePrivateKey([]byte(read(t, d.file("keys", "alice"))))
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := gossh.ParsePrivateKey([]byte(read(t, d.file("state", "ssh_host_ed25519_key"))))
	if err != nil {
		t.Fatal(err)
	}
	if r := d.ssh(t, "alice", "production.web", "deploy", "v0"); r.code != 0 { // every target is connected
		t.Fatal(r)
	}
	baseline := d.descriptors(t)

	var all sync.WaitGroup
	var inside sync.WaitGroup
	inside.Add(people)
	gate, together := make(chan struct{}, atOnce), make(chan struct{})
	for i := range people {
		all.Go(func() {
			var p *person
			var err error
			gate <- struct{}{}
			if i%2 == 0 {
				p, err = visitTelnet(d.daemon)
			} else {
				p, err = visitSSH(d.daemon, key, gossh.FixedHostKey(hostKey.PublicKey()))
			}
			if err == nil {
				err = p.works(i)
			}
			<-gate
			if err != nil {
				t.Errorf("person %d: %v", i, err)
			}
			inside.Done()
			<-together
			if p != nil {
				p.leave(i / 2 % 4)
			}
		})
	}
	inside.Wait()
	t.Logf("%d descriptors with %d people, %d before", d.descriptors(t), people, baseline)
	close(together)
	all.Wait()
	poll(t, "no more descriptors than before", func() bool { return d.descriptors(t) <= baseline+2 })
	// A descriptor goes a moment before its goroutine: a reload takes longer.
	if r := run(t, "", binary, "reload", "--config", d.file("deployerd.yaml")); r.code != 0 {
		t.Error(r)
	}
	leftovers(t, d.daemon)
}

// ofSessions is what stands in the stack of a goroutine that belongs to a
// session or to a connection of one.
var ofSessions = regexp.MustCompile(`deployerd/(session\.\(\*Session\)|server\.(\(\*(caller|client|channel)\)|converse|pump)|server/internal/telnet)`)

// leftovers ends the daemon with a list of its goroutines, and fails the test
// when one of a session is among them.
func leftovers(t testing.TB, d *daemon) {
	t.Helper()
	d.signal(t, syscall.SIGQUIT)
	_ = d.wait() // it was killed: that is its status
	for _, goroutine := range strings.Split(d.stderr.String(), "\n\n") {
		if strings.HasPrefix(goroutine, "goroutine ") && ofSessions.MatchString(goroutine) {
			t.Errorf("left behind:\n%s", goroutine)
		}
	}
	if !strings.Contains(d.stderr.String(), "\ngoroutine ") {
		t.Error("the daemon listed no goroutines")
	}
}
