package auth

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestKeyLinesThatAreAccepted(t *testing.T) {
	t.Parallel()
	_, ed := edKey(t)
	_, ec := ecKey(t)
	_, rsa3072 := rsaKey(t, 3072)
	_, rsa8192 := rsaKey(t, 8192)
	for name, line := range map[string]string{
		"ed25519":                 ed,
		"with a comment":          ed + " alice@laptop the second",
		"blanks and CR":           "  " + ed + "\r",
		"tab after the options":   `from="10.0.0.1"` + "\t" + ed,
		"ecdsa":                   ec,
		"RSA 3072":                rsa3072,
		"RSA 8192":                rsa8192,
		"hardware":                skLine(t),
		"options that do nothing": "no-agent-forwarding,no-X11-forwarding,No-User-RC " + ed,
		"blanks in quotes":        `from="10.0.0.1, 10.0.0.2",expiry-time="20991231" ` + ed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := parseKeyLine(line); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		})
	}
}

func TestKeyLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	_, ed := edKey(t)
	_, ec := ecKey(t)
	_, rsa2048 := rsaKey(t, 2048)
	_, rsa8193 := rsaKey(t, 8193)
	blob := strings.Fields(ed)[1]
	for name, c := range map[string]struct{ line, says string }{
		"empty":                     {"", "no authorized_keys line"},
		"no key":                    {"ssh-ed25519", "no authorized_keys line"},
		"a sentence":                {"this is not a key", "no authorized_keys line"},
		"RSA 2048":                  {rsa2048, "3072 to 8192 bits, this one has 2048"},
		"RSA 8193":                  {rsa8193, "this one has 8193"},
		"dsa":                       {"ssh-dss AAAAB3NzaC1kc3MAAACB", `type "ssh-dss" are refused`},
		"certificate":               {"ssh-ed25519-cert-v01@openssh.com AAAA", "not in this version"},
		"wrong type":                {"ecdsa-sha2-nistp256 " + blob, "the key is ssh-ed25519"},
		"cut":                       {ed[:len(ed)-8], "the key cannot be read"},
		"not base64":                {"ssh-ed25519 !!!!", "not base64"},
		"option instead of a type":  {"restrict " + blob, "no authorized_keys line"},
		"from instead of a type":    {`from="10.0.0.1" ` + blob, "no authorized_keys line"},
		"command":                   {`command="ls -l" ` + ec, "the option command is not in this version"},
		"cert-authority":            {"cert-authority " + ed, "the option cert-authority is not in this version"},
		"principals":                {`principals="a" ` + ed, "principals is not in this version"},
		"environment":               {`environment="A=b" ` + ed, "environment is not in this version"},
		"permitopen":                {`permitopen="a:1" ` + ed, "permitopen is not in this version"},
		"restrict":                  {"restrict " + ed, "restrict is not in this version"},
		"no-pty":                    {"no-pty " + ed, "no-pty is not in this version"},
		"verify-required":           {"verify-required " + ed, "verify-required is not in this version"},
		"unknown option":            {"no-tea " + ed, `unknown option "no-tea"`},
		"unknown option with value": {`tea="no" ` + ed, `unknown option "tea"`},
		"value on a flag":           {`no-user-rc="x" ` + ed, `unknown option "no-user-rc"`},
		"quote in a value":          {`from="10.0.0.1\",command=\"ls" ` + ed, "has quotes in it"},
		"from without quotes":       {"from=10.0.0.1 " + ed, "not in quotes"},
		"open quote":                {`from="10.0.0.1 ` + ed, "no authorized_keys line"},
		"from twice":                {`from="10.0.0.1",from="10.0.0.2" ` + ed, "from= is there twice"},
		"from with a name":          {`from="*.example.com" ` + ed, "neither an address nor a network"},
		"from with no one":          {`from="!10.0.0.1" ` + ed, "admits nobody"},
		"from empty":                {`from="" ` + ed, "neither an address nor a network"},
		"from with loose bits":      {`from="10.0.0.1/8" ` + ed, "bits set behind"},
		"no such day":               {`expiry-time="20260230" ` + ed, "is no time"},
		"half a time":               {`expiry-time="202601011" ` + ed, "is no time"},
		"final comma":               {`no-user-rc, ` + ed, "end with a comma"},
		"two commas":                {`no-user-rc,,no-user-rc ` + ed, `unknown option ""`},
		"escape bytes":              {ed + " \x1b[2J", "control characters"},
		"two lines":                 {ed + "\n" + ed, "control characters"},
		"endless":                   {ed + strings.Repeat(" ", maxKeyLine), "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := parseKeyLine(c.line)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestFromOfAKeyLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, address string
		want          bool
	}{
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.11", false},
		{"10.0.0.0/8", "10.9.9.9", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.0.0.*", "10.0.0.77", true},
		{"10.0.0.*", "10.0.1.77", false},
		{"10.0.0.?", "10.0.0.7", true},
		{"10.0.0.?", "10.0.0.77", false},
		{"*", "2001:db8::1", true},
		{"2001:db8::/32", "2001:db8:1::1", true},
		{"2001:DB8:*", "2001:db8:1::1", true},
		{"fe80::1", "fe80::1%eth0", true},
		{"*,!10.0.0.66", "10.0.0.66", false},
		{"!10.0.0.66,*", "10.0.0.66", false},
		{"*,!10.0.0.6*", "10.0.0.66", false},
		{"10.0.0.0/8,!10.6.0.0/16", "10.6.1.1", false},
		{"10.0.0.0/8,!10.6.0.0/16", "10.7.1.1", true},
		{"!10.6.0.0/16,192.0.2.1", "10.7.1.1", false},
	} {
		list, err := parseAddressList(c.from)
		if err != nil {
			t.Errorf("%s: %v", c.from, err)
			continue
		}
		if got := list.match(plain(netip.MustParseAddr(c.address))); got != c.want {
			t.Errorf("from=%q with %s: %t, want %t", c.from, c.address, got, c.want)
		}
	}
	if list, err := parseAddressList("*"); err != nil || list.match(netip.Addr{}) {
		t.Errorf("an unknown address is admitted (%v)", err)
	}
}

func TestExpiryOfAKeyLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"20300102":        time.Date(2030, 1, 2, 0, 0, 0, 0, time.Local),
		"20300102Z":       time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC),
		"203001021504z":   time.Date(2030, 1, 2, 15, 4, 0, 0, time.UTC),
		"20300102150405":  time.Date(2030, 1, 2, 15, 4, 5, 0, time.Local),
		"20300102150405Z": time.Date(2030, 1, 2, 15, 4, 5, 0, time.UTC),
	} {
		var line keyLine
		if err := line.setExpiry(text); err != nil || !line.expires.Equal(want) {
			t.Errorf("%s is %v (%v), want %v", text, line.expires, err, want)
		}
		if line.admits(netip.Addr{}, want) || !line.admits(netip.Addr{}, want.Add(-time.Second)) {
			t.Errorf("%s ends at another time than %v", text, want)
		}
	}
	var line keyLine
	if err := line.options(`expiry-time="20300102Z",expiry-time="20400102Z"`); err != nil || line.expires.Year() != 2030 {
		t.Errorf("of two expiry times %v counts (%v), want the earlier", line.expires, err)
	}
}

// FuzzKeyLine holds that what is accepted names the key's own type, and that no
// option before it was lost.
func FuzzKeyLine(f *testing.F) {
	_, ed := edKey(f)
	for _, seed := range []string{
		ed, `from="10.0.0.1,!10.0.0.2",expiry-time="20300102Z" ` + ed, `command="a b\"c" ` + ed,
		"no-user-rc,restrict " + ed, "ssh-rsa AAAA", `from="` + ed, "# " + ed, "\t,\" \\\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, line, err := parseKeyLine(text)
		if err != nil {
			return
		}
		word := firstWord(strings.TrimLeft(text, " \t\r"))
		if word != key.Type() && strings.Contains(strings.ToLower(word), "from=") && line.from == nil {
			t.Errorf("from= of %q is lost", text)
		}
		if !strings.Contains(text, key.Type()) {
			t.Errorf("%q is a %s", text, key.Type())
		}
	})
}
