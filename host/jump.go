package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxJumps bounds the hops on the way to a host.
const maxJumps = 8

// jump is one hop as it is written: user "" and port 0 are not.
type jump struct {
	user, name string
	port       int
}

// CheckProxyJump says what is wrong with a ProxyJump as it is written.
func CheckProxyJump(text string) error {
	_, err := parseJumps(text)
	return err
}

// parseJumps reads a ProxyJump: ssh_config(5).
func parseJumps(text string) ([]jump, error) {
	if text == "" || strings.EqualFold(text, "none") {
		return nil, nil
	}
	var jumps []jump
	for part := range strings.SplitSeq(text, ",") {
		j, err := parseJump(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("proxy jump %q: %w", text, err)
		}
		jumps = append(jumps, j)
	}
	if len(jumps) > maxJumps {
		return nil, fmt.Errorf("proxy jump %q: more than %d hops", text, maxJumps)
	}
	return jumps, nil
}

// parseJump reads [user@]host[:port], where an IPv6 address with a port stands
// in brackets.
func parseJump(text string) (jump, error) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "ssh://"), "/")
	var j jump
	rest := text
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		j.user, rest = text[:i], text[i+1:]
		if j.user == "" {
			return j, fmt.Errorf("%q has no user before the @", text)
		}
	}
	j.name = rest
	if strings.HasPrefix(rest, "[") || strings.Count(rest, ":") == 1 {
		name, port, err := net.SplitHostPort(rest)
		if err != nil && strings.HasSuffix(rest, "]") {
			name, err = rest[1:len(rest)-1], nil
		}
		if err != nil {
			return j, fmt.Errorf("%q is not [user@]host[:port]", text)
		}
		j.name = name
		if j.port, err = jumpPort(port); err != nil {
			return j, fmt.Errorf("%q: %w", text, err)
		}
	}
	if j.name == "" || strings.HasPrefix(j.name, "-") {
		return j, fmt.Errorf("%q is not [user@]host[:port]", text)
	}
	return j, SSHOptions{Address: j.name, User: j.user, Port: max(j.port, 1)}.validate()
}

func jumpPort(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("%q is no port", text)
	}
	return port, nil
}

// route finds the hops before h, once: what they are called may become known
// only after h was made.
func (h *sshHost) route() error {
	h.routing.Do(func() {
		h.via, h.noRoute = h.pool.hops(h.o, 0)
		h.settleVia()
	})
	return h.noRoute
}

// settleVia makes the way a part of the key.
func (h *sshHost) settleVia() {
	if h.via != nil {
		h.key.via = fmt.Sprintf("%#v", h.via.key)
	}
}

// hops makes the hosts on the way of o and returns the last. The first of them
// is reached by its own way, the others from the one before.
func (p *Pool) hops(o SSHOptions, before int) (*sshHost, error) {
	jumps, err := parseJumps(o.ProxyJump)
	if err != nil {
		return nil, err
	}
	if before += len(jumps); before > maxJumps {
		return nil, fmt.Errorf("more than %d hops: does the way to %s lead through itself?", maxJumps, jumps[0].name)
	}
	var last *sshHost
	for i, j := range jumps {
		options, err := j.options(o)
		if err != nil {
			return nil, fmt.Errorf("proxy jump %s: %w", j.name, err)
		}
		hop, err := p.newSSH(j.name, options)
		if err != nil {
			return nil, fmt.Errorf("proxy jump: %w", err)
		}
		via := last
		if i == 0 {
			if via, err = p.hops(hop.o, before); err != nil {
				return nil, err
			}
		}
		hop.routing.Do(func() { hop.via = via })
		hop.settleVia()
		last = hop
	}
	return last, nil
}

// options are those of a hop before a host with the options o.
func (j jump) options(o SSHOptions) (hop SSHOptions, err error) {
	if o.Jump != nil {
		if hop, err = o.Jump(j.name); err != nil {
			return hop, err
		}
	} else {
		hop = SSHOptions{
			IdentityFiles: o.IdentityFiles, CertificateFiles: o.CertificateFiles, Agent: o.Agent, AgentSocket: o.AgentSocket,
			KnownHosts: o.KnownHosts, ConnectTimeout: o.ConnectTimeout, Keepalive: o.Keepalive,
		}
	}
	if j.user != "" {
		hop.User = j.user
	}
	if j.port != 0 {
		hop.Port = j.port
	}
	return hop, nil
}

// hopError is what happened at a hop, for those who wanted to go further.
type hopError struct{ err error }

func (e *hopError) Error() string { return "by way of " + e.err.Error() }
func (e *hopError) Unwrap() error { return e.err }

// ofHop says whether an error is one of a hop, and says nothing of the target.
func ofHop(err error) bool {
	_, ok := errors.AsType[*hopError](err)
	return ok
}

// tunnel opens a way to h through the hop before it, over a connection of the
// pool, on which it takes the room of a channel until it is closed.
func (h *sshHost) tunnel(ctx context.Context, stage *atomic.Value) (net.Conn, *stageError) {
	stage.Store(StageDial)
	oldest := h.pool.generation()
	var avoid []*poolConn
	for {
		c, failed := h.pool.acquire(ctx, h.via, avoid)
		if failed != nil {
			return nil, &stageError{StageDial, &hopError{h.via.dialError(failed)}}
		}
		conn, err := h.forward(ctx, c)
		switch {
		case err == nil:
			return conn, nil
		case err.again && c.born <= oldest || err.elsewhere:
			avoid = append(avoid, c)
		default:
			return nil, &stageError{StageDial, &hopError{h.via.dialError(&err.stageError)}}
		}
	}
}

// forwarded is the answer to a request for a way.
type forwarded struct {
	conn net.Conn
	err  *startError
}

// forward asks for a way to h over c, within the connect time-out. A hop that
// goes on trying afterwards keeps the slot until it answers.
func (h *sshHost) forward(ctx context.Context, c *poolConn) (net.Conn, *startError) {
	answer := make(chan forwarded)
	gone := make(chan struct{})
	go func() {
		conn, err := h.openForward(c)
		select {
		case answer <- forwarded{conn, err}:
		case <-gone:
			if conn != nil {
				_ = conn.Close() // nobody wants it any more
			}
		}
	}()
	late := time.NewTimer(h.o.ConnectTimeout)
	defer late.Stop()
	var cause error
	select {
	case a := <-answer:
		return a.conn, a.err
	case <-late.C:
		cause = fmt.Errorf("no way on to %s within %s", h.address, h.o.ConnectTimeout)
	case <-ctx.Done():
		cause = context.Cause(ctx)
	}
	close(gone)
	return nil, &startError{stageError: stageError{StageChannel, cause}}
}

// openForward opens the channel: RFC 4254 section 7.2.
func (h *sshHost) openForward(c *poolConn) (net.Conn, *startError) {
	ch, requests, err := c.ssh.OpenChannel("direct-tcpip", ssh.Marshal(struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}{h.o.Address, uint32(h.o.Port), "127.0.0.1", 0}))
	if err != nil {
		return nil, h.notForwarded(c, err)
	}
	c.opened()
	return pump(c, ch, requests, h.address), nil
}

// notForwarded gives the slot back and says what the failed open means.
func (h *sshHost) notForwarded(c *poolConn, err error) *startError {
	failed := &startError{stageError: stageError{StageChannel, err}}
	refusal, ok := errors.AsType[*ssh.OpenChannelError](err)
	if !ok {
		failed.again, failed.err = true, c.broken()
		return failed
	}
	if refusal.Reason == ssh.ResourceShortage {
		failed.again = c.refused()
		failed.elsewhere = !failed.again
	} else {
		c.unused()
	}
	why := "it forwards no connections"
	if refusal.Reason == ssh.ConnectionFailed {
		why = "it cannot connect"
	}
	failed.err = fmt.Errorf("%s to %s: %w", why, h.address, err)
	return failed
}

// pump carries a channel over a pipe, whose end can be closed whether or not
// the hop still answers. The slot on c is given back when the channel is closed.
func pump(c *poolConn, ch ssh.Channel, requests <-chan *ssh.Request, address string) net.Conn {
	near, far := net.Pipe()
	go func() {
		_, _ = io.Copy(ch, far) // ends when either side does
		_ = ch.Close()
		_ = far.Close()
	}()
	go func() {
		_, _ = io.Copy(far, ch)
		_ = far.Close()
	}()
	go func() {
		ssh.DiscardRequests(requests)
		_ = far.Close()
		c.finished()
	}()
	return tunnelConn{near, tunnelAddr(address)}
}

// tunnelConn is a connection that does not begin here.
type tunnelConn struct {
	net.Conn
	to tunnelAddr
}

func (t tunnelConn) RemoteAddr() net.Addr { return t.to }

type tunnelAddr string

func (tunnelAddr) Network() string  { return "tcp" }
func (a tunnelAddr) String() string { return string(a) }
