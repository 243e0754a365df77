package config

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// TestAllErrorsAtOnce compares what is said of a file with everything wrong.
func TestAllErrorsAtOnce(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/wrong.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := faults(t, string(text)) + "\n"
	if *update {
		if err := os.WriteFile("testdata/wrong.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/wrong.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"runs: { forks: -1 }":                               "`runs.forks` cannot be -1",
		"runs: { forks: many }":                             "`runs.forks` must be a whole number, not text",
		"runs: { forks: 2.5 }":                              "must be a whole number, not a number",
		"runs: { forks: 99999999999999999999999 }":          "runs.forks",
		"runs: { steps: 0 }":                                "`runs.steps` cannot be 0",
		"runs: { timeout: 5 }":                              "`runs.timeout` has no unit",
		"runs: { timeout: 5 m }":                            "is no duration",
		"runs: { timeout: -5m }":                            "is no duration",
		"runs: { timeout: 999999999d }":                     "is no duration",
		"runs: { timeout: 99999d }":                         "0s to 3650d",
		"runs: { timeout: [] }":                             "must be text, not a list",
		"outbound: { connect_timeout: 0s }":                 "cannot be 0s",
		"limits: { startups: \"10:30\" }":                   "cannot be \"10:30\"",
		"limits: { startups: \"100:30:10\" }":               "cannot be",
		"limits: { startups: \"10:130:100\" }":              "cannot be",
		"limits: { startups: 10 }":                          "must be text, not a number",
		"limits: { exempt: [office] }":                      "it is no network",
		"limits: { exempt: [10.0.0.1/8] }":                  "hint: the network is 10.0.0.0/8",
		"ssh: { listen: [\"2222\"] }":                       "it is no address and port",
		"ssh: { listen: [\":ssh\"] }":                       "it is no address and port",
		"ssh: { listen: [\":70000\"] }":                     "it is no address and port",
		"ssh: { listen: [\":22\", \":22\"] }":               "is there twice",
		"ssh: { host_keys: keys/host }":                     "must be a list, not text",
		"ssh: { host_keys: [\"\"] }":                        "names no file",
		"ssh: { host_keys: [\"a\\nb\"] }":                   "has control characters",
		"ssh: { banner: \"a\\eb\" }":                        "has control characters",
		"ssh: { banner: \"" + strings.Repeat("x", 4097):     "YAML cannot be read",
		"ssh: { banner: " + strings.Repeat("x", 4097) + "}": "longer than 4096 bytes",
		"ssh:":                                "`ssh` has no value",
		"ssh: []":                             "`ssh` must be a mapping, not a list",
		"log: { level: loud }":                "hint: one of debug, info, warn, error",
		"users: [alice]":                      "`users[0]` must be a mapping, not text",
		"users: [~]":                          "`users[0]` has no value",
		"users: [{ disabled: yes }]":          "must be true or false, not text",
		"users: [name: alice]":                "",
		"log: &a { level: info }":             "must be a mapping, not an anchor",
		"log: !!map { level: info }":          "not a tag",
		"log: { <<: { level: info }}":         "this key is no text",
		"1: 2":                                "this key is no text",
		"? [a]\n: b":                          "YAML cannot be read",
		"tree: again":                         "`tree` is there twice, first on line 1",
		"trees: x":                            "did you mean `tree`?",
		"rnus: x":                             "did you mean `runs`?",
		"quite_another_thing: x":              "hint: known here are journal, limits, log,",
		"---\ntree: x":                        "a second document begins here",
		"\t- x":                               "YAML cannot be read",
		"log: { level: info":                  "YAML cannot be read",
		"log: " + strings.Repeat("[", 40):     "nested too deeply",
		"log:\n  " + strings.Repeat("- ", 40): "nested too deeply",
		"log:\n" + strings.Repeat(" ", 300) + "level: info": "nested too deeply",
		"log: \xff":                      "not UTF-8",
		strings.Repeat("a: b\n", 50_001): "more than 50000 keys",
	} {
		got := faults(t, minimal+text+"\n")
		if says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("%.60s:\n%s\nwant %q", text, got, says)
		}
	}
}

func TestWhatIsRequired(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "`tree` is missing|`rules` is missing",
		"# nothing\n":                   "`tree` is missing|`rules` is missing",
		"tree: tree.star":               "`rules` is missing",
		"tree: tree.star\nrules: []":    "`rules` is empty",
		"tree: tree.star\nrules:":       "`rules` has no value",
		"rules: [{ allow: [all] }]":     "`tree` is missing",
		"- a list":                      "must be a mapping, not a list|`tree` is missing|`rules` is missing",
		"tree: \"\"\nrules: [{ a: b }]": "`tree` names no file|unknown key `a`",
	} {
		got := faults(t, text)
		for _, says := range strings.Split(want, "|") {
			if strings.Count(got, says) != 1 {
				t.Errorf("%q:\n%s\nwant %q once", text, got, says)
			}
		}
	}
}

// TestKeysOfLaterVersions holds that each key of CONFIG.md that is not built is
// refused, unless its value switches the thing off.
func TestKeysOfLaterVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		where, key string // where has %s for the key and its value
		on         []string
		off        []string
	}{
		{"ssh: { % }", "trusted_user_ca", []string{"[keys/user_ca.pub]", `""`}, []string{"[]"}},
		{"ssh: { % }", "revoked_keys", []string{"keys/revoked"}, []string{`""`}},
		{"users: [{ name: a, % }]", "totp", []string{"alice-totp"}, []string{`""`}},
		{"users: [{ name: a, % }]", "login", []string{"[[publickey]]", "[]"}, nil},
		{"outbound: { % }", "trust", []string{"one", "two"}, nil},
		{"outbound: { % }", "history", []string{"true"}, []string{"false"}},
		{"runs: { % }", "keep", []string{"90d"}, nil},
		{"runs: { % }", "output_limit", []string{"64MiB"}, nil},
		{"runs: { % }", "confirm", []string{"true"}, []string{"false"}},
		{"session: { % }", "folder", []string{"100MiB"}, []string{"0"}},
		{"journal: { % }", "servers", []string{"[nats://a]"}, []string{"[]"}},
		{"journal: { % }", "credentials", []string{"a.creds"}, []string{`""`}},
		{"journal: { % }", "keep", []string{"365d"}, nil},
		{"journal: { % }", "max_size", []string{"10GiB"}, nil},
		{"journal: { % }", "minimum_free", []string{"500MiB"}, nil},
		{"journal: { % }", "recording", []string{"strict", "best_effort"}, []string{"off", `"off"`}},
		{"metrics: { % }", "listen", []string{`"127.0.0.1:9222"`}, []string{`""`}},
	} {
		for _, value := range c.on {
			text := strings.ReplaceAll(c.where, "%", c.key+": "+value)
			got := faults(t, minimal+text)
			if !strings.Contains(got, "."+c.key+"` is not in this version") || strings.Count(got, "hint: leave it out") != 1 {
				t.Errorf("%s:\n%s", text, got)
			}
		}
		for _, value := range c.off {
			text := strings.ReplaceAll(c.where, "%", c.key+": "+value)
			if got := faults(t, minimal+text); got != "" {
				t.Errorf("%s:\n%s", text, got)
			}
		}
	}
}

func TestOutboundTakesAgentAndSSHConfig(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"outbound: { agent: true, ssh_config: \"\" }": "",
		"outbound: { agent: yes please }":             "must be true or false",
		"outbound: { ssh_config: not-there }":         "not-there",
	} {
		if got := faults(t, minimal+text); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s:\n%s", text, got)
		}
	}
}

func TestErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"users: [{ name: a, password: hunter2 and more, rols: x }]",
		"users: [{ rols: x, name: a, password: \"hunter2\" }]",
		"users: [{ rols: x, 'password': 'hunter2' }]",
		"users: [{ rols: x, passwd: $argon2id$v=19$m=65536,t=3,p=4$c2FsdA$hunter2 }]",
		"users: [{ name: a, password: $6$salt$hunter2",
	} {
		got := faults(t, minimal+line)
		if strings.Contains(got, "hunter2") || !strings.Contains(got, "<secret>") {
			t.Errorf("%s:\n%s", line, got)
		}
	}
}

// FuzzLoad holds that no text makes Load panic, and that what is wrong has a
// place in the file.
func FuzzLoad(f *testing.F) {
	wrong, err := os.ReadFile("testdata/wrong.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{minimal, sample, string(wrong), "", "a: &a [*a]", "? - : -", "- - - {", "x: |\n y", "\xef\xbb\xbftree: x", "a: \"b\r\r\rc\" d"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newSource("f", text)
		r := &reader{source: s, dir: "/nowhere", places: make(map[string]place), told: make(map[fault]bool)}
		c := defaults("/nowhere/f")
		r.read(c, text)
		for _, p := range r.problems {
			if p.Line < 0 || p.Line > len(s.lines) || p.Text == "" {
				t.Errorf("a problem in nowhere: %+v", p)
			}
		}
		if len(r.problems) == 0 && (c.Tree == "" || len(c.Rules) == 0) {
			t.Errorf("accepted without a tree or rules")
		}
	})
}

func TestTheFileAsAWholeHasAName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[]\n":   "deployerd.yaml:1:1: the file must be a mapping, not a list",
		"foo\n":  "deployerd.yaml:1:1: the file must be a mapping, not text",
		"null\n": "deployerd.yaml:1:1: the file must be a mapping, not nothing",
	} {
		if got := faults(t, text); !strings.Contains(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestOneMistakeIsOneProblem(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`"a\u0001b"`, `""`, "5", "[]"} {
		if got := faults(t, minimal+"state: "+value+"\n"); strings.Count(got, "`state`") != 1 {
			t.Errorf("state: %s: %s", value, got)
		}
	}
}
