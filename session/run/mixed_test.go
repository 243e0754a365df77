package run

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

// outcomes are what can become of a command by itself.
var outcomes = []struct {
	status Status
	answer func(name string) hosttest.Answer
}{
	{OK, func(string) hosttest.Answer { return hosttest.Answer{Stdout: "fine\n"} }},
	{Failed, func(string) hosttest.Answer { return hosttest.Answer{Code: 3} }},
	{Failed, func(string) hosttest.Answer { return hosttest.Answer{Code: 128 + 11, Signal: "SEGV"} }},
	{Unreachable, func(name string) hosttest.Answer { return hosttest.Answer{StartErr: unreachable(name)} }},
	{Unknown, func(string) hosttest.Answer { return hosttest.Answer{Lost: true} }},
}

// first is SHELL.md's "the first that holds" for them.
func first(has []Status) (Status, int) {
	switch {
	case slices.Contains(has, Failed):
		return Failed, 1
	case slices.Contains(has, Unreachable):
		return Failed, 255
	case slices.Contains(has, Unknown):
		return Unknown, 255
	}
	return OK, 0
}

// Every mix of outcomes on three hosts, by a command, an action and an action
// of cells: each host has its own, the run the first that holds.
func TestEveryMixOfOutcomes(t *testing.T) {
	t.Parallel()
	f := newUnaudited(t, 3, map[string]function{
		"all": command("x", host.RunOptions{}),
		"attempted": func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			_, _ = env.Hosts().Run(ctx, "x", host.RunOptions{})
			return nil, nil
		},
		"unchecked": command("x", host.RunOptions{NoCheck: true}),
		"own": func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
			_, err := env.Hosts().Run(ctx, "x", host.RunOptions{})
			return nil, fmt.Errorf("%w and %w", errBad, err)
		},
	})
	f.audit = &brokenAudit{good: 1 << 20}
	n := len(outcomes)
	for i := range n * n * n {
		var has []Status
		for at, kind := range []int{i % n, i / n % n, i / n / n} {
			name := fmt.Sprintf("web%d", at+1)
			f.fakes[name].Default(outcomes[kind].answer(name))
			has = append(has, outcomes[kind].status)
		}
		status, code := first(has)
		fine := []Status{OK, OK, OK}
		f.wantOutcome(f.spec("/all", "$ x"), has, status, code)
		f.wantOutcome(f.spec("/all", "all"), has, status, code)
		f.wantOutcome(f.spec("/cells/web", "all"), has, status, code)
		f.wantOutcome(f.spec("/all", "attempted"), fine, OK, 0)
		f.wantOutcome(f.spec("/cells/web", "unchecked"), fine, OK, 0)
		if status != OK { // the action's own error counts as a failure on some host
			f.wantOutcome(f.spec("/all", "own"), has, Failed, 1)
		}
	}
}

func (f *fixture) wantOutcome(s Spec, hosts []Status, status Status, code int) {
	f.t.Helper()
	r, events := f.runs(s)
	o := r.Outcome()
	var got []Status
	for _, h := range o.Hosts {
		got = append(got, h.Status)
	}
	if !slices.Equal(got, hosts) || o.Status != status || o.ExitCode != code {
		f.t.Errorf("%s %s: %v %s %d, want %v %s %d", s.Node.Path(), s.Title(), got, o.Status, o.ExitCode, hosts, status, code)
	}
	if n := len(events.only("host_finished")); n != len(hosts) || len(events.only("run_finished")) != 1 {
		f.t.Errorf("%s %s: %d hosts finished: %q", s.Node.Path(), s.Title(), n, events.all())
	}
}
