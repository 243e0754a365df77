package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func (r *reader) telnet(t *Telnet) keys {
	return keys{
		"listen":          r.listen(&t.Listen),
		"tls":             r.section(func() keys { return r.tls(t) }),
		"allow_cleartext": r.flag(&t.AllowCleartext),
	}
}

func (r *reader) tls(t *Telnet) keys {
	return keys{
		"certificate": r.path(&t.Certificate, publicFile),
		"key":         r.path(&t.Key, secretFile),
	}
}

// checkTelnet refuses clear text where others can listen in, unless it is said
// twice, and half of a TLS.
func (r *reader) checkTelnet(t *Telnet) {
	if at, given := r.places["telnet.tls"]; given {
		for _, half := range []string{"certificate", "key"} {
			if _, given := r.places["telnet.tls."+half]; !given {
				r.problems = append(r.problems, r.problem(at, "`telnet.tls."+half+"` is missing",
					"tls: { certificate: tls/cert.pem, key: tls/key.pem }"))
			}
		}
		return
	}
	if t.AllowCleartext {
		return
	}
	for i, address := range t.Listen {
		if !onLoopback(address) {
			r.wrong(fmt.Sprintf("telnet.listen[%d]", i), "give telnet.tls, or say allow_cleartext: true if you must",
				"telnet on %s would send passwords over the network in clear text", address)
		}
	}
}

// onLoopback says whether only this machine reaches an address.
func onLoopback(address string) bool {
	if a, err := netip.ParseAddrPort(address); err == nil {
		return a.Addr().Unmap().IsLoopback()
	}
	return strings.HasPrefix(address, "localhost:")
}
