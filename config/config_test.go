package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var exported = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// sample is CONFIG.md's, without what this version refuses.
const sample = `
tree: tree.star                     # the entry file of the tree
state: /var/lib/deployerd-of-a-test

ssh:
  listen: [":2222", "[::1]:2223"]
  host_keys: [keys/host]
  banner: "Authorised use only."
  proxy_protocol: ["10.0.0.5/32"]
telnet:
  listen: ["[::1]:2424", "192.0.2.7:2323"]
  tls: { certificate: tls/cert.pem, key: keys/host }
  allow_cleartext: false

users:
  - name: alice
    keys: ["ssh-ed25519 AAAA... alice@laptop"]
    keys_file: keys/ci.pub
    password: "$argon2id$v=19$..."
    roles: [operator]
    disabled: false
  - { name: ci, keys_file: keys/ci.pub, roles: [robot] }

rules:
  - { roles: [admin], allow: [all] }
  - { roles: [operator], allow: [run], paths: ["/production/**"], actions: [deploy, restart], require: [reason] }
  - { users: [ci], allow: [run], groups: [staging], actions: [deploy], from: ["10.0.0.0/8", "2001:db8::/32"] }
  - { deny: [sudo, shell], hosts: ["db*"], roles: [operator] }

outbound:
  user: deploy
  identity_files: [keys/outbound]
  agent: false
  known_hosts: [known_hosts]
  ssh_config: ""
  connect_timeout: 5s
  keepalive: 1m30s
  idle_close: 1h
  channels_per_connection: 4
  dials: 32
  history: false

session: { idle: 1h, history: 500, folder: 0 }
runs: { forks: 10, timeout: 5m, confirm: false, drain: 1d, steps: 1000000 }
journal: { servers: [], credentials: "", recording: off }
limits: { startups: "5:50:50", per_source: 5, login_grace: 30s, login_grace_telnet: 2m, connections_per_user: 1, sessions_per_user: 2, runs_per_user: 3, channels_per_connection: 4, exempt: ["192.0.2.1", "2001:db8::/32"] }
metrics: { listen: "" }
log: { level: debug, format: text }
`

func TestTheSampleLoads(t *testing.T) {
	t.Parallel()
	file := folder(t, sample)
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(filepath.Dir(file), name) }
	want := &Config{
		File:  file,
		Tree:  in("tree.star"),
		State: "/var/lib/deployerd-of-a-test",
		SSH: SSH{
			Listen:        []string{":2222", "[::1]:2223"},
			HostKeys:      []string{in("keys/host")},
			Banner:        "Authorised use only.",
			ProxyProtocol: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")},
		},
		Telnet: Telnet{
			Listen:      []string{"[::1]:2424", "192.0.2.7:2323"},
			Certificate: in("tls/cert.pem"), Key: in("keys/host"),
		},
		Users: []User{
			{
				Name: "alice", Keys: []string{"ssh-ed25519 AAAA... alice@laptop"},
				KeysFile: in("keys/ci.pub"), KeysText: "ssh-ed25519 AAAA ci\n",
				Password: "$argon2id$v=19$...", Roles: []string{"operator"},
			},
			{Name: "ci", KeysFile: in("keys/ci.pub"), KeysText: "ssh-ed25519 AAAA ci\n", Roles: []string{"robot"}},
		},
		Rules: []Rule{
			{Roles: []string{"admin"}, Allow: []string{"all"}},
			{
				Roles: []string{"operator"}, Allow: []string{"run"}, Paths: []string{"/production/**"},
				Actions: []string{"deploy", "restart"}, Require: []string{"reason"},
			},
			{
				Users: []string{"ci"}, Allow: []string{"run"}, Groups: []string{"staging"},
				Actions: []string{"deploy"}, From: []string{"10.0.0.0/8", "2001:db8::/32"},
			},
			{Deny: []string{"sudo", "shell"}, Hosts: []string{"db*"}, Roles: []string{"operator"}},
		},
		Outbound: Outbound{
			User: "deploy", IdentityFiles: []string{in("keys/outbound")}, KnownHosts: []string{in("known_hosts")},
			ConnectTimeout: 5 * time.Second, Keepalive: 90 * time.Second, IdleClose: time.Hour,
			ChannelsPerConnection: 4, Dials: 32,
		},
		Runs:    Runs{Forks: 10, Timeout: 5 * time.Minute, Drain: 24 * time.Hour, Steps: 1_000_000},
		Session: Session{Idle: time.Hour, History: 500},
		Limits: Limits{
			StartupsBegin: 5, StartupsRate: 50, StartupsFull: 50, PerSource: 5, LoginGrace: 30 * time.Second, LoginGraceTelnet: 2 * time.Minute,
			ConnectionsPerUser: 1, SessionsPerUser: 2, RunsPerUser: 3, ChannelsPerConnection: 4,
			Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")},
		},
		Log: Log{Level: "debug", Format: "text"},
	}
	if diff := cmp.Diff(want, got, exported); diff != "" {
		t.Error(diff)
	}
}

func TestDefaults(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	file := folder(t, minimal)
	got, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		File:   file,
		Tree:   filepath.Join(filepath.Dir(file), "tree.star"),
		State:  filepath.Join(filepath.Dir(file), "state"),
		SSH:    SSH{Listen: []string{":2222"}},
		Telnet: Telnet{Listen: []string{"127.0.0.1:2323"}},
		Rules:  []Rule{{Roles: []string{"admin"}, Allow: []string{"all"}}},
		Outbound: Outbound{
			ConnectTimeout: 10 * time.Second, Keepalive: 15 * time.Second, IdleClose: 10 * time.Minute,
			ChannelsPerConnection: 8, Dials: 64,
		},
		Runs:    Runs{Forks: 20, Drain: 30 * time.Second, Steps: 50_000_000},
		Session: Session{Idle: 30 * time.Minute, History: 1000},
		Limits: Limits{
			StartupsBegin: 10, StartupsRate: 30, StartupsFull: 100, PerSource: 10, LoginGrace: 20 * time.Second, LoginGraceTelnet: time.Minute,
			ConnectionsPerUser: 20, SessionsPerUser: 20, RunsPerUser: 10, ChannelsPerConnection: 10,
		},
		Log: Log{Level: "info", Format: "json"},
	}
	if diff := cmp.Diff(want, got, exported); diff != "" {
		t.Error(diff)
	}
	t.Setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
	if got, err = Load(file); err != nil || got.State != "/var/lib/one" {
		t.Errorf("state is %s (%v), want what systemd says first", got.State, err)
	}
}

func TestSSHCanBeTurnedOff(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+"ssh: { listen: [] }\n")
	if c.SSH.Listen == nil || len(c.SSH.Listen) != 0 {
		t.Errorf("listens on %q", c.SSH.Listen)
	}
}

func TestEmptyListsAreNotThoseThatWereNotGiven(t *testing.T) {
	t.Parallel()
	c := load(t, "tree: tree.star\nrules: [{ allow: [see], paths: [] }]\n")
	if r := c.Rules[0]; r.Paths == nil || r.Hosts != nil {
		t.Errorf("paths %#v, hosts %#v: an empty list must not become everything", r.Paths, r.Hosts)
	}
}

func TestProblemFindsAField(t *testing.T) {
	t.Parallel()
	c := load(t, strings.Replace(minimal, "\n", "\nusers:\n  - name: alice\n    keys:\n      - ssh-rsa A\n      - ssh-rsa B\n", 1))
	for field, want := range map[string]Problem{
		"users[0].keys[1]":     {Line: 6, Col: 9, Source: "- ssh-rsa B"},
		"users[0].name":        {Line: 3, Col: 11, Source: "- name: alice"},
		"users[0].keys_file":   {Line: 3, Col: 5, Source: "- name: alice"},
		"users[0].keys[9]":     {Line: 5, Col: 7, Source: "- ssh-rsa A"},
		"users[7].keys[9]":     {Line: 3, Col: 3, Source: "- name: alice"},
		"rules[0].allow":       {Line: 7, Col: 34, Source: "rules: [{ roles: [admin], allow: [all] }]"},
		"outbound.known_hosts": {},
		"":                     {},
	} {
		want.File, want.Text, want.Hint = c.File, "bad", "do good"
		if diff := cmp.Diff(want, c.Problem(field, "bad", "do good")); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
}

func TestNetworksAreSeenAsClientsAre(t *testing.T) {
	t.Parallel()
	c := load(t, minimal+`limits: { exempt: ["::ffff:192.0.2.1", "::ffff:10.0.0.0/104", "2001:db8::/32"] }`+"\n")
	want := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"),
	}
	if !slices.Equal(c.Limits.Exempt, want) {
		t.Errorf("got %v", c.Limits.Exempt)
	}
}
