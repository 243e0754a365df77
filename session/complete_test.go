package session

import (
	"strings"
	"testing"

	"github.com/deployerd/deployerd/auth"
)

// offers are the candidates behind a line, in one string.
func offers(s *Session, line string) string {
	var found []string
	for _, c := range s.complete(line).Candidates {
		found = append(found, line[:s.complete(line).From]+c.Text+c.End+c.Kind)
	}
	return strings.Join(found, "|")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.open(t, t.Context(), "alice")
	for line, want := range map[string]string{
		"prod":                           "production/",
		"production/":                    "production/db/|production/web/",
		"production.w":                   "production.web/",
		"production we":                  "production web/",
		"/production/web/de":             "/production/web/deploy *",
		"production.web.de":              "production.web.deploy *",
		"production.web:":                "production.web:web1/|production.web:web2/|production.web:web3/",
		"production.web :web1":           "production.web :web1/",
		"production/web:web1/ver":        "production/web:web1/version *",
		"production/web/:web2":           "production/web/:web2/",
		"production.web deploy ":         "production.web deploy force=|production.web deploy version=",
		"production.web deploy ver":      "production.web deploy version=",
		"production.web deploy force":    "production.web deploy force=",
		"staging deploy force=":          "staging deploy force=false |staging deploy force=true ",
		"staging deploy version=1 ve":    "",
		"staging deploy --fo":            "",
		"staging --fo":                   "staging --forks=",
		"--fo":                           "--forks=",
		"--ru":                           "--run |--run-with-sudo ",
		"-- --insp":                      "-- --inspect ",
		"--run --insp":                   "",
		"--run --lim":                    "--run --limit=",
		"--run production.w":             "--run production.web/",
		"--run production.web -- l":      "",
		"--limit web1,we":                "--limit web1,web1|--limit web1,web2|--limit web1,web3",
		"--limit=!st":                    "--limit=!st1",
		"cd ":                            "cd production/|cd staging/",
		"cd nothing/":                    "",
		"cd no":                          "",
		"ls -":                           "ls --json |ls --reason=",
		"--inspect staging.wh":           "--inspect staging.where ?",
		"--source-code production.web.u": "--source-code production.web.url @",
		"--inspect production.web.po":    "--inspect production.web.port ",
		"staging.wh":                     "",
		"--inspect no":                   "--inspect noop *",
		"help --i":                       "help --inspect ",
		"production /sta":                "",
		"help he":                        "help help ",
		"hosts d":                        "hosts db1 ",
		"sandbox no":                     "sandbox noop *",
		"stat":                           "status ",
		"sta":                            "staging/|status ",
		"'sta":                           "staging/|status ",
		`"production.web:we`:             "production.web:web1/|production.web:web2/|production.web:web3/",
		"ls ; pro":                       "",
		"noop \\":                        "",
		"monit":                          "",
	} {
		if got := offers(s, line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for _, f := range w.fakes {
		if lines := f.Lines(); len(lines) > 0 {
			t.Errorf("%s was given %q", f.Name(), lines)
		}
	}
}

// Completion is no way to learn of what one may not see.
func TestCompletionOffersOnlyWhatMayBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"see"}, Paths: []string{"/staging/**"}},
		auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run"}, Paths: []string{"/production/db"}, Actions: []string{"dump"}})
	s := w.open(t, t.Context(), "bob")
	for line, want := range map[string]string{
		"no":                "",
		"cd ":               "cd staging/",
		"production/":       "production/db/",
		"production/db/":    "production/db/dump *",
		"production/web/":   "",
		"production.web:":   "",
		"--limit w":         "",
		"hosts ":            "hosts st1 ",
		"ls production/db/": "",
	} {
		if got := offers(s, line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// A Tab where the place is gone says nothing, and moves nobody.
func TestCompletionWhereThePlaceIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.open(t, t.Context(), "alice")
	var on received
	s.Exec("cd production", on.io(""))
	small := w.makeState(t)
	small.Tree = smallTree(t)
	w.Swap(small)
	if got := offers(s, "no"); got != "" {
		t.Errorf("%q", got)
	}
	if code := s.Exec("noop", on.io("")); code != exitNotFound {
		t.Errorf("exit code %d", code)
	}
}

func TestTabAtATerminal(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.at80x24(t)
	p.types("prod\tw\tdep\t")
	p.sees("/ > production/web/deploy")
	p.types("\x15sta\t\t")
	p.sees("staging\nstatus", "/ > sta")
	p.types("\x15\x04")
	p.leaves()
}

func FuzzComplete(f *testing.F) {
	for _, line := range []string{"", "production.web:web1 ", "--limit ", "'", `"\`, "a\\", "--run x -- ", "b:c:d/e.f", "./..", "-"} {
		f.Add(line)
	}
	w := newWorld(f)
	s := w.open(f, f.Context(), "alice")
	f.Fuzz(func(t *testing.T, line string) {
		got := s.complete(line)
		if got.From < 0 || got.From > len(line) {
			t.Errorf("%q: from %d", line, got.From)
		}
	})
}
