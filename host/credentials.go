package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Password is a password that is read when it is used. Two of one name are
// taken for the same.
type Password struct {
	Name string                 // what stands in errors; never the password
	Read func() (string, error) // may be called from several goroutines
}

var (
	errTried    = errors.New("the password was tried")
	errAsksMore = errors.New("it asks for more than a password")
)

// maxPassword bounds a password, in bytes.
const maxPassword = 1 << 10

func (p *Password) name() string {
	if p == nil {
		return ""
	}
	return p.Name
}

// text reads the password.
func (p *Password) text() (string, error) {
	text, err := p.Read()
	switch {
	case err != nil:
		return "", err
	case text == "" || len(text) > maxPassword || strings.ContainsAny(text, "\x00\r\n"):
		return "", fmt.Errorf("%s is no password: it has 1 to %d bytes, and one line", p.Name, maxPassword)
	}
	return text, nil
}

// credentials are what one login uses. Nothing of it is read before the
// target's host key was found good.
type credentials struct {
	host  *sshHost
	ctx   context.Context
	agent net.Conn // nil: not asked
	said  bool     // the password was sent: there is one try
	wrong error    // why there was no key, or no password, to try
}

func (c *credentials) methods() []ssh.AuthMethod {
	o := c.host.o
	var methods []ssh.AuthMethod
	if len(o.IdentityFiles) > 0 || o.Agent || o.Password == nil {
		methods = append(methods, ssh.PublicKeysCallback(c.signers))
	}
	if o.Password != nil {
		methods = append(methods, ssh.PasswordCallback(c.password), ssh.KeyboardInteractive(c.answer))
	}
	return methods
}

// close lets the agent go.
func (c *credentials) close() {
	if c.agent != nil {
		_ = c.agent.Close() // it was only asked
	}
}

// tried names what there was.
func (c *credentials) tried() string {
	o := c.host.o
	var all []string
	if len(o.IdentityFiles) > 0 {
		all = append(all, "the keys in "+strings.Join(o.IdentityFiles, ", "))
	}
	if o.Agent {
		all = append(all, "the keys of the agent")
	}
	if o.Password != nil {
		all = append(all, "the password "+o.Password.Name)
	}
	text := strings.Join(all, " and ")
	if c.wrong != nil {
		text += " (" + c.wrong.Error() + ")"
	}
	return text
}

// password is the password, once.
func (c *credentials) password() (string, error) {
	if c.said {
		return "", errTried
	}
	c.said = true
	text, err := c.host.o.Password.text()
	if err != nil {
		c.wrong = err
	}
	return text, err
}

// answer answers the one question of a login that asks for the password without
// showing it: RFC 4256 section 3.2. It answers no other.
func (c *credentials) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	if len(questions) == 0 {
		return nil, nil
	}
	if len(questions) > 1 || echos[0] {
		return nil, errAsksMore
	}
	text, err := c.password()
	return []string{text}, err
}

// signers reads the identity files and asks the agent. Those that cannot be
// used are left out, as long as there is one.
func (c *credentials) signers() ([]ssh.Signer, error) {
	o := c.host.o
	var keys []ssh.Signer
	var causes []error
	for _, path := range o.IdentityFiles {
		signer, err := readIdentity(path)
		if err != nil {
			causes = append(causes, err)
			continue
		}
		keys = append(keys, signer)
	}
	if o.Agent {
		held, err := c.askAgent()
		if err != nil {
			causes = append(causes, err)
		}
		keys = append(keys, held...)
	}
	keys, wrong := certified(keys, o.CertificateFiles)
	causes = append(causes, wrong...)
	if len(keys) == 0 {
		c.wrong = &identityError{causes}
		return nil, c.wrong
	}
	for _, err := range causes {
		c.host.pool.logger().Warn("identity skipped", "host", c.host.name, "err", err)
	}
	return keys, nil
}

// askAgent lists the keys of the agent, which signs until the login has ended.
func (c *credentials) askAgent() ([]ssh.Signer, error) {
	socket := c.host.o.AgentSocket
	if socket == "" {
		if socket = os.Getenv("SSH_AUTH_SOCK"); socket == "" {
			return nil, errors.New("the agent: SSH_AUTH_SOCK is not set for the daemon")
		}
	}
	var d net.Dialer
	conn, err := d.DialContext(c.ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("the agent: %w", err)
	}
	c.agent = conn
	if deadline, ok := c.ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("the agent: %w", err)
		}
	}
	keys, err := agent.NewClient(conn).Signers()
	if err != nil {
		return nil, fmt.Errorf("the agent: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("the agent has no keys")
	}
	return keys, nil
}

// certified puts the certificates for keys before them.
func certified(keys []ssh.Signer, paths []string) ([]ssh.Signer, []error) {
	var first []ssh.Signer
	var causes []error
	for _, path := range paths {
		signer, err := readCertificate(path, keys)
		if err != nil {
			causes = append(causes, err)
			continue
		}
		first = append(first, signer)
	}
	return append(first, keys...), causes
}

func readCertificate(path string, keys []ssh.Signer) (ssh.Signer, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	certificate, ok := public.(*ssh.Certificate)
	if !ok || certificate.CertType != ssh.UserCert {
		return nil, fmt.Errorf("%s: no user certificate", path)
	}
	for _, key := range keys {
		if bytes.Equal(key.PublicKey().Marshal(), certificate.Key.Marshal()) {
			return ssh.NewCertSigner(certificate, key)
		}
	}
	return nil, fmt.Errorf("%s: there is no private key for the certificate", path)
}

// readSmall reads a key or a certificate.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxIdentity {
		return nil, fmt.Errorf("%s: no regular file of at most %d bytes", path, maxIdentity)
	}
	return os.ReadFile(path)
}
