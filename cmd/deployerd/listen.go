package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// telnetTLS is what telnet is spoken over, with the certificate of the newest
// reload; nil is clear text.
func (d *daemon) telnetTLS() *tls.Config {
	if d.certificate.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return d.certificate.Load(), nil
		},
	}
}

// listenAll listens on every address or on none.
func listenAll(addresses []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen on %s: %w", address, err), closeAll(all))
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
