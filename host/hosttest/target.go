package hosttest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"
)

const (
	targetConns    = 256              // connections at once
	targetLogin    = 20 * time.Second // for the handshake and the login
	targetSessions = 10               // as OpenSSH's MaxSessions
)

// TargetOptions make a [Target].
type TargetOptions struct {
	Addr           string   // where to listen; "" is 127.0.0.1:0
	HostKeyPEM     []byte   // an OpenSSH private key; nil makes one
	AuthorizedKeys []string // authorized_keys lines without options; others are refused
	Home           string   // where commands start, must exist; "" is the working folder
	Name           string   // the commands' HOSTNAME; "" is "target"
	Env            []string // more variables for commands, NAME=VALUE
	PathPrepend    string   // a folder in front of the commands' PATH
	MaxSessions    int      // channels per connection; 0: 10
	Log            *slog.Logger
}

// Target is an in-process SSH server for loopback: the target of the demo and
// of tests. Whoever has an authorized key runs commands as the user of this
// process, by a real /bin/sh, each in a session of its own. As with sshd, a
// command goes on when its channel closes, unless it has a terminal: that hangs
// up. No subsystem or forwarding.
type Target struct {
	o        TargetOptions
	log      *slog.Logger
	listener net.Listener
	server   *gliderssh.Server
	hostKey  ssh.PublicKey
	keys     map[string]bool
	env      []string
	mark     string // a variable that all its commands carry
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]int // with the number of sessions
	groups map[int]bool     // process groups of running commands
	closed bool
}

// StartTarget listens and serves until Close. The error says what is wrong
// with the options, or that the address cannot be had.
func StartTarget(o TargetOptions) (*Target, error) {
	t := &Target{o: o, log: o.Log, conns: make(map[net.Conn]int), groups: make(map[int]bool), mark: targetMark + rand.Text()}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if err := t.configure(); err != nil {
		return nil, fmt.Errorf("target %s: %w", t.o.Name, err)
	}
	listener, err := net.Listen("tcp", t.o.Addr)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.o.Name, err)
	}
	t.listener = listener
	t.wg.Go(t.accept)
	return t, nil
}

func (t *Target) configure() error {
	if t.o.Addr == "" {
		t.o.Addr = "127.0.0.1:0"
	}
	if t.o.Name == "" {
		t.o.Name = "target"
	}
	if t.o.MaxSessions <= 0 {
		t.o.MaxSessions = targetSessions
	}
	t.log = t.log.With("component", "target", "host", t.o.Name)
	var err error
	if t.keys, err = parseKeys(t.o.AuthorizedKeys); err != nil {
		return err
	}
	if t.env, err = t.environment(); err != nil {
		return err
	}
	pem := t.o.HostKeyPEM
	if pem == nil {
		if pem, _, err = NewKey(); err != nil {
			return err
		}
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	t.hostKey = signer.PublicKey()
	t.server = &gliderssh.Server{
		HostSigners:      []gliderssh.Signer{signer},
		Version:          "deployerd-target",
		PublicKeyHandler: t.authorized,
		ConnCallback:     func(ctx gliderssh.Context, c net.Conn) net.Conn { ctx.SetValue(targetConnKey{}, c); return c },
		ChannelHandlers:  map[string]gliderssh.ChannelHandler{"session": t.session},
	}
	return nil
}

// environment is that of a fresh login.
func (t *Target) environment() ([]string, error) {
	if t.o.Home == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		t.o.Home = wd
	}
	if info, err := os.Stat(t.o.Home); err != nil || !info.IsDir() {
		return nil, errors.Join(fmt.Errorf("home %s is no folder", t.o.Home), err)
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if t.o.PathPrepend != "" {
		path = t.o.PathPrepend + ":" + path
	}
	env := []string{
		"HOME=" + t.o.Home, "USER=" + me.Username, "LOGNAME=" + me.Username,
		"SHELL=/bin/sh", "PATH=" + path, "HOSTNAME=" + t.o.Name,
	}
	return append(slices.Concat(env, t.o.Env), t.mark), nil
}

// Addr is where the target listens, host:port.
func (t *Target) Addr() string { return t.listener.Addr().String() }

// Port is the port of Addr.
func (t *Target) Port() int {
	_, port := splitPort(t.Addr())
	return port
}

// HostKeyLine is the host key as in authorized_keys, without a newline.
func (t *Target) HostKeyLine() string { return keyLine(t.hostKey) }

// KnownHostsLine is the target's line in known_hosts, without a newline.
func (t *Target) KnownHostsLine() string { return KnownHostsLine(t.HostKeyLine(), t.Addr()) }

// Drop closes all connections, as a network that breaks. Commands go on.
func (t *Target) Drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		_ = c.Close() // it is meant to break
	}
}

// Close stops listening, closes all connections and kills what its commands
// left running. It may be called again.
func (t *Target) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	if !first {
		return nil
	}
	err := t.listener.Close()
	t.Drop()
	t.mu.Lock()
	for pgid := range t.groups {
		killGroup(pgid)
	}
	t.mu.Unlock()
	left := killMarked(t.mark)
	t.wg.Wait()
	return errors.Join(err, left)
}

// accept serves connections until the listener is closed.
func (t *Target) accept() {
	for {
		conn, err := t.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say: others are served on
			t.log.Warn("accept", "err", err)
			<-time.After(100 * time.Millisecond)
			continue
		}
		if !t.admit(conn) {
			_ = conn.Close() // refused
			continue
		}
		t.wg.Go(func() { t.serve(conn) })
	}
}

func (t *Target) admit(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.conns) >= targetConns {
		return false
	}
	t.conns[conn] = 0
	return true
}

// serve is one connection, from the handshake to its end.
func (t *Target) serve(conn net.Conn) {
	defer t.recovered()
	defer func() {
		_ = conn.Close() // it has ended
		t.mu.Lock()
		delete(t.conns, conn)
		t.mu.Unlock()
	}()
	if err := conn.SetDeadline(time.Now().Add(targetLogin)); err != nil {
		return
	}
	t.server.HandleConn(conn)
}

// recovered keeps a panic to its connection or session.
func (t *Target) recovered() {
	if v := recover(); v != nil {
		t.log.Error("panic", "err", v, "stack", string(debug.Stack()))
	}
}

// targetConnKey is where a connection's context keeps its net.Conn.
type targetConnKey struct{}

// authorized tells whether a key may log in; the deadline for that ends then.
func (t *Target) authorized(ctx gliderssh.Context, key gliderssh.PublicKey) bool {
	if !t.keys[string(key.Marshal())] {
		return false
	}
	conn, ok := ctx.Value(targetConnKey{}).(net.Conn)
	return ok && conn.SetDeadline(time.Time{}) == nil
}

// session is one session channel.
func (t *Target) session(_ *gliderssh.Server, _ *ssh.ServerConn, channel ssh.NewChannel, ctx gliderssh.Context) {
	defer t.recovered()
	conn, _ := ctx.Value(targetConnKey{}).(net.Conn)
	if !t.enter(conn) {
		_ = channel.Reject(ssh.ResourceShortage, "too many sessions") // fails only with the connection
		return
	}
	defer t.leave(conn)
	ch, requests, err := channel.Accept()
	if err != nil {
		return
	}
	s := &targetSession{target: t, ch: ch}
	s.serve(requests)
}

// enter counts a session, which Close waits for.
func (t *Target) enter(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.conns[conn]
	if !ok || t.closed || n >= t.o.MaxSessions {
		return false
	}
	t.conns[conn]++
	t.wg.Add(1)
	return true
}

func (t *Target) leave(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.conns[conn]; ok {
		t.conns[conn]--
	}
	t.wg.Done()
}
