package config

import (
	"strings"
	"testing"
)

func TestTelnetInClearTextIsOnLoopbackUnlessSaidTwice(t *testing.T) {
	t.Parallel()
	const wrong = "in clear text"
	for _, test := range []struct{ text, says string }{
		{`listen: []`, ""},
		{`listen: ["127.0.0.1:23", "[::1]:23"]`, ""},
		{`listen: ["127.9.9.9:23", "localhost:23"]`, ""},
		{`listen: [":2323"]`, wrong},
		{`listen: ["0.0.0.0:2323"]`, wrong},
		{`listen: ["[::]:2323"]`, wrong},
		{`listen: ["10.0.0.1:2323"]`, wrong},
		{`listen: ["127.0.0.1:23", "[2001:db8::1]:23"]`, "telnet on [2001:db8::1]:23"},
		{`listen: [":2323"], allow_cleartext: true`, ""},
		{`listen: [":2323"], allow_cleartext: false`, wrong},
		{`allow_cleartext: true`, ""},
		{`listen: [":2323"], tls: { certificate: tls/cert.pem, key: keys/host }`, ""},
		{`listen: [":2323"], tls: { certificate: tls/cert.pem }`, "`telnet.tls.key` is missing"},
		{`tls: { key: keys/host }`, "`telnet.tls.certificate` is missing"},
		{`tls: { certificate: tls/cert.pem, key: tls/cert.pem }`, "readable by others"},
		{`tls: {}`, "is missing"},
	} {
		text, says := test.text, test.says
		got := faults(t, minimal+"telnet: { "+text+" }\n")
		if says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("%s:\n%s\nwant %q", text, got, says)
		}
	}
}
