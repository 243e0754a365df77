package host_test

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

var errRefused = errors.New("refused")

// scripted is how an SSH server of a test answers. The zero value lets every
// key in and answers every exec with status 0 at once.
type scripted struct {
	hostKeyPEM []byte
	hostKey    ssh.Signer // instead of hostKeyPEM, for certificates
	refuse     bool       // no key may log in
	password   string     // may log in with; "": none may
	question   string     // it asks for the password with; "": it is sent unasked
	channels   int        // at most so many on a connection; 0: any number; -1: none
	mute       int        // so many channels are open on a connection and the next is not answered; 0: all are; -1: none is
	noExec     bool
	exec       func(ssh.Channel) // carries a command; it closes the channel
}

// scriptedServer is an SSH server on loopback that counts.
type scriptedServer struct {
	scripted
	options   host.SSHOptions
	hostLine  string
	listener  net.Listener
	conns     atomic.Int32 // TCP connections so far
	logins    atomic.Int32 // keys that were tried
	passwords atomic.Int32 // that were tried
	wg        sync.WaitGroup
	ended     chan struct{} // an element for each connection that has ended, up to its room

	mu   sync.Mutex
	open []net.Conn
}

func startScripted(t testing.TB, script scripted) *scriptedServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newScripted(t, script)
	s.listener = l
	s.options.Port = l.Addr().(*net.TCPAddr).Port
	s.wg.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

// newScripted makes a server that does not listen: serve is given connections.
func newScripted(t testing.TB, script scripted) *scriptedServer {
	t.Helper()
	if script.hostKeyPEM == nil {
		pem, _, err := hosttest.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		script.hostKeyPEM = pem
	}
	if script.hostKey == nil {
		script.hostKey = signer(t, script.hostKeyPEM)
	}
	s := &scriptedServer{scripted: script, ended: make(chan struct{}, 10)}
	s.hostLine = string(ssh.MarshalAuthorizedKey(signer(t, script.hostKeyPEM).PublicKey()))
	s.options = host.SSHOptions{
		Address: "127.0.0.1", User: "deploy",
		IdentityFiles: []string{hosttest.WriteKey(t, t.TempDir(), "key")}, HostKey: s.hostLine,
	}
	return s
}

func signer(t testing.TB, pem []byte) ssh.Signer {
	t.Helper()
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// close ends the listener and all connections.
func (s *scriptedServer) close() {
	_ = s.listener.Close()
	s.drop()
	s.wg.Wait()
}

// drop closes all connections.
func (s *scriptedServer) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

func (s *scriptedServer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.conns.Add(1)
		s.mu.Lock()
		s.open = append(s.open, c)
		s.mu.Unlock()
		s.wg.Go(func() { s.serve(c) })
	}
}

func (s *scriptedServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		s.logins.Add(1)
		if s.refuse {
			return nil, errRefused
		}
		return nil, nil
	}}
	s.takePasswords(config)
	config.AddHostKey(s.hostKey)
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	defer func() {
		select {
		case s.ended <- struct{}{}:
		default:
		}
	}()
	var open atomic.Int32
	for n := range channels {
		if s.mute != 0 && int(open.Load()) >= max(s.mute, 0) {
			continue
		}
		if s.channels != 0 && int(open.Load()) >= s.channels {
			_ = n.Reject(ssh.ResourceShortage, "no more sessions")
			continue
		}
		open.Add(1)
		ch, requests, err := n.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() {
			s.session(ch, requests)
			open.Add(-1)
		})
	}
}

// takePasswords has it take passwords, and count the tries.
func (s *scriptedServer) takePasswords(config *ssh.ServerConfig) {
	check := func(text string) (*ssh.Permissions, error) {
		s.passwords.Add(1)
		if text != s.password {
			return nil, errRefused
		}
		return nil, nil
	}
	if s.password == "" {
		return
	}
	if s.question == "" {
		config.PasswordCallback = func(_ ssh.ConnMetadata, text []byte) (*ssh.Permissions, error) { return check(string(text)) }
	}
	config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
		answers, err := ask("", "", []string{s.question}, []bool{s.question == "Name: "})
		if err != nil {
			return nil, err
		}
		return check(answers[0])
	}
}

func (s *scriptedServer) session(ch ssh.Channel, requests <-chan *ssh.Request) {
	for r := range requests {
		if r.WantReply {
			_ = r.Reply(!s.noExec, nil)
		}
		switch {
		case s.noExec:
		case s.exec != nil:
			s.wg.Go(func() { s.exec(ch) })
		default:
			exitZero(ch)
		}
	}
}

// exitZero ends a command well.
func exitZero(ch ssh.Channel) {
	_, _ = ch.SendRequest("exit-status", false, make([]byte, 4))
	_ = ch.Close()
}
