package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckSaysAllThatIsWrongInBothFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, filepath.Join(dir, "deployerd.yaml"), `tree: tree.star
ssh: { listn: [":2222"] }
users:
  - { name: alice, keys: ["ssh-ed25519 nonsense"] }
runs: { forks: 0 }
telnet: { listen: [":2323"] }
rules:
  - { allow: [everything] }
  - { roles: [a], allow: [run], require: [approval] }
`)
	write(t, filepath.Join(dir, "tree.star"), "web = ssh_hots(\"web1\")\nroot = node(a = b)\n")
	r := run(t, "", binary, "check", "--config", config)
	if r.code != 78 || r.stdout != "" {
		t.Errorf("want exit 78: %s", r)
	}
	for _, want := range []string{
		"deployerd.yaml:2:", "listen", "deployerd.yaml:4:", "deployerd.yaml:5:", "deployerd.yaml:6:", "not in this version",
		"deployerd.yaml:8:", "everything", "deployerd.yaml:9:", "approval", "tree.star:1:", "ssh_host", "tree.star:2:",
	} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is missing in:\n%s", want, r.stderr)
		}
	}
	if r := run(t, "", binary, "serve", "--config", config); r.code != 78 {
		t.Errorf("serve wants exit 78: %s", r)
	}
}

// Two doors at one address would fail only at the start; check says it.
func TestCheckFindsAnAddressListenedOnTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := write(t, filepath.Join(dir, "deployerd.yaml"), `tree: tree.star
ssh: { listen: ["127.0.0.1:2222"] }
telnet: { listen: ["127.0.0.1:2222"] }
rules: [{ allow: [run] }]
`)
	write(t, filepath.Join(dir, "tree.star"), "root = node()\n")
	r := run(t, "", binary, "check", "--config", config)
	if r.code != 78 || !strings.Contains(r.stderr, "SSH listens on 127.0.0.1:2222 already") || !strings.Contains(r.stderr, "deployerd.yaml:3:") {
		t.Errorf("want exit 78 and the place: %s", r)
	}
}

func TestBadModesRefuseTheStart(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	d := startDaemon(t, daemonOptions{tree: "root = node()", identity: s.key, users: []string{"alice"}})
	if err := os.Chmod(d.file("deployerd.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := run(t, "", binary, "check", "--config", d.file("deployerd.yaml"))
	if r.code != 78 || !strings.Contains(r.stderr, "deployerd.yaml") || !strings.Contains(r.stderr, "chmod") {
		t.Error(r)
	}
}

func TestInitWritesWhatServes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := newKey(t, filepath.Join(dir, "mine"))
	config := filepath.Join(dir, "etc", "deployerd.yaml")
	args := []string{"init", "--user", "alice", "--key", key + ".pub", "--config", config}
	r := run(t, "", binary, args...)
	if r.code != 0 || !strings.Contains(r.stdout, publicKey(t, filepath.Join(dir, "etc", "keys", "outbound_ed25519"))) {
		t.Fatalf("want the outbound key printed: %s", r)
	}
	before := read(t, config)
	if r := run(t, "", binary, args...); r.code == 0 || read(t, config) != before {
		t.Errorf("a second init overwrote: %s", r)
	}
	port := freePort(t)
	write(t, config, strings.Replace(before, ":2222", "127.0.0.1:"+port, 1))
	if r := run(t, "", binary, "check", "--config", config); r.code != 0 {
		t.Fatal(r)
	}
	start(t, "", binary, "serve", "--config", config)
	listening(t, "127.0.0.1:"+port)
	r = run(t, "", "ssh", "-F", "/dev/null", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=accept-new",
		"-o", "UserKnownHostsFile="+filepath.Join(dir, "kh"), "-o", "LogLevel=ERROR", "-p", port, "alice@127.0.0.1", "servers", "uptime")
	if r.code != 0 || !strings.Contains(r.stdout, "load average") {
		t.Error(r)
	}
}

func TestPasswdPrintsAHashAlone(t *testing.T) {
	t.Parallel()
	r := run(t, "secret word\n", binary, "passwd")
	if r.code != 0 || !strings.HasPrefix(r.stdout, "$argon2id$") || strings.Count(r.stdout, "\n") != 1 || r.stderr != "" {
		t.Error(r)
	}
	if r := run(t, "\n", binary, "passwd"); r.code != 1 || r.stdout != "" {
		t.Errorf("an empty password: %s", r)
	}
}

func TestAWrongCommandLineIsExit2(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"sreve"}, {"serve", "--confg", "x"}, {"audit", "verify"}, {"shell"}, {"demo", "--telnet", ":23"}, {"check", "x", "y"}} {
		if r := run(t, "", binary, args...); r.code != 2 || r.stderr == "" {
			t.Errorf("%q: %s", args, r)
		}
	}
}
