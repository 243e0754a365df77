package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleRules are CONFIG.md's, without what this version refuses.
func sampleRules(t testing.TB) *Rules {
	return mustRules(t,
		RuleOptions{Roles: []string{"admin"}, Allow: []string{"all"}},
		RuleOptions{Roles: []string{"operator"}, Allow: []string{"see", "run", "shell"}, Paths: []string{"/staging/**"}},
		RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/production/**"}},
		RuleOptions{
			Roles: []string{"operator"}, Allow: []string{"run"}, Paths: []string{"/production/**"},
			Actions: []string{"deploy", "restart"}, Require: []string{"reason"},
		},
		RuleOptions{
			Users: []string{"ci"}, Allow: []string{"run"}, Groups: []string{"staging"}, Actions: []string{"deploy"},
			From: []string{"10.0.0.0/8", "2001:db8::/32"},
		},
		RuleOptions{Deny: []string{"sudo", "shell"}, Hosts: []string{"db*"}, Roles: []string{"operator"}},
	)
}

var (
	admin    = Subject{User: "root", Roles: []string{"admin"}, From: home}
	operator = Subject{User: "alice", Roles: []string{"operator"}, From: home}
	ci       = Subject{User: "ci", Roles: []string{"robot"}, From: netip.MustParseAddr("10.1.2.3")}
	stranger = Subject{User: "eve", From: home}
)

func TestSampleRules(t *testing.T) {
	t.Parallel()
	r := sampleRules(t)
	office, v6, mapped, unknown := ci, ci, ci, ci
	office.From = home
	v6.From = netip.MustParseAddr("2001:db8::1")
	mapped.From = netip.MustParseAddr("::ffff:10.1.2.3")
	unknown.From = netip.Addr{}
	web, webdb := []string{"web1", "web2"}, []string{"web1", "db1", "db2"}
	for _, c := range []struct {
		who  Subject
		q    Request
		want string // "" for allowed
	}{
		{admin, Request{Verb: Run, Path: "/production/web", Action: "drop", Hosts: webdb}, ""},
		{admin, Request{Verb: Admin}, ""},
		{admin, Request{Verb: Tunnel, Path: "/"}, ""},
		{admin, Request{Verb: All, Path: "/"}, "you may not do that at /"},
		{admin, Request{Verb: "", Path: "/"}, "you may not do that at /"},
		{operator, Request{Verb: See, Path: "/staging"}, ""},
		{operator, Request{Verb: See, Path: "/"}, "you may not see /"},
		{operator, Request{Verb: See, Path: "/staging/db", Hosts: []string{"db1"}}, ""},
		{operator, Request{Verb: Run, Path: "/staging/web", Action: "drop", Hosts: webdb}, ""},
		{operator, Request{Verb: Shell, Path: "/staging/web", Hosts: web}, ""},
		{operator, Request{Verb: Shell, Path: "/staging/web", Hosts: webdb}, "you may not open a shell at /staging/web on db1, db2"},
		{operator, Request{Verb: Sudo, Path: "/staging/web", Hosts: webdb}, "you may not use sudo at /staging/web"},
		{operator, Request{Verb: Shell, Path: "/production/web", Hosts: web}, "you may not open a shell at /production/web"},
		{operator, Request{Verb: Run, Path: "/production/web", Action: "deploy", Hosts: web}, "a reason is needed: --reason TEXT"},
		{operator, Request{Verb: Run, Path: "/production/web", Action: "deploy", Hosts: web, Reason: " \t"}, "a reason is needed: --reason TEXT"},
		{operator, Request{Verb: Run, Path: "/production/web", Action: "deploy", Hosts: web, Reason: "#7"}, ""},
		{operator, Request{Verb: Run, Path: "/production/web", Action: "drop", Hosts: web, Reason: "#7"}, "you may not run drop at /production/web"},
		{operator, Request{Verb: Run, Path: "/production/web", Reason: "#7"}, "you may not run /production/web"},
		{operator, Request{Verb: Admin}, "you may not administer this daemon"},
		{operator, Request{Verb: See, Path: "/staging/../production"}, "you may not see /staging/../production"},
		{operator, Request{Verb: See, Path: "/staging/"}, "you may not see /staging/"},
		{operator, Request{Verb: See, Path: "/staging/web:web1"}, "you may not see /staging/web:web1"},
		{operator, Request{Verb: See, Path: "staging"}, "you may not see staging"},
		{ci, Request{Verb: Run, Path: "/x", Group: "staging", Action: "deploy", Hosts: web}, ""},
		{v6, Request{Verb: Run, Path: "/x", Group: "staging", Action: "deploy"}, ""},
		{mapped, Request{Verb: Run, Path: "/x", Group: "staging", Action: "deploy"}, ""},
		{office, Request{Verb: Run, Path: "/x", Group: "staging", Action: "deploy"}, "you may not run deploy at /x"},
		{unknown, Request{Verb: Run, Path: "/x", Group: "staging", Action: "deploy"}, "you may not run deploy at /x"},
		{ci, Request{Verb: Run, Path: "/x", Group: "production", Action: "deploy"}, "you may not run deploy at /x"},
		{ci, Request{Verb: Run, Path: "/x", Action: "deploy"}, "you may not run deploy at /x"},
		{ci, Request{Verb: See, Path: "/x", Group: "staging"}, "you may not see /x"},
		{stranger, Request{Verb: See, Path: "/staging"}, "you may not see /staging"},
		{Subject{User: "admin", From: home}, Request{Verb: See, Path: "/"}, "you may not see /"}, // a name is no role
	} {
		got := ""
		if err := r.Authorize(c.who, c.q); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %+v:\n got %q\nwant %q", c.who.User, c.q, got, c.want)
		}
	}
}

// TestMatrixOfVerbs asks for every verb under every combination of rules about
// it: a verb added to the list is tested without a row written for it.
func TestMatrixOfVerbs(t *testing.T) {
	t.Parallel()
	who := Subject{User: "u", Roles: []string{"r"}, From: home}
	for _, verb := range Verbs() {
		for _, other := range Verbs() {
			for bits := range 8 {
				mine, all, denied := bits&1 != 0, bits&2 != 0, bits&4 != 0
				// Made by hand: NewRules refuses the verbs of later versions.
				r := &Rules{allow: []*rule{{verbs: map[Verb]bool{verb: mine, All: all}}}}
				if denied {
					r.deny = []*rule{{verbs: map[Verb]bool{other: true}, deny: true}}
				}
				want := (mine || all) && (!denied || other != verb)
				q := Request{Verb: verb, Path: "/p", Action: "a"}
				if got := r.Authorize(who, q) == nil; got != want {
					t.Errorf("%s allowed %t, all %t, %s denied %t: %t, want %t", verb, mine, all, other, denied, got, want)
				}
				if got := slices.Contains(r.Allowed(who, "/p", ""), verb); got != want {
					t.Errorf("Allowed disagrees with Authorize about %s", verb)
				}
			}
		}
		if (&Rules{}).Authorize(who, Request{Verb: verb, Path: "/p"}) == nil {
			t.Errorf("%s is allowed without a rule", verb)
		}
	}
}

func TestHostsNarrowRules(t *testing.T) {
	t.Parallel()
	r := mustRules(t,
		RuleOptions{Allow: []string{"run", "see"}, Hosts: []string{"web*"}},
		RuleOptions{Allow: []string{"run"}, Hosts: []string{"db1"}, Require: []string{"reason"}},
		RuleOptions{Deny: []string{"run", "see"}, Hosts: []string{"web9"}},
	)
	for _, c := range []struct {
		verb    Verb
		hosts   []string
		reason  string
		denied  []string
		missing string
		ok      bool
	}{
		{Run, []string{"web1", "web2"}, "", nil, "", true},
		{Run, []string{"web1", "web9"}, "", []string{"web9"}, "", false},
		{Run, []string{"web1", "db1"}, "", nil, "reason", false},
		{Run, []string{"web1", "db1"}, "why", nil, "", true},
		{Run, []string{"db1", "db2"}, "why", []string{"db2"}, "", false},
		{Run, []string{"db1", "db2"}, "", []string{"db2"}, "", false},
		{Run, nil, "", nil, "", false}, // rules narrowed to hosts do not cover it
		{See, []string{"web9", "web1", "db1"}, "", nil, "", true},
		{See, []string{"web9", "db1"}, "", []string{"web9", "db1"}, "", false},
		{See, nil, "", nil, "", false},
	} {
		err := r.Authorize(stranger, Request{Verb: c.verb, Path: "/p", Action: "a", Hosts: c.hosts, Reason: c.reason})
		if (err == nil) != c.ok {
			t.Errorf("%s on %v: %v", c.verb, c.hosts, err)
			continue
		}
		var denied *DeniedError
		if err != nil && !errors.As(err, &denied) {
			t.Fatalf("the refusal is a %T", err)
		}
		if denied != nil && (!cmp.Equal(denied.Hosts, c.denied) || denied.Missing != c.missing) {
			t.Errorf("%s on %v: hosts %v and missing %q, want %v and %q", c.verb, c.hosts, denied.Hosts, denied.Missing, c.denied, c.missing)
		}
	}
}

func TestDenyBeatsEveryAllow(t *testing.T) {
	t.Parallel()
	r := mustRules(t,
		RuleOptions{Deny: []string{"run"}, Actions: []string{"drop"}},
		RuleOptions{Deny: []string{"all"}, Users: []string{"mallory"}},
		RuleOptions{Deny: []string{"shell"}, From: []string{"198.51.100.0/24"}},
		RuleOptions{Allow: []string{"all"}},
	)
	outside, nowhere := stranger, stranger
	outside.From, nowhere.From = netip.MustParseAddr("198.51.100.9"), netip.Addr{}
	for _, c := range []struct {
		who  Subject
		q    Request
		want bool
	}{
		{stranger, Request{Verb: Run, Path: "/p", Action: "drop"}, false},
		{stranger, Request{Verb: Run, Path: "/p", Action: "deploy"}, true},
		{stranger, Request{Verb: Run, Path: "/p"}, false}, // an unnamed action is any
		{Subject{User: "mallory", From: home}, Request{Verb: See, Path: "/p"}, false},
		{stranger, Request{Verb: Shell, Path: "/p"}, true},
		{outside, Request{Verb: Shell, Path: "/p"}, false},
		{nowhere, Request{Verb: Shell, Path: "/p"}, false}, // an unknown address may be there
	} {
		if got := r.Authorize(c.who, c.q) == nil; got != c.want {
			t.Errorf("%s %+v: %t, want %t", c.who.User, c.q, got, c.want)
		}
	}
	if got := r.Allowed(stranger, "/p", ""); !slices.Equal(got, Verbs()) {
		t.Errorf("allowed are %v: a deny of one action or host takes no verb away", got)
	}
}

func TestAllowedListsVerbs(t *testing.T) {
	t.Parallel()
	r := sampleRules(t)
	for _, c := range []struct {
		who         Subject
		path, group string
		want        []Verb
	}{
		{admin, "/anything", "", Verbs()},
		{operator, "/staging/web", "", []Verb{See, Run, Shell}},
		{operator, "/production/web", "", []Verb{See, Run}},
		{operator, "/", "", nil},
		{operator, "/staging/web:web1", "", nil},
		{ci, "/x", "staging", []Verb{Run}},
		{ci, "/x", "", nil},
		{stranger, "/staging", "staging", nil},
	} {
		if diff := cmp.Diff(c.want, r.Allowed(c.who, c.path, c.group)); diff != "" {
			t.Errorf("%s at %s: %s", c.who.User, c.path, diff)
		}
	}
}

func TestARefusalNamesAFewHosts(t *testing.T) {
	t.Parallel()
	e := &DeniedError{Request: Request{Verb: Run, Path: "/p", Action: "a"}}
	for i := range 13 {
		e.Hosts = append(e.Hosts, fmt.Sprintf("h%d", i))
	}
	if got, want := e.Error(), "you may not run a at /p on h0, h1, h2, h3, h4, h5, h6, h7, h8, h9 and 3 more"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
