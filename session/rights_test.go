package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

func operator(verbs ...string) auth.RuleOptions {
	return auth.RuleOptions{Roles: []string{"operator"}, Allow: verbs}
}

// records returns what the audit holds of a kind.
func (w *world) records(t *testing.T, kind journal.Kind) []string {
	t.Helper()
	if err := w.journal.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := w.journal.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, fmt.Sprintf(`"kind":%q`, kind)) {
			list = append(list, line)
		}
	}
	return list
}

// What a user may not see answers to the byte as what is not there.
func TestWhatMayNotBeSeenIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see", "run", "shell"}, Paths: []string{"/staging/**"}})
	for _, line := range []string{
		"%s", "%s deploy", "%s.web deploy", "ls %s", "ls -l %s", "cd %s", "--inspect %s", "--run %s -- id",
		"can %s", "--json %s deploy", "--sandbox --forks 3 %s/web deploy", "/%s/web:web1", "ls %s:web1", "%s deploy -- x",
		"staging.%s", "staging deploy --forks=1 %s", "env;%s",
	} {
		var seen []string
		for _, name := range []string{"production", "productiom"} { // the second is not there for anybody
			out, errs, code := w.exec(t, "bob", fmt.Sprintf(line, name), "")
			text := fmt.Sprintln(out, errs, code)
			text = strings.ReplaceAll(text, name, "NAME")
			if i := strings.Index(text, `"time":"`); i >= 0 {
				text = text[:i] + text[strings.Index(text, `"event"`):]
			}
			seen = append(seen, text)
		}
		if diff := cmp.Diff(seen[1], seen[0]); diff != "" {
			t.Errorf("%s: what may not be seen differs from what is not there:\n%s", line, diff)
		}
	}
	// Only can is refused, for asking about what may be a user.
	if refused := w.records(t, journal.Refused); len(refused) != 2 {
		t.Errorf("refusals in the audit: %q", refused)
	}
}

func TestAncestorsAreShownWithNothingElseInThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/production/web"}})
	out, errs, code := w.exec(t, "bob", "ls", "")
	if out != "production\n" || errs != "" || code != 0 {
		t.Errorf("%q %q %d", out, errs, code)
	}
	out, _, _ = w.exec(t, "bob", "ls -l", "")
	if out != "production  node\n" {
		t.Errorf("%q", out)
	}
	out, _, _ = w.exec(t, "bob", "--inspect production", "")
	if out != "path: /production\nkind: node\nchildren: web\n" {
		t.Errorf("%q", out)
	}
	out, _, _ = w.exec(t, "bob", "ls -R", "")
	if want := "/production\n/production/web\n/production/web/deploy\n/production/web/version\n/production/web/logs\n/production/web/broke\n"; out != want {
		t.Errorf("%q", out)
	}
	for line, want := range map[string]int{"noop": 127, "production db": 127, "production.web version": 254, "staging": 127} {
		if _, errs, code := w.exec(t, "bob", line, ""); code != want {
			t.Errorf("%s: %d %s, want %d", line, code, errs, want)
		}
	}
	out, _, _ = w.exec(t, "bob", "hosts", "")
	if strings.Contains(out, "db1") || !strings.Contains(out, "web3") {
		t.Errorf("%q", out)
	}
}

// One may run what one may not look at.
func TestRunWithoutSee(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run"}, Groups: []string{"staging"}, Actions: []string{"deploy"}})
	w.check(t, "bob", []transcript{
		{line: "staging deploy v1"},
		{line: "staging.deploi", err: "deployerd: deploi: no such node or action in /staging; did you mean deploy?\n", code: 127},
		{line: "ls staging", err: "deployerd: staging: no such node or action here\n", code: 127},
		{line: "ls", err: "deployerd: you may not see /\n", code: 254},
		{line: "production", err: "deployerd: production: no such node or action here\n", code: 127},
	})
	if lines := w.fakes["st1"].Lines(); len(lines) != 1 || !strings.Contains(lines[0], "install v1") {
		t.Errorf("%q", lines)
	}
}

// What an attribute is called is told to those who may see its node only.
func TestAnAttributeThatMayNotBeSeenIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run"}, Paths: []string{"/production/web"}, Actions: []string{"deploy"}})
	w.check(t, "bob", []transcript{
		{line: "production.web.port", err: "deployerd: port: no such node or action in /production/web\n", code: 127},
		{line: "production.web.prot", err: "deployerd: prot: no such node or action in /production/web\n", code: 127},
		{line: "--inspect production.web.port", err: "deployerd: production: no such node or action here\n", code: 127},
	})
	w.check(t, "alice", []transcript{
		{line: "production.web.port", err: "deployerd: \"port\" is an attribute of production.web, not a place; --inspect shows it\n", code: 2},
	})
}

func TestHostsThatAreDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, operator("see", "run", "shell", "sudo"),
		auth.RuleOptions{Roles: []string{"operator"}, Deny: []string{"run", "shell"}, Hosts: []string{"web3", "db*"}})
	for line, want := range map[string]int{
		"production.web version":                  254,
		"--limit !web3 production.web version":    0,
		"production.web:web3 version":             254,
		"--run production.web -- id":              254,
		"--run --limit web1 production.web -- id": 0,
		"production.db dump":                      254,
		"everywhere":                              254, // it reaches db1 from elsewhere in the tree
	} {
		if _, errs, code := w.exec(t, "bob", line, ""); code != want {
			t.Errorf("%s: %d %s, want %d", line, code, errs, want)
		}
	}
	for _, name := range []string{"web3", "db1"} {
		if lines := w.fakes[name].Lines(); len(lines) > 0 {
			t.Errorf("%s was given %q", name, lines)
		}
	}
	if _, errs, _ := w.exec(t, "bob", "production.web version", ""); errs != "deployerd: you may not run version at /production/web on web3\n" {
		t.Errorf("%q", errs)
	}
	if refused := w.records(t, journal.Refused); len(refused) != 6 || !strings.Contains(refused[0], "bob") {
		t.Errorf("%d refusals in the audit: %q", len(refused), refused)
	}
}

func TestAReasonIsAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, operator("see"), auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run", "shell"}, Require: []string{"reason"}})
	w.check(t, "bob", []transcript{
		{line: "noop", err: "deployerd: a reason is needed: --reason TEXT\n", code: 254},
		{line: "--reason 'ticket 7' noop"},
		{line: "--run staging -- id", err: "deployerd: a reason is needed: --reason TEXT\n", code: 254},
	})
	if intents := w.records(t, journal.Intent); len(intents) != 1 || !strings.Contains(intents[0], "ticket 7") {
		t.Errorf("%q", intents)
	}
}

func TestOthersRightsAreForAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/staging/**"}})
	w.check(t, "bob", []transcript{
		{line: "can", out: "/staging  see\n"},
		{line: "can bob /staging", out: "/staging  see\n"},
		{line: "can carol", err: "deployerd: you may not administer this daemon\n", code: 254},
		{line: "can nobody", err: "deployerd: you may not administer this daemon\n", code: 254},
		{line: "can alice staging", err: "deployerd: you may not administer this daemon\n", code: 254},
		{line: "reload", err: "deployerd: you may not administer this daemon\n", code: 254},
	})
	w.check(t, "alice", []transcript{
		{line: "can carol", out: "/staging  see\n"},
		{line: "can carol production"},
		{line: "can nobody", err: "deployerd: nobody: no such user, and no such node here\n", code: 127},
	})
}

// lineOf is for each command one line that is good for who may do it.
var lineOf = map[string]string{
	"cd": "cd /staging", "ls": "ls /staging", "pwd": "pwd", "find": "find", "--inspect": "--inspect staging", "--source-code": "--source-code staging",
	"--run": "--run staging -- id", "--run-with-sudo": "--run-with-sudo staging -- id",
	"--connect": "--connect staging",
	"hosts":     "hosts", "can": "can", "whoami": "whoami", "status": "status", "reload": "reload",
	"env": "env", "help": "help", "w": "w", "history": "history", "clear": "clear", "exit": "exit", "return": "return", "--version": "--version",
	"(action)": "staging deploy",
}

// needed is which verbs each line needs.
func needed(c command) []auth.Verb {
	switch c.right {
	case "-":
		return nil
	case "shell and sudo":
		return []auth.Verb{auth.Shell, auth.Sudo}
	}
	return []auth.Verb{auth.Verb(c.right)}
}

// The matrix of verbs and commands: with all verbs but one a line is done
// exactly if that one is not needed. A command without a row fails.
func TestEveryCommandNeedsItsVerbs(t *testing.T) {
	t.Parallel()
	rows := []command{{name: "(action)", right: "run"}}
	for _, c := range commands() {
		if c.do != nil {
			rows = append(rows, c)
		}
	}
	later := []auth.Verb{auth.Files, auth.Tunnel, auth.Watch, auth.Join, auth.Approve, auth.Lock, auth.Hostkey}
	used := make(map[auth.Verb]bool)
	for _, c := range rows {
		for _, v := range needed(c) {
			used[v] = true
		}
	}
	for _, v := range auth.Verbs() {
		if !used[v] && !slices.Contains(later, v) {
			t.Errorf("the verb %s has no row", v)
		}
	}
	for without := range used {
		var verbs []string
		for v := range used {
			if v != without {
				verbs = append(verbs, string(v))
			}
		}
		w := newWorld(t, operator(verbs...))
		w.o.Reload = func(context.Context) error { return nil }
		for _, c := range rows {
			line, ok := lineOf[c.name]
			if !ok {
				t.Errorf("%s has no row", c.name)
			}
			_, errs, code := w.exec(t, "bob", line, "")
			if c.name == "--connect" && code == exitWrong {
				code = 0 // no right is missing, only a terminal
			}
			allowed := !slices.Contains(needed(c), without)
			if allowed != (code == 0) || !allowed && code != exitRefused && code != exitNotFound {
				t.Errorf("without %s: %s: exit code %d: %s", without, line, code, errs)
			}
		}
	}
}

func TestNothingIsAllowedWithoutARule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, line := range lineOf {
		cmd, ok := findCommand(name)
		free := ok && cmd.right == "-"
		if _, errs, code := w.exec(t, "bob", line, ""); free != (code == 0) {
			t.Errorf("%s: %d %s", line, code, errs)
		}
	}
	if lines := w.fakes["st1"].Lines(); len(lines) > 0 {
		t.Errorf("st1 was given %q", lines)
	}
}

// A denied user's runs start no further command once the account is gone.
func TestARunOutlivesItsAccountWithoutFurtherCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, operator("see", "run", "shell"))
	hold := make(chan struct{})
	started := make(chan struct{})
	w.fakes["web1"].On("id", hosttest.Answer{Block: hold, OnStart: func() { close(started) }})
	done := make(chan int)
	s := w.open(t, t.Context(), "bob")
	go func() { done <- s.Exec("--run --forks 1 production.web -- id", (&received{}).io("")) }()
	<-started
	state := *w.state.Load()
	state.Users = users(t, "alice")
	w.Swap(state)
	if code := <-done; code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	if _, err := w.Open(t.Context(), client("bob")); err != ErrRightsEnded {
		t.Errorf("a session of nobody: %v", err)
	}
	close(hold)
}

// A deny with hosts holds for every command, also for those who were never
// allowed the verb that an action uses.
func TestADenyOfHostsHoldsInsideActions(t *testing.T) {
	t.Parallel()
	for verb, deny := range map[string]auth.RuleOptions{
		"sudo": {Deny: []string{"sudo", "shell"}, Hosts: []string{"db*"}},
		"run":  {Deny: []string{"run"}, Hosts: []string{"db1"}},
	} {
		w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run"}, Actions: []string{"everywhere", "noop"}}, deny)
		if _, errs, code := w.exec(t, "bob", "everywhere", ""); code != 254 || !strings.Contains(errs, "db1") {
			t.Errorf("%s: %d %s", verb, code, errs)
		}
		if lines := w.fakes["db1"].Lines(); len(lines) > 0 {
			t.Errorf("%s: db1 was given %q", verb, lines)
		}
		if _, errs, code := w.exec(t, "bob", "noop", ""); code != 0 {
			t.Errorf("%s: an action that touches no host: %d %s", verb, code, errs)
		}
	}
}

// A terminal on a host ends with the right to it, and says so; the session
// stays.
func TestATerminalEndsWithItsRight(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p, r := connected(t, w)
	w.Swap(w.makeState(t))
	p.types("still here")
	p.sees("still here")
	w.Swap(w.makeState(t, auth.RuleOptions{Roles: []string{"admin"}, Deny: []string{"shell"}}))
	p.sees("the right to it was taken away: ", "alice@box / >")
	if got := r.Outcome().Status; got != run.Cancelled {
		t.Errorf("%s", got)
	}
	p.types("pwd\r")
	p.sees("> pwd\n/\n")
	p.types("\x04")
	p.leaves()
}
