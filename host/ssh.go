package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"
)

// SSHOptions describe an SSH target. Zero values: Address is the name, Port
// 22, User the daemon's own user name, ConnectTimeout 10 s, Keepalive 15 s.
type SSHOptions struct {
	Address          string
	Port             int
	User             string
	IdentityFiles    []string  // private keys, unencrypted, tried in order; read at each dial
	CertificateFiles []string  // OpenSSH user certificates for these keys and the agent's, read at each dial
	Agent            bool      // try the keys of an agent too, after the files
	AgentSocket      string    // the agent's; "" is SSH_AUTH_SOCK, as it is at each dial
	Password         *Password // tried once, after all keys; nil for none
	SudoPassword     *Password // answers sudo where it wants one; nil for none
	KnownHosts       []string  // known_hosts files, read at each dial; a missing file is empty
	HostKey          string    // one authorized_keys-style public key that pins the host; "" for KnownHosts
	HostKeyAlias     string    // what the host is called in KnownHosts; "" is address and port
	// ProxyJump is the way there, as OpenSSH writes it: [user@]host[:port], of
	// several, with commas, the first is dialled from here. "" and "none": direct.
	ProxyJump string
	// Jump tells how a host that ProxyJump names is reached. It is called at the
	// first use. nil: with the keys and known hosts of this one.
	Jump           func(name string) (SSHOptions, error)
	ConnectTimeout time.Duration
	Keepalive      time.Duration // three missed ones end the connection
	Labels         map[string]string
}

var sshName = regexp.MustCompile(NamePattern)

// sshHost is a target that is reached over the pool.
type sshHost struct {
	pool    *Pool
	name    string
	o       SSHOptions
	address string        // host:port, lower case
	pin     ssh.PublicKey // nil: o.KnownHosts decide
	key     poolKey

	routing sync.Once
	via     *sshHost // the last hop before it; nil: none. Valid after route, as is key
	noRoute error

	lastErr error // of the last failed dial; Pool.mu guards it
}

// SSH describes a target that is reached over the pool. It opens nothing. The
// error names what is wrong with the options.
func (p *Pool) SSH(name string, o SSHOptions) (Host, error) {
	if !sshName.MatchString(name) {
		return nil, fmt.Errorf("host %q: the name does not match %s", name, NamePattern)
	}
	h, err := p.newSSH(name, o)
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (p *Pool) newSSH(name string, o SSHOptions) (*sshHost, error) {
	o, err := o.withDefaults(name)
	if err != nil {
		return nil, fmt.Errorf("host %q: %w", name, err)
	}
	pin, err := parsePin(o.HostKey)
	if err != nil {
		return nil, fmt.Errorf("host %q: host key: %w", name, err)
	}
	h := &sshHost{
		pool: p, name: name, o: o, pin: pin,
		address: net.JoinHostPort(strings.ToLower(o.Address), strconv.Itoa(o.Port)),
	}
	h.key = poolKey{
		address:        h.address,
		user:           o.User,
		identities:     strings.Join(o.IdentityFiles, "\x00"),
		known:          strings.Join(o.KnownHosts, "\x00"),
		connectTimeout: o.ConnectTimeout,
		persist:        o.Keepalive,
		certificates:   strings.Join(o.CertificateFiles, "\x00"),
		password:       o.Password.name(),
		alias:          o.HostKeyAlias,
	}
	if o.Agent {
		h.key.agent = "agent " + o.AgentSocket
	}
	if pin != nil {
		h.key.pin, h.key.known, h.key.alias = string(pin.Marshal()), "", ""
	}
	return h, nil
}

// withDefaults checks the options and completes them. The slices and maps are
// copied.
func (o SSHOptions) withDefaults(name string) (SSHOptions, error) {
	if o.Address == "" {
		o.Address = name
	}
	if o.Port == 0 {
		o.Port = 22
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	if o.Keepalive == 0 {
		o.Keepalive = 15 * time.Second
	}
	if o.User == "" {
		me, err := user.Current()
		if err != nil {
			return o, fmt.Errorf("user: %w", err)
		}
		o.User = me.Username
	}
	o.IdentityFiles = slices.Clone(o.IdentityFiles)
	o.CertificateFiles = slices.Clone(o.CertificateFiles)
	o.KnownHosts = slices.Clone(o.KnownHosts)
	o.Labels = maps.Clone(o.Labels)
	return o, o.validate()
}

func (o SSHOptions) validate() error {
	odd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	switch {
	case strings.ContainsFunc(o.Address, odd) || strings.ContainsAny(o.Address, "[]/@,"):
		return fmt.Errorf("address %q is no host name or IP address", o.Address)
	case o.Port < 1 || o.Port > 65535:
		return fmt.Errorf("port %d is not between 1 and 65535", o.Port)
	case strings.ContainsFunc(o.User, odd):
		return fmt.Errorf("user %q has blanks or control characters", o.User)
	case o.ConnectTimeout < 0:
		return fmt.Errorf("connect timeout %s is negative", o.ConnectTimeout)
	case o.Keepalive < 0:
		return fmt.Errorf("keepalive %s is negative", o.Keepalive)
	case strings.ContainsFunc(o.HostKeyAlias, odd):
		return fmt.Errorf("host key alias %q has blanks or control characters", o.HostKeyAlias)
	}
	_, err := parseJumps(o.ProxyJump)
	return err
}

// parsePin reads one public key, without options.
func parsePin(line string) (ssh.PublicKey, error) {
	if strings.TrimSpace(line) == "" {
		return nil, nil
	}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil:
		return nil, err
	case len(options) > 0:
		return nil, fmt.Errorf("it has options: %v", options)
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("it is more than one line")
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return nil, errors.New("it is a certificate")
	}
	return key, nil
}

// Name implements Host.
func (h *sshHost) Name() string { return h.name }

// Address implements Host.
func (h *sshHost) Address() string { return h.o.Address }

// Labels implements Host.
func (h *sshHost) Labels() map[string]string { return h.o.Labels }

func (h *sshHost) dialError(e *stageError) error {
	err := e.err
	var key *KeyError
	if !ofHop(err) && errors.As(err, &key) && key.Host != h.name {
		err = h.keyError(*key)
	}
	return &DialError{Host: h.name, Address: h.address, Stage: e.stage, Err: err}
}

// Start implements Host. When ctx ends after the request to run the line was
// sent and before its answer came, the command may have started: Start then
// returns the process, and its Wait tells.
func (h *sshHost) Start(ctx context.Context, line Line, streams IO) (Process, error) {
	if ctx.Err() != nil {
		return nil, h.dialError(&stageError{StageResolve, context.Cause(ctx)})
	}
	if line.text == "" {
		return nil, h.dialError(&stageError{StageStart, errors.New("the line is empty")})
	}
	if err := h.route(); err != nil {
		return nil, h.dialError(&stageError{StageResolve, err})
	}
	oldest := h.pool.generation()
	note := newAnnouncement()
	var gate *sudoGate
	if line.how.sudo && h.o.SudoPassword != nil {
		gate = newSudoGate(h.o.SudoPassword)
		line = gate.asking(line)
	}
	command := line.start(note.nonce)
	if streams.Pty != nil {
		command = line.startTerminal(note.nonce)
	}
	var avoid []*poolConn
	for {
		c, failed := h.pool.acquire(ctx, h, avoid)
		if failed != nil {
			return nil, h.dialError(failed)
		}
		p := newSSHProcess(h, c, command, streams)
		p.note, p.how, p.gate = note, line.how, gate
		err := p.start(ctx)
		switch {
		case err == nil:
			return p, nil
		case err.again && c.born <= oldest || err.elsewhere:
			// Nothing was started, and the connection was made for an earlier
			// use or has other channels on it: one more try elsewhere.
			avoid = append(avoid, c)
		default:
			return nil, h.dialError(&err.stageError)
		}
	}
}

// generation is the number of the youngest connection.
func (p *Pool) generation() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.born
}
