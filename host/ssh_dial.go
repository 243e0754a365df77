package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// sshAlgorithms are what we offer to targets, without those that the library
// calls insecure. They are in its order: AES-GCM before ChaCha20.
var sshAlgorithms = ssh.SupportedAlgorithms()

// maxIdentity bounds the size of a private key file.
const maxIdentity = 64 << 10

// dialTCP resolves and dials. resolved is called between the two.
func dialTCP(ctx context.Context, address string, resolved func()) (net.Conn, error) {
	d := net.Dialer{
		KeepAlive: -1, // SSH keepalives do it
		ControlContext: func(context.Context, string, string, syscall.RawConn) error {
			resolved()
			return nil
		},
	}
	return d.DialContext(ctx, "tcp", address)
}

// connect makes one connection, within the connect time-out for all of it:
// resolving, dialling, the handshake and the login; a tunnel is dialled already.
// It notes how far it is.
func (h *sshHost) connect(ctx context.Context, stage *atomic.Value, tunnel net.Conn) (*sshLink, *stageError) {
	late := fmt.Errorf("no answer within %s", h.o.ConnectTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, h.o.ConnectTimeout, late)
	defer cancel()
	fail := func(err error) (*sshLink, *stageError) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &stageError{stage.Load().(Stage), err}
	}
	conn := tunnel
	if conn == nil {
		var err error
		if conn, err = h.pool.dialer(ctx, h.address, func() { stage.Store(StageDial) }); err != nil {
			return fail(dialCause(err))
		}
	}
	stage.Store(StageDial)
	// The deadline must also hold for the key exchange and the login, and for
	// whoever cancels.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	link, err := h.handshake(ctx, conn, stage)
	if err != nil {
		stop()
		return fail(err)
	}
	if !stop() {
		link.abandon(&h.pool.wg)
		return fail(nil)
	}
	return link, nil
}

// dialCause takes the address, which a DialError has already, out of err.
func dialCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// handshake does the key exchange and the login. It closes conn on errors.
func (h *sshHost) handshake(ctx context.Context, conn net.Conn, stage *atomic.Value) (*sshLink, error) {
	check, err := h.hostKeys()
	if err != nil {
		_ = conn.Close() // the error that matters is there already
		stage.Store(StageHostKey)
		return nil, err
	}
	with := &credentials{host: h, ctx: ctx}
	defer with.close()
	var verdict atomic.Pointer[error] // of the first key exchange
	var shown atomic.Pointer[string]
	config := &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: sshAlgorithms.KeyExchanges, Ciphers: sshAlgorithms.Ciphers, MACs: sshAlgorithms.MACs},
		User:              h.o.User,
		ClientVersion:     "SSH-2.0-deployerd",
		HostKeyAlgorithms: check.algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			stage.Store(StageHostKey)
			err := check.verify(key)
			verdict.CompareAndSwap(nil, &err)
			if err == nil {
				stage.Store(StageLogin)
				fingerprint := ssh.FingerprintSHA256(key)
				shown.Store(&fingerprint)
			}
			return err
		},
		// Asked for only after the host key was found good.
		Auth: with.methods(),
	}
	c, channels, requests, err := ssh.NewClientConn(conn, h.address, config)
	if err != nil {
		var differ *ssh.AlgorithmNegotiationError
		if errors.As(err, &differ) && differ.What == "host key" {
			stage.Store(StageHostKey)
		}
		return nil, h.handshakeError(err, verdict.Load(), with)
	}
	return &sshLink{conn: c, channels: channels, requests: requests, peer: conn.RemoteAddr().String() + " " + *shown.Load()}, nil
}

// handshakeError says what the library's error means at the stage reached.
func (h *sshHost) handshakeError(err error, verdict *error, with *credentials) error {
	switch {
	case verdict == nil:
		return fmt.Errorf("no SSH connection: %w", err)
	case *verdict != nil:
		return *verdict
	case with.wrong != nil && h.o.Password == nil:
		return with.wrong
	case errors.Is(err, errTried), with.wrong != nil:
		return fmt.Errorf("it refuses user %s with %s", h.o.User, with.tried())
	case errors.Is(err, errAsksMore), strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("it refuses user %s with %s: %w", h.o.User, with.tried(), err)
	}
	return err
}

// identityError says that there is no key to log in with, and why not.
type identityError struct{ causes []error }

func (e *identityError) Error() string {
	if len(e.causes) == 0 {
		return "there is no identity file to log in with, no agent and no password"
	}
	texts := make([]string, len(e.causes))
	for i, err := range e.causes {
		texts[i] = err.Error()
	}
	return "no identity file can be used: " + strings.Join(texts, "; ")
}

func (e *identityError) Unwrap() []error { return e.causes }

func readIdentity(path string) (ssh.Signer, error) {
	pem, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		return nil, fmt.Errorf("%s: the key is encrypted", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}
