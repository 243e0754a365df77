package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func config(t testing.TB, text string) *SSHConfig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadSSHConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSSHConfigSaysWhatOpenSSHDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "more"), []byte("Host db*\n ConnectTimeout 1m\nHost other\n Port 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config(t, `# comment
Host web1 web2	# another
	HostName=%h.internal
	User "deploy user"
	Port 2200
	IdentityFile /keys/%h-%r-%p
	IdentityFile /keys/second
	CertificateFile /keys/cert
Host db* !db9
	HostName db.example
	ProxyJump bastion,u@b:22
	HostKeyAlias database
	Include `+dir+`/mo*
	IdentityAgent SSH_AUTH_SOCK
Match host *.example,x originalhost db*
	User postgres
Host *
	User nobody
	UserKnownHostsFile /kh/one /kh/two
	StrictHostKeyChecking no
`)
	base := SSHOptions{User: "outbound", IdentityFiles: []string{"/out"}, KnownHosts: []string{"/kh"}, Agent: false}
	for name, want := range map[string]SSHOptions{
		"web2": {
			Address: "web2.internal", User: "deploy user", Port: 2200, CertificateFiles: []string{"/keys/cert"},
			IdentityFiles: []string{"/keys/web2.internal-deploy user-2200", "/keys/second"},
		},
		"db1": {
			Address: "db.example", User: "postgres", ProxyJump: "bastion,u@b:22", HostKeyAlias: "database",
			ConnectTimeout: time.Minute, Agent: true, IdentityFiles: []string{"/out"},
		},
		"db9": {User: "nobody", IdentityFiles: []string{"/out"}},
	} {
		got := base
		want.KnownHosts = []string{"/kh/one", "/kh/two"}
		if err := c.Apply(name, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(SSHOptions{}, "Jump")); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// What would be run, or would lead elsewhere, is refused and not ignored.
func TestSSHConfigRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Host x\nMatch exec \"true\"\n":         ":2: match exec runs commands, and is refused",
		"Match host x exec true\n":              ":1: match exec runs commands, and is refused",
		"Match user x\n":                        ":1: match user is not in this version",
		"Match !host x\n":                       ":1: match !host is not in this version",
		"Match host\n":                          ":1: match host has no patterns",
		"User\n":                                ":1: User has no value",
		"User \"x\n":                            `:1: a " is not closed`,
		"ProxyCommand nc %h %p\n":               ":1: proxycommand is not in this version",
		"CanonicalizeHostname yes\n":            ":1: canonicalizehostname is not in this version",
		"Port 99999\n":                          `:1: "99999" is no port`,
		"ConnectTimeout soon\n":                 `:1: "soon" is no time`,
		"IdentityFile keys/x\n":                 "is not absolute",
		"IdentityFile ~root/x\n":                "only ~/ is expanded",
		"IdentityFile /%C\n":                    "%C is not in this version",
		"ProxyJump a,,b\n":                      `:1: proxy jump "a,,b"`,
		"Host *\nHost x\n Include config\n":     "are included",
		"Host other\n ProxyCommand x\nHost *\n": "",
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadSSHConfig(path)
		if err == nil {
			err = c.Apply("x", &SSHOptions{})
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func FuzzSSHConfig(f *testing.F) {
	f.Add("Host a !b\nHostName=%h.x\nMatch host a,b\nUser \"x y\" # z\n")
	f.Add("Match all\nProxyJump a,b:1\nIdentityFile ~/x\nUserKnownHostsFile none\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return // other files
		}
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadSSHConfig(path)
		if err != nil {
			return
		}
		var o SSHOptions
		if c.Apply("web1", &o) == nil && strings.ContainsAny(o.ProxyJump, "\n\x00") {
			t.Errorf("%q", o.ProxyJump)
		}
	})
}
