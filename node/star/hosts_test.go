package star_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node/star"
)

// An argument beats ssh_config, which beats outbound.
func TestSSHHostPrecedence(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config")
	text := "Host web*\n HostName %h.example\n User deploy\n Port 2200\n ProxyJump bastion\n IdentityAgent /agent\nHost elsewhere\n User far\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := host.ReadSSHConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet()
	tree(t, `
a = ssh_host("web1", user = "bob", agent = False, proxy_jump = "none", sudo_password = secret("sudo1"), password = secret("old"))
b = ssh_host("web2")
c = ssh_host("web3", ssh_config = False)
bastion = ssh_host("bastion", address = "10.0.0.1", port = 2222)
root = node(hosts = {"web": [a, b, c]})
`, star.Options{
		NewHost: f.newHost, SSHConfig: config, Outbound: host.SSHOptions{User: "outbound", IdentityFiles: []string{"/id"}},
		Secrets: func(name string) ([]byte, error) {
			if name == "sudo1" {
				return []byte("the password"), nil
			}
			return nil, errors.New("there is no file")
		},
	})
	a, b, c := f.given["web1"], f.given["web2"], f.given["web3"]
	if a.Address != "web1.example" || a.User != "bob" || a.Port != 2200 || a.Agent || a.ProxyJump != "none" {
		t.Errorf("web1: %+v", a)
	}
	if b.User != "deploy" || !b.Agent || b.AgentSocket != "/agent" || b.ProxyJump != "bastion" || b.Password != nil {
		t.Errorf("web2: %+v", b)
	}
	if c.Address != "web3" || c.User != "outbound" || c.Port != 0 || c.Agent || c.ProxyJump != "" {
		t.Errorf("web3: %+v", c)
	}
	if text, err := a.SudoPassword.Read(); err != nil || text != "the password" || a.SudoPassword.Name != "<secret sudo1>" {
		t.Errorf("%q %v %q", text, err, a.SudoPassword.Name)
	}
	if _, err := a.Password.Read(); err == nil || !strings.Contains(err.Error(), "old: there is no file") {
		t.Errorf("%v", err)
	}
	hop, err := b.Jump("bastion")
	if err != nil || hop.Address != "10.0.0.1" || hop.Port != 2222 || hop.User != "outbound" {
		t.Errorf("%+v %v", hop, err)
	}
	if hop, err = b.Jump("elsewhere"); err != nil || hop.Address != "elsewhere" || hop.User != "far" {
		t.Errorf("%+v %v", hop, err)
	}
}

func TestSSHConfigErrorsStandAtTheHost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("Host web1\n ProxyCommand nc %h %p\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := host.ReadSSHConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(write(t, map[string]string{"tree.star": "a = ssh_host(\"web1\")\nroot = node()\n"}), "tree.star")
	_, err = star.Load(t.Context(), star.Options{File: file, NewHost: fakes, SSHConfig: config})
	if err == nil || !strings.Contains(err.Error(), "tree.star:1") || !strings.Contains(err.Error(), "config:2: proxycommand is not in this version") {
		t.Errorf("%v", err)
	}
}
