package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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
// resolving, dialling, the handshake and the login. It notes how far it is.
func (h *sshHost) connect(ctx context.Context, stage *atomic.Value) (*sshLink, *stageError) {
	late := fmt.Errorf("no answer within %s", h.o.ConnectTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, h.o.ConnectTimeout, late)
	defer cancel()
	fail := func(err error) (*sshLink, *stageError) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &stageError{stage.Load().(Stage), err}
	}
	conn, err := h.pool.dialer(ctx, h.address, func() { stage.Store(StageDial) })
	if err != nil {
		return fail(dialCause(err))
	}
	stage.Store(StageDial)
	// The deadline must also hold for the key exchange and the login, and for
	// whoever cancels.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	link, err := h.handshake(conn, stage)
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
func (h *sshHost) handshake(conn net.Conn, stage *atomic.Value) (*sshLink, error) {
	check, err := h.hostKeys()
	if err != nil {
		_ = conn.Close() // the error that matters is there already
		stage.Store(StageHostKey)
		return nil, err
	}
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
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(h.signers)},
	}
	c, channels, requests, err := ssh.NewClientConn(conn, h.address, config)
	if err != nil {
		var differ *ssh.AlgorithmNegotiationError
		if errors.As(err, &differ) && differ.What == "host key" {
			stage.Store(StageHostKey)
		}
		return nil, h.handshakeError(err, verdict.Load())
	}
	return &sshLink{conn: c, channels: channels, requests: requests, peer: conn.RemoteAddr().String() + " " + *shown.Load()}, nil
}

// handshakeError says what the library's error means at the stage reached.
func (h *sshHost) handshakeError(err error, verdict *error) error {
	var files *identityError
	switch {
	case verdict == nil:
		return fmt.Errorf("no SSH connection: %w", err)
	case *verdict != nil:
		return *verdict
	case errors.As(err, &files):
		return files
	case strings.Contains(err.Error(), "unable to authenticate"):
		return fmt.Errorf("it refuses user %s with the keys in %s: %w", h.o.User, strings.Join(h.o.IdentityFiles, ", "), err)
	}
	return err
}

// identityError says that there is no key to log in with, and why not.
type identityError struct{ causes []error }

func (e *identityError) Error() string {
	if len(e.causes) == 0 {
		return "there is no identity file to log in with"
	}
	texts := make([]string, len(e.causes))
	for i, err := range e.causes {
		texts[i] = err.Error()
	}
	return "no identity file can be used: " + strings.Join(texts, "; ")
}

func (e *identityError) Unwrap() []error { return e.causes }

// signers reads the identity files. Those that cannot be used are left out, as
// long as there is one.
func (h *sshHost) signers() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	var causes []error
	for _, path := range h.o.IdentityFiles {
		signer, err := readIdentity(path)
		if err != nil {
			causes = append(causes, err)
			continue
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, &identityError{causes}
	}
	for _, err := range causes {
		h.pool.logger().Warn("identity file skipped", "host", h.name, "err", err)
	}
	return signers, nil
}

func readIdentity(path string) (ssh.Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxIdentity {
		return nil, fmt.Errorf("%s: no regular file of at most %d bytes", path, maxIdentity)
	}
	pem, err := os.ReadFile(path)
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
