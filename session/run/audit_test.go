package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
)

// audited shows records as lines, without what differs from run to run.
func audited(records []journal.Record) []string {
	var all []string
	for _, r := range records {
		text := fmt.Sprintf("%s %d %s %s %s %q %v", r.Kind, r.Call, r.User, r.Path, r.Action, r.Args, r.Hosts)
		if r.Kind == journal.End {
			text = fmt.Sprintf("%s %d %s", r.Kind, r.Call, r.Status)
			for _, e := range r.Results {
				text += fmt.Sprintf(" %s=%s", e.Host, e.Status)
				if e.ExitCode != nil {
					text += fmt.Sprintf("(%d)", *e.ExitCode)
				}
			}
		}
		if r.Text != "" {
			text += " # " + r.Text
		}
		all = append(all, text)
	}
	return all
}

func TestACommandIsOneIntentAndOneEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, nil)
	f.fakes["web2"].Default(hosttest.Answer{Code: 2})
	s := f.spec("/all", "$ uptime")
	s.Sudo, s.Reason = true, "because"
	r, _ := f.runs(s)
	records := f.records()
	wantLines(t, audited(records),
		`intent 0 alice /all --run-with-sudo ["uptime"] [web1 web2]`,
		`end 0 failed web1=ok(0) web2=failed(2) # web2: exit status 2`)
	if in := records[0]; in.Run != r.ID() || in.Reason != "because" || in.From != "10.0.0.1" {
		t.Errorf("the intent: %+v", in)
	}
}

func TestEachCommandOfAnActionIsAudited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, map[string]function{
		"deploy": func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			if _, err := env.Hosts().Run(ctx, "one", host.RunOptions{}); err != nil {
				return nil, err
			}
			return command("two", host.RunOptions{Sudo: true, User: "www"})(ctx, env, node.Args{})
		},
	})
	f.fakes["web2"].On("two", hosttest.Answer{Lost: true})
	s := f.spec("/all", "deploy")
	s.Words = []string{"v1"}
	f.runs(s)
	wantLines(t, audited(f.records()),
		`intent 0 alice /all deploy ["v1"] [web1 web2]`,
		`intent 1 alice /all deploy ["one"] [web1 web2]`,
		`end 1 ok web1=ok(0) web2=ok(0)`,
		`intent 2 alice /all deploy ["two"] [web1 web2] # sudo as www`,
		`end 2 unknown web1=ok(0) web2=unknown`,
		`end 0 unknown web1=ok(0) web2=unknown # all deploy: web2: `+
			`connection to web2 was lost before the exit status came: the result is unknown: unexpected EOF`)
}

// TestNothingStartsBeforeItsIntent looks, at the moment a line starts at a
// target, whether the journal has its intent.
func TestNothingStartsBeforeItsIntent(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 5, map[string]function{"release": command("release", host.RunOptions{})})
	for name, fake := range f.fakes {
		// No word of the line around a command: a fake looks for parts of all of it.
		for _, command := range []string{"uptime", "release"} {
			fake.On(command, hosttest.Answer{OnStart: func() {
				if !hasIntent(read(t, f.journal), command, name) {
					t.Errorf("%s started at %s before its intent", command, name)
				}
			}})
		}
	}
	for _, place := range []string{"/all", "/cells/web"} {
		f.runs(f.spec(place, "$ uptime"))
		f.runs(f.spec(place, "release"))
	}
	for name, fake := range f.fakes {
		if strings.HasPrefix(name, "web") && len(fake.Lines()) != 4 {
			t.Errorf("%s ran %q", name, fake.Lines())
		}
	}
	if _, err := f.journal.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func hasIntent(records []journal.Record, command, name string) bool {
	return slices.ContainsFunc(records, func(r journal.Record) bool {
		return r.Kind == journal.Intent && slices.Equal(r.Args, []string{command}) && slices.Contains(r.Hosts, name)
	})
}

// brokenAudit refuses writes after the first good ones.
type brokenAudit struct {
	mu   sync.Mutex
	good int
}

func (a *brokenAudit) Write(context.Context, ...journal.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.good--; a.good < 0 {
		return fmt.Errorf("%w: the disk is full", journal.ErrNoJournal)
	}
	return nil
}

func (a *brokenAudit) Append(journal.Record) error { return journal.ErrNoJournal }

func TestWithoutAJournalNothingRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2, map[string]function{"deploy": command("deploy", host.RunOptions{})})
	f.audit = &brokenAudit{}
	for _, action := range []string{"$ x", "deploy"} {
		if _, err := f.Start(t.Context(), f.spec("/all", action)); !errors.Is(err, journal.ErrNoJournal) {
			t.Errorf("%s: %v", action, err)
		}
	}
	f.audit = &brokenAudit{good: 1}
	_, events := f.runs(f.spec("/all", "deploy"))
	wantLines(t, events.only("error"), `error "all deploy: the journal cannot be written: the disk is full"`)
	wantLines(t, events.only("run_finished"), "run_finished failed 254 skipped=2")

	f.audit = &brokenAudit{good: 2}
	_, events = f.runs(f.spec("/cells/web", "deploy"))
	wantLines(t, events.only("run_finished"), "run_finished failed 254 ok=1 failed=1")

	if n := len(f.fakes["web1"].Lines()) + len(f.fakes["web2"].Lines()); n != 1 {
		t.Errorf("%d lines started, and one had an intent", n)
	}
	if n := len(f.List()); n != 0 || len(f.users) != 0 {
		t.Errorf("%d runs are left", n)
	}
}

func TestCheckRefusesACommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 3, map[string]function{"deploy": command("deploy", host.RunOptions{})})
	denied := errors.New("web2 is not yours")
	for _, action := range []string{"$ x", "deploy"} {
		s := f.spec("/all", action)
		s.Check = func(n *node.Node, call host.Call) error {
			if n.Path() != "/all" {
				t.Errorf("asked for %s", n.Path())
			}
			if slices.Contains(call.Hosts, "web2") {
				return denied
			}
			return nil
		}
		r, events := f.runs(s)
		wantLines(t, events.only("run_finished"), "run_finished failed 254 skipped=3")
		if o := r.Outcome(); !errors.Is(o.Err, denied) {
			t.Errorf("%s: %v", action, o.Err)
		}
		s.Limit = limit(t, "!web2")
		if r, _ := f.runs(s); r.Outcome().ExitCode != 0 {
			t.Errorf("%s without web2: %+v", action, r.Outcome())
		}
	}
	if lines := f.fakes["web2"].Lines(); len(lines) > 0 {
		t.Errorf("web2 ran %q", lines)
	}
	var refused []journal.Record
	for _, r := range f.records() {
		if r.Kind == journal.Refused {
			refused = append(refused, r)
		}
	}
	wantLines(t, audited(refused),
		`refused 1 alice /all --run ["x"] [web1 web2 web3] # web2 is not yours`,
		`refused 1 alice /all deploy ["deploy"] [web1 web2 web3] # web2 is not yours`)
}
