package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustRules(t testing.TB, rules ...RuleOptions) *Rules {
	t.Helper()
	r, err := NewRules(rules)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryRuleFaultIsReported(t *testing.T) {
	t.Parallel()
	_, err := NewRules([]RuleOptions{
		{Roles: []string{"admin"}, Allow: []string{"all"}},
		{Allow: []string{"se", "files"}, Paths: []string{"staging/**", "/a/../b", "/a**", "/web:web1", "/{a,b}"}},
		{Roles: []string{"x"}},
		{Allow: []string{"see"}, Deny: []string{"run"}},
		{Allow: []string{}},
		{Deny: []string{"sudo"}, Require: []string{"reason"}},
		{Allow: []string{"run"}, Require: []string{"approval", "reason", "mfa", "luck"}},
		{Allow: []string{"see"}, Actions: []string{"deploy"}},
		{Allow: []string{"see"}, Users: []string{}, Groups: []string{"a/b", ""}, Hosts: []string{"db?"}},
		{Allow: []string{"see"}, From: []string{"10.0.0.1/8", "office", "192.0.2.1"}},
		{Allow: []string{"see"}, Hosts: []string{strings.Repeat("x", maxPattern+1)}, Actions: []string{"a b"}},
	})
	want := []string{
		`rules[1].allow[0]: "se" is no verb`,
		`rules[1].allow[1]: the verb files is not in this version`,
		`rules[1].paths[0]: "staging/**" is no path`,
		`rules[1].paths[1]: "/a/../b" has empty or dotted parts`,
		`rules[1].paths[2]: "/a**" has ** within a name`,
		`rules[1].paths[3]: "/web:web1" names a cell; paths are without cells`,
		`rules[1].paths[4]: "/{a,b}" has characters that no name has`,
		`rules[2]: the rule neither allows nor denies`,
		`rules[3]: the rule both allows and denies`,
		`rules[4].allow: an empty list matches nothing`,
		`rules[5].require: a rule that denies requires nothing`,
		`rules[6].require[0]: the requirement approval is not in this version`,
		`rules[6].require[2]: the requirement mfa is not in this version`,
		`rules[6].require[3]: "luck" is no requirement`,
		`rules[7].actions: actions narrow run, which is not in this rule`,
		`rules[8].users: an empty list matches nothing`,
		`rules[8].groups[0]: "a/b" is no name`,
		`rules[8].groups[1]: the pattern is empty`,
		`rules[8].hosts[0]: "db?" has characters that no name has`,
		`rules[9].from[0]: "10.0.0.1/8" has bits set behind the network's own`,
		`rules[9].from[1]: "office" is neither an address nor a network`,
		`rules[10].hosts[0]: the pattern is longer than 256 bytes`,
		`rules[10].actions[0]: "a b" has blanks or control characters`,
		`rules[10].actions: actions narrow run, which is not in this rule`,
	}
	if diff := cmp.Diff(want, fields(t, err)); diff != "" {
		t.Error(diff)
	}
}

func TestVerbsOfLaterVersionsAreRefused(t *testing.T) {
	t.Parallel()
	built := map[Verb]bool{See: true, Run: true, Shell: true, Sudo: true, Admin: true}
	for _, v := range Verbs() {
		for _, o := range []RuleOptions{{Allow: []string{string(v)}}, {Deny: []string{string(v)}}} {
			_, err := NewRules([]RuleOptions{o})
			if built[v] != (err == nil) {
				t.Errorf("%s: %v", v, err)
			}
			if err != nil && !strings.Contains(err.Error(), "not in this version") {
				t.Errorf("%s: %v", v, err)
			}
		}
	}
}

func TestPathPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/staging/**", "/staging", true},
		{"/staging/**", "/staging/web", true},
		{"/staging/**", "/staging/a/b/c", true},
		{"/staging/**", "/stagingx", false},
		{"/staging/**", "/", false},
		{"/staging", "/staging/web", false},
		{"/*/web", "/staging/web", true},
		{"/*/web", "/staging/eu/web", false},
		{"/*", "/", false},
		{"/*", "/a", true},
		{"/**", "/", true},
		{"/**/**", "/", true},
		{"/**/*", "/", false},
		{"/a/**/**", "/a", true}, // a deny of a node is not lost by a ** too many
		{"/a/**/**/**", "/a/b/c", true},
		{"/prod*/**", "/prod", true},
		{"/prod*/**", "/production/web", true},
		{"/**/a/**/b", "/a/a/x/b", true},
		{"/", "/", true},
		{"/", "/a", false},
		{"/**/web*", "/a/b/web1", true},
		{"/a/**/b", "/a/b", true},
		{"/**", "", true}, // the daemon as a whole
		{"/", "", true},
		{"/*", "", false},
		{"/caf\u00e9", "/caf\u00e9", true},
		{"/cafe\u0301", "/caf\u00e9", true}, // names are compared in NFC
		{"/a.b", "/axb", false},
	} {
		p, err := parsePath(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.match(c.path); got != c.want {
			t.Errorf("%s with %q: %t, want %t", c.pattern, c.path, got, c.want)
		}
	}
}

// FuzzPathPattern holds that what is accepted means what the contract says: it
// is compared with a matcher written from the contract's sentence.
func FuzzPathPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"/staging/**", "/staging"}, {"/a/*/c", "/a/b/c"}, {"/**/web*", "/x/web1"}, {"/*a*b", "/aab"}, {"/{a}", "/a"}, {"/", "/"}, {"/0/**/**", "/0"}, {"/0*/**", "/0"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, place string) {
		p, err := parsePath(pattern)
		if err != nil || place == "" || !cleanPath(place) || strings.ContainsAny(place, `\*`) || len(place) > 64 {
			return
		}
		if strings.ToValidUTF8(pattern+place, "") != pattern+place {
			return
		}
		want := matchParts(strings.Split(strings.Trim(string(p), "/"), "/"), strings.Split(strings.Trim(place, "/"), "/"))
		if got := p.match(place); got != want {
			t.Errorf("%q with %q: %t, want %t", p, place, got, want)
		}
	})
}

// matchParts is the contract's sentence, part by part. The root has no part.
func matchParts(pattern, place []string) bool {
	if len(place) == 1 && place[0] == "" {
		place = nil
	}
	if len(pattern) == 0 || len(pattern) == 1 && pattern[0] == "" {
		return len(place) == 0
	}
	if pattern[0] == "**" {
		for i := range len(place) + 1 {
			rest := pattern[1:]
			if len(rest) == 0 || matchParts(rest, place[i:]) {
				return true
			}
		}
		return false
	}
	if len(place) == 0 || !matchName1(pattern[0], place[0]) {
		return false
	}
	return len(pattern) == 1 && len(place) == 1 || len(pattern) > 1 && matchParts(pattern[1:], place[1:])
}

func matchName1(pattern, name string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, before)
	if !ok {
		return false
	}
	for i := range len(rest) + 1 {
		if matchName1(after, rest[i:]) {
			return true
		}
	}
	return false
}
