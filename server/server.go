package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"charm.land/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
)

// Limits bound what a stranger and a user may take. A zero value takes the
// default of CONFIG.md, so that nothing is unlimited by omission.
type Limits struct {
	StartupsBegin, StartupsRate, StartupsFull int           // random early drop over connections that are not logged in
	PerSource                                 int           // connections not logged in, per /32 or /64
	LoginGrace                                time.Duration // from accept to login by SSH
	LoginGraceTelnet                          time.Duration // the same by telnet
	ConnectionsPerUser                        int
	ChannelsPerConnection                     int
	Exempt                                    []netip.Prefix // free of PerSource and penalties
}

// Options make a Server.
type Options struct {
	Listeners     []net.Listener // TCP, for SSH; the server owns them from New on
	Telnet        []net.Listener // TCP, for telnet; the same
	TelnetTLS     *tls.Config    // what telnet is spoken over; nil is clear text
	HostKeys      [][]byte       // private keys in PEM; at least one
	Banner        string
	ProxyProtocol []netip.Prefix // whose PROXY headers are believed (and required)
	Limits        Limits
	Manager       *session.Manager
	Journal       *journal.Journal
	Guard         *auth.Guard
	Log           *slog.Logger
}

// Server serves SSH and telnet on all its listeners.
type Server struct {
	log       *slog.Logger
	ssh       *ssh.Server // wish's; it is handed connections and never listens
	listeners []net.Listener
	telnet    []net.Listener
	tls       *tls.Config // of telnet
	banner    string      // before the login, with CR LF
	proxies   []netip.Prefix
	door      door
	guard     guard
	audit     recorder
	admission *admission
	keepalive keepalive
	patience  time.Duration // with a telnet peer that sends no more

	refused chan struct{} // closed by Refuse
	stopped chan struct{} // closed by Shutdown

	mu      sync.Mutex
	ran     bool
	clients map[connection]struct{}
	wg      sync.WaitGroup // every goroutine; grows only under mu and before stopped
}

// New checks the options (no host key, no listener: an error) and makes a
// server that does not accept yet; after an error the listeners are the
// caller's again. Host keys are ed25519, or RSA of 3072 to
// 8192 bits, not encrypted, one of each type.
func New(o Options) (*Server, error) {
	if o.Manager == nil || o.Journal == nil || o.Guard == nil {
		return nil, errors.New("server: a manager, a journal and a guard are needed")
	}
	return build(o, managerDoor{o.Manager}, o.Guard, o.Journal)
}

// build makes a server of the parts that tests replace.
func build(o Options, d door, g guard, r recorder) (*Server, error) {
	if len(o.Listeners)+len(o.Telnet) == 0 {
		return nil, errors.New("server: no listener")
	}
	s := &Server{
		log:       o.Log,
		listeners: o.Listeners,
		telnet:    o.Telnet,
		tls:       o.TelnetTLS,
		banner:    asBanner(o.Banner),
		proxies:   o.ProxyProtocol,
		door:      d,
		guard:     g,
		audit:     r,
		admission: newAdmission(o.Limits),
		keepalive: keepalive{every: 15 * time.Second, missed: 3},
		// Most who do are gone, and a run that says nothing would never find out.
		patience: 30 * time.Second,
		refused:  make(chan struct{}),
		stopped:  make(chan struct{}),
		clients:  make(map[connection]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "server")
	var err error
	s.ssh, err = s.newSSH(o.HostKeys, o.Banner)
	return s, err
}

// SetLimits changes the limits for connections to come.
func (s *Server) SetLimits(l Limits) { s.admission.setLimits(l) }

// Run accepts until ctx ends or Shutdown, and returns nil then; the error is
// that of a listener that cannot accept any more. Connections outlive it, until
// Shutdown. Once: a second call is an error.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.ran {
		s.mu.Unlock()
		return errors.New("server: Run was called twice")
	}
	s.ran = true
	s.mu.Unlock()

	failed := make(chan error, len(s.listeners)+len(s.telnet))
	var loops sync.WaitGroup
	serve := func(l net.Listener, open func(net.Conn) connection) {
		loops.Go(func() {
			if err := s.accept(l, open); err != nil {
				failed <- err
			}
		})
	}
	for _, l := range s.listeners {
		serve(l, func(nc net.Conn) connection { return newClient(s, nc) })
	}
	for _, l := range s.telnet {
		serve(l, func(nc net.Conn) connection { return newCaller(s, nc) })
	}
	var err error
	select {
	case <-ctx.Done():
	case <-s.stopped:
	case err = <-failed:
	}
	s.Refuse()
	loops.Wait()
	return err
}

// Refuse closes the listeners: no new logins. What is open goes on.
func (s *Server) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(s.refused) {
		return
	}
	close(s.refused)
	for _, l := range slices.Concat(s.listeners, s.telnet) {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.log.Warn("closing a listener", "remote", l.Addr().String(), "err", err)
		}
	}
}

// Shutdown refuses, closes every connection, which ends its sessions with
// session.ErrStopping, and waits for all goroutines, at most until ctx ends;
// then the error wraps its cause. Idempotent: each call waits.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Refuse()
	for _, c := range s.stop() {
		c.close(session.ErrStopping)
	}
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("server: connections still open: %w", context.Cause(ctx))
	}
}

// stop ends the taking in of goroutines and returns the connections there are.
func (s *Server) stop() []connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ended(s.stopped) {
		close(s.stopped)
	}
	all := make([]connection, 0, len(s.clients))
	for c := range s.clients {
		all = append(all, c)
	}
	return all
}

// enter counts a goroutine in, unless the server was shut down: then nobody
// waits for it any more and it must not start. s.wg.Done counts it out.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(s.stopped) {
		return false
	}
	s.wg.Add(1)
	return true
}

// keep remembers a connection for Shutdown and counts its goroutine in.
func (s *Server) keep(c connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(s.stopped) {
		return false
	}
	s.clients[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) forget(c connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
	s.wg.Done()
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
