package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// NewHostKey makes an ed25519 key in PEM, in OpenSSH's format.
func NewHostKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a host key: %w", err)
	}
	block, err := gossh.MarshalPrivateKey(key, "deployerd")
	if err != nil {
		return nil, fmt.Errorf("encode a host key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}

// PublicKey returns the authorized_keys line of a private key in PEM, without a
// newline. It takes every type of key that can be read, also one that New would
// refuse as a host key.
func PublicKey(pem []byte) (string, error) {
	key, err := parseKey(pem)
	if err != nil {
		return "", err
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		return "", fmt.Errorf("read a private key: %w", err)
	}
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}

func parseKey(pem []byte) (any, error) {
	key, err := gossh.ParseRawPrivateKey(pem)
	var locked *gossh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("read a private key: it is encrypted, and nobody is there to type the passphrase")
	case err != nil:
		return nil, fmt.Errorf("read a private key: %w", err)
	}
	return key, nil
}

// hostSigners reads all host keys. One of each type at most: the library would
// drop all but the last.
func hostSigners(pems [][]byte) ([]gossh.Signer, error) {
	if len(pems) == 0 {
		return nil, errors.New("server: no host key")
	}
	var signers []gossh.Signer
	seen := make(map[string]bool)
	for i, p := range pems {
		signer, err := hostSigner(p)
		if err != nil {
			return nil, fmt.Errorf("host key %d: %w", i+1, err)
		}
		t := signer.PublicKey().Type()
		if seen[t] {
			return nil, fmt.Errorf("host key %d: a second one of type %s", i+1, t)
		}
		seen[t] = true
		signers = append(signers, signer)
	}
	return signers, nil
}

func hostSigner(pem []byte) (gossh.Signer, error) {
	key, err := parseKey(pem)
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *ed25519.PrivateKey:
		return gossh.NewSignerFromKey(*k)
	case ed25519.PrivateKey:
		return gossh.NewSignerFromKey(k)
	case *rsa.PrivateKey:
		return rsaSigner(k)
	default:
		return nil, fmt.Errorf("a %T is no host key here: take ed25519 or RSA", key)
	}
}

// rsaSigner never signs with SHA-1, which the type's name ssh-rsa means.
func rsaSigner(key *rsa.PrivateKey) (gossh.Signer, error) {
	if bits := key.N.BitLen(); bits < 3072 || bits > 8192 {
		return nil, fmt.Errorf("RSA of %d bits: 3072 to 8192 are needed", bits)
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		return nil, err
	}
	as, ok := signer.(gossh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("the RSA key cannot sign with SHA-2")
	}
	return gossh.NewSignerWithAlgorithms(as, []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256})
}
