package hosttest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// NewKey makes an ed25519 key: the private half as an OpenSSH PEM file, and
// the public half as an authorized_keys line without a newline.
func NewKey() (privatePEM []byte, publicLine string, err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, "", fmt.Errorf("encode a key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, "", fmt.Errorf("use a key: %w", err)
	}
	return pem.EncodeToMemory(block), keyLine(signer.PublicKey()), nil
}

// publicLine is the public half of a private key, as in authorized_keys.
func publicLine(privatePEM []byte) (string, error) {
	signer, err := ssh.ParsePrivateKey(privatePEM)
	if err != nil {
		return "", fmt.Errorf("read a key: %w", err)
	}
	return keyLine(signer.PublicKey()), nil
}

// keyLine is a public key as in authorized_keys, without a newline.
func keyLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// KnownHostsLine is the known_hosts line, without a newline, that makes
// publicLine the key of addresses, each host:port.
func KnownHostsLine(publicLine string, addresses ...string) string {
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = knownhosts.Normalize(a)
	}
	return strings.Join(names, ",") + " " + publicLine
}

// parseKeys reads authorized_keys lines, which must have no options.
func parseKeys(lines []string) (map[string]bool, error) {
	keys := make(map[string]bool)
	for _, line := range lines {
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("authorized key %q: %w", line, err)
		}
		if len(options) > 0 {
			return nil, fmt.Errorf("authorized key %q: options are not supported", line)
		}
		keys[string(key.Marshal())] = true
	}
	return keys, nil
}

// splitPort is the host and port of an address that came from a listener.
func splitPort(address string) (string, int) {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return address, 0
	}
	return a.IP.String(), a.Port
}
