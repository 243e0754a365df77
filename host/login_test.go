package host_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// Old gear: keys first, then the password, sent or asked for, in one try.
func TestPasswordLogin(t *testing.T) {
	t.Parallel()
	const text = "old-gear-password"
	for name, c := range map[string]struct {
		question, password, want string
		keys                     bool
		tries                    int32
	}{
		"sent":          {password: text, tries: 1},
		"asked":         {question: "Password: ", password: text, tries: 1},
		"after keys":    {password: text, keys: true, tries: 1},
		"wrong":         {password: "something-else", tries: 1, want: "it refuses user deploy with the password <secret pw>"},
		"wrong, asked":  {question: "Password: ", password: "something-else", tries: 1, want: "with the password <secret pw>"},
		"asks for more": {question: "Name: ", password: text, want: "with the password <secret pw>"},
		"no password":   {password: "a\nb", want: "<secret pw> is no password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startScripted(t, scripted{refuse: true, password: text, question: c.question})
			var reads atomic.Int32
			o := s.options
			o.Password = password(c.password, &reads)
			if !c.keys {
				o.IdentityFiles = nil
			}
			h := sshHost(t, newPool(t, host.PoolOptions{}), "old", o)
			if c.want == "" {
				run(t, h, "true")
			} else if err := startError(t, t.Context(), h); err.Stage != host.StageLogin || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "something-else") {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if got := s.passwords.Load(); got != c.tries || (s.logins.Load() > 0) != c.keys {
				t.Errorf("%d passwords and %d keys were tried, want %d", got, s.logins.Load(), c.tries)
			}
		})
	}
}

// Before the host key is accepted no password is even read.
func TestPasswordStaysHereWithAnUnknownHostKey(t *testing.T) {
	t.Parallel()
	s := startScripted(t, scripted{refuse: true, password: "old-gear-password"})
	var reads atomic.Int32
	for _, known := range []string{"", hosttest.KnownHostsLine(ecdsaLine(t), s.listener.Addr().String())} {
		o := s.options
		o.HostKey, o.KnownHosts = "", []string{writeFile(t, "known_hosts", known+"\n")}
		o.Password = password("old-gear-password", &reads)
		err := startError(t, t.Context(), sshHost(t, newPool(t, host.PoolOptions{}), "old", o))
		if err.Stage != host.StageHostKey || reads.Load() != 0 || s.passwords.Load() != 0 {
			t.Errorf("%v, read %d times, tried %d times", err, reads.Load(), s.passwords.Load())
		}
	}
}

// startAgent serves an agent with one key and returns its socket and the key.
func startAgent(t *testing.T) (socket string, key ed25519.PrivateKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "agent") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { _ = agent.ServeAgent(ring, c); _ = c.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return socket, key
}

// The agent's key, and a certificate for it, let in to a real sshd.
func TestAgentLogin(t *testing.T) {
	t.Parallel()
	socket, key := startAgent(t)
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	keys := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keys+".pub", []byte(public), 0o600); err != nil {
		t.Fatal(err)
	}
	s := hosttest.StartSSHD(t, hosttest.SSHDOptions{ClientKey: keys})
	o := sshdOptions(t, s)
	o.IdentityFiles, o.Agent, o.AgentSocket = nil, true, socket
	run(t, sshHost(t, newPool(t, host.PoolOptions{}), "h", o), "true")

	pem, authority, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{s.User()}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	trusting := hosttest.StartSSHD(t, hosttest.SSHDOptions{Config: []string{"TrustedUserCAKeys " + writeFile(t, "ca", authority+"\n")}})
	o = sshdOptions(t, trusting)
	o.IdentityFiles, o.Agent, o.AgentSocket = nil, true, socket
	startError(t, t.Context(), sshHost(t, newPool(t, host.PoolOptions{}), "h", o))
	o.CertificateFiles = []string{writeFile(t, "cert", string(ssh.MarshalAuthorizedKey(cert)))}
	run(t, sshHost(t, newPool(t, host.PoolOptions{}), "h", o), "true")
}

// An agent that is not there, or does not answer, is an error in time.
func TestAgentIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startScripted(t, scripted{})
	o := s.options
	o.IdentityFiles, o.Agent, o.AgentSocket = nil, true, filepath.Join(dir, "none")
	err := startError(t, t.Context(), sshHost(t, newPool(t, host.PoolOptions{}), "h", o))
	if err.Stage != host.StageLogin || !strings.Contains(err.Error(), "the agent: ") {
		t.Errorf("%v", err)
	}
	o.IdentityFiles = s.options.IdentityFiles
	run(t, sshHost(t, newPool(t, host.PoolOptions{}), "h", o), "true")
}
