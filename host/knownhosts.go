package host

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// maxKnownHosts bounds how many sets of known_hosts files are kept parsed.
const maxKnownHosts = 64

// hostKeyCheck is what one dial needs to know about a target's key.
type hostKeyCheck struct {
	algorithms []string // offered, the known ones first
	verify     func(key ssh.PublicKey) error
}

// hostKeys says how the target proves who it is: the pin, else known_hosts. It
// fails when a known_hosts file cannot be used: nothing is trusted then.
func (h *sshHost) hostKeys() (hostKeyCheck, error) {
	if h.pin != nil {
		return hostKeyCheck{hostKeyAlgorithms([]string{h.pin.Type()}, false), h.verifyPin}, nil
	}
	known, err := h.pool.known.load(h.o.KnownHosts)
	if err != nil {
		return hostKeyCheck{}, err
	}
	types, authority := known.types(h.knownAs())
	return hostKeyCheck{
		hostKeyAlgorithms(types, authority),
		func(key ssh.PublicKey) error { return h.verifyKnown(known, key) },
	}, nil
}

// hostKeyAlgorithms orders the algorithms to offer: certificates, only if an
// authority is known; then those of the known key types; then the others, so
// that a target that shows another key is told from one that is broken.
func hostKeyAlgorithms(types []string, authority bool) []string {
	var certificates, first, rest []string
	for _, a := range sshAlgorithms.HostKeys {
		format := a
		if a == ssh.KeyAlgoRSASHA256 || a == ssh.KeyAlgoRSASHA512 {
			format = ssh.KeyAlgoRSA
		}
		switch {
		case strings.Contains(a, "-cert-v01@"):
			certificates = append(certificates, a)
		case slices.Contains(types, format):
			first = append(first, a)
		default:
			rest = append(rest, a)
		}
	}
	if !authority {
		certificates = nil
	}
	return slices.Concat(certificates, first, rest)
}

// knownAs is what known_hosts are asked for. An alias stands there without a
// port, as the library takes port 22.
func (h *sshHost) knownAs() string {
	if h.o.HostKeyAlias != "" {
		return net.JoinHostPort(h.o.HostKeyAlias, "22")
	}
	return h.address
}

func (h *sshHost) verifyPin(key ssh.PublicKey) error {
	if bytes.Equal(key.Marshal(), h.pin.Marshal()) {
		return nil
	}
	return h.keyError(KeyError{Changed: true, Fingerprint: ssh.FingerprintSHA256(key), Known: []string{"the pinned host key"}})
}

func (h *sshHost) verifyKnown(known *knownHosts, key ssh.PublicKey) error {
	err := known.verify(h.knownAs(), nowhere, key)
	var revoked *knownhosts.RevokedError
	var mismatch *knownhosts.KeyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return fmt.Errorf("its host key %s is revoked (%s)", ssh.FingerprintSHA256(key), place(revoked.Revoked))
	case errors.As(err, &mismatch):
		return h.keyError(known.keyError(key, mismatch))
	}
	if certificate, ok := key.(*ssh.Certificate); ok {
		return fmt.Errorf("its host certificate of the authority %s is not accepted: %w", ssh.FingerprintSHA256(certificate.SignatureKey), err)
	}
	return err
}

// keyError gives the error the host's name, and tells the way out.
func (h *sshHost) keyError(e KeyError) error {
	e.Host = h.name
	if e.Changed {
		return fmt.Errorf("%w; nothing was sent to it: find out why before you replace the known key", &e)
	}
	if len(h.o.KnownHosts) == 0 {
		return fmt.Errorf("%w, and there is no known_hosts file to look in", &e)
	}
	if h.o.HostKeyAlias != "" || h.via != nil {
		return fmt.Errorf("%w; if it is right, add it to %s as the key of %s", &e, h.o.KnownHosts[0], knownhosts.Normalize(h.knownAs()))
	}
	return fmt.Errorf("%w; if it is right, add it: ssh-keyscan -p %d %s >> %s", &e, h.o.Port, h.o.Address, h.o.KnownHosts[0])
}

// nowhere stands for the network address, which does not decide.
var nowhere = &net.TCPAddr{IP: net.IPv4zero}

// knownHosts is a parsed set of known_hosts files.
type knownHosts struct {
	files       []os.FileInfo // as they were; nil for a missing one
	verify      ssh.HostKeyCallback
	authorities map[string]bool // the places of @cert-authority lines
}

// types returns the types of the keys that are known for an address, and
// whether an authority is.
func (k *knownHosts) types(address string) (types []string, authority bool) {
	var mismatch *knownhosts.KeyError
	if !errors.As(k.verify(address, nowhere, noKey{}), &mismatch) {
		return nil, false
	}
	for _, w := range mismatch.Want {
		if k.authorities[place(w)] {
			authority = true
		} else {
			types = append(types, w.Key.Type())
		}
	}
	return types, authority
}

// keyError tells an unknown from a changed key. An authority is no key that
// the host could have changed.
func (k *knownHosts) keyError(key ssh.PublicKey, mismatch *knownhosts.KeyError) KeyError {
	e := KeyError{Fingerprint: ssh.FingerprintSHA256(key)}
	for _, w := range mismatch.Want {
		if !k.authorities[place(w)] {
			e.Changed = true
			e.Known = append(e.Known, place(w))
		}
	}
	return e
}

func place(k knownhosts.KnownKey) string { return fmt.Sprintf("%s:%d", k.Filename, k.Line) }

// noKey is a key that no file knows: the library tells which ones it does know
// only when a check fails.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// knownHostsCache keeps files parsed as long as they do not change, for
// hundreds of hosts use the same ones. The zero value is empty.
type knownHostsCache struct {
	mu   sync.Mutex
	sets map[string]*knownHosts
}

// load returns the files' content as it is now.
func (c *knownHostsCache) load(paths []string) (*knownHosts, error) {
	files, err := statAll(paths)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.Join(paths, "\x00")
	if k := c.sets[name]; k != nil && slices.EqualFunc(k.files, files, unchanged) {
		return k, nil
	}
	k, err := parseKnownHosts(paths, files)
	if err != nil {
		return nil, err
	}
	if c.sets == nil || len(c.sets) >= maxKnownHosts {
		c.sets = make(map[string]*knownHosts)
	}
	c.sets[name] = k
	return k, nil
}

func statAll(paths []string) ([]os.FileInfo, error) {
	files := make([]os.FileInfo, len(paths))
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			files[i] = info
		}
	}
	return files, nil
}

func unchanged(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// parseKnownHosts reads the files. A line that cannot be read fails them all:
// it might have revoked a key.
func parseKnownHosts(paths []string, files []os.FileInfo) (*knownHosts, error) {
	k := &knownHosts{files: files, authorities: make(map[string]bool)}
	var present []string
	for i, path := range paths {
		if files[i] == nil || slices.Contains(present, path) {
			continue
		}
		present = append(present, path)
		if err := k.noteAuthorities(path); err != nil {
			return nil, err
		}
	}
	verify, err := knownhosts.New(present...)
	if err != nil {
		return nil, err
	}
	k.verify = verify
	return k, nil
}

// noteAuthorities remembers which lines are @cert-authority lines.
func (k *knownHosts) noteAuthorities(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("@cert-authority")) {
			k.authorities[fmt.Sprintf("%s:%d", path, n)] = true
		}
	}
	return nil
}
