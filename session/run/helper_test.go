package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is an engine with a journal, and a tree with the fakes in its nodes
// "all" (plain), "cells.web" (an array) and "db" (plain, hosts db1 and db2).
type fixture struct {
	*Engine
	t       testing.TB
	journal *journal.Journal
	tree    *node.Tree
	fakes   map[string]*hosttest.Fake
}

type function func(ctx context.Context, env *node.Env, args node.Args) (any, error)

func newFixture(t testing.TB, web int, actions map[string]function) *fixture {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(t.TempDir(), "journal"), Deadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close(context.Background()) })
	f := &fixture{Engine: New(Options{Journal: j}), t: t, journal: j, fakes: make(map[string]*hosttest.Fake)}
	f.plant(web, actions)
	return f
}

// newUnaudited is a fixture without files and servers, for a bubble of
// testing/synctest.
func newUnaudited(t testing.TB, web int, actions map[string]function) *fixture {
	t.Helper()
	f := &fixture{Engine: New(Options{}), t: t, fakes: make(map[string]*hosttest.Fake)}
	f.audit = &brokenAudit{good: 1000}
	f.plant(web, actions)
	return f
}

// plant makes the tree.
func (f *fixture) plant(web int, actions map[string]function) {
	f.t.Helper()
	var webs []string
	for i := range web {
		webs = append(webs, fmt.Sprintf("web%d", i+1))
	}
	members := f.actions(actions)
	array, err := f.newType(node.Parallel, members).Array(nil, node.Position{})
	if err != nil {
		f.t.Fatal(err)
	}
	root := f.newType(node.Plain, []node.Member{
		{Name: "all", Value: f.newType(node.Plain, append(members, f.hosts("web", webs...)))},
		{Name: "db", Value: f.newType(node.Plain, append(members, f.hosts("db", "db1", "db2")))},
		{Name: "cells", Value: f.newType(node.Plain, []node.Member{
			{Name: "web", Value: array}, f.hosts("host", webs...),
		})},
		{Name: "none", Value: f.newType(node.Plain, append(members, node.Member{Name: "hosts", Value: node.Hosts{}}))},
	})
	if f.tree, err = node.NewTree(root, "v1"); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) newType(kind node.Kind, members []node.Member) *node.Type {
	f.t.Helper()
	made, err := node.NewType(kind, members, node.Position{})
	if err != nil {
		f.t.Fatal(err)
	}
	return made
}

func (f *fixture) actions(actions map[string]function) []node.Member {
	var members []node.Member
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		members = append(members, node.Member{Name: name, Value: &node.Action{Fn: actions[name]}})
	}
	return members[:len(members):len(members)]
}

// hosts is the member hosts with one role; fakes are made once per name.
func (f *fixture) hosts(role string, names ...string) node.Member {
	r := node.HostsRole{Name: role}
	for _, name := range names {
		if f.fakes[name] == nil {
			f.fakes[name] = hosttest.NewFake(name)
		}
		r.Items = append(r.Items, node.HostsItem{Host: f.fakes[name]})
	}
	return node.Member{Name: "hosts", Value: node.Hosts{r}}
}

// spec is an action, or with a name that begins with "$ " a command, at a path.
func (f *fixture) spec(path, action string) Spec {
	f.t.Helper()
	found := f.tree.Root().Resolve([]string{path}, node.Lookup{})
	if found.Next != nil {
		f.t.Fatal(found.Next)
	}
	s := Spec{User: "alice", From: "10.0.0.1", Node: found.Node}
	if command, ok := strings.CutPrefix(action, "$ "); ok {
		s.Command = command
		return s
	}
	a, ok := found.Node.Action(action)
	if !ok {
		f.t.Fatalf("no action %s at %s", action, path)
	}
	s.Action = &a
	return s
}

func (f *fixture) start(s Spec) *Run {
	f.t.Helper()
	r, err := f.Start(f.t.Context(), s)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// runs runs s to its end and returns its events.
func (f *fixture) runs(s Spec) (*Run, *tape) {
	f.t.Helper()
	events := new(tape)
	s.Sink = events
	r := f.start(s)
	<-r.Done()
	return r, events
}

// records is the audit, each a line.
func (f *fixture) records() []journal.Record {
	f.t.Helper()
	if err := f.journal.Flush(context.Background()); err != nil {
		f.t.Fatal(err)
	}
	return read(f.t, f.journal)
}

func read(t testing.TB, j *journal.Journal) []journal.Record {
	t.Helper()
	var b bytes.Buffer
	if err := j.Export(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	var all []journal.Record
	for d := json.NewDecoder(&b); d.More(); {
		var r journal.Record
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// tape is a sink that keeps what it hears as lines.
type tape struct {
	mu    sync.Mutex
	lines []string
}

func (s *tape) Event(e Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line(e))
	return nil
}

func (s *tape) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// only returns the lines of one kind.
func (s *tape) only(kind string) []string {
	return slices.DeleteFunc(s.all(), func(line string) bool { return !strings.HasPrefix(line, kind) })
}

// line shows the fields of an event that are the same in every run.
func line(e Event) string {
	words := []string{e.Kind}
	add := func(format string, a ...any) { words = append(words, fmt.Sprintf(format, a...)) }
	if e.Host != "" {
		add("%s", e.Host)
	}
	if e.Kind == kindRunStarted {
		add("%s %s %s %q %v", e.User, e.Path, e.Action, e.Args, e.Hosts)
	}
	if e.Stream != 0 {
		add("%s %q", e.Stream, e.Data)
	}
	if e.Status != "" {
		add("%s", e.Status)
	}
	if e.ExitCode != nil {
		add("%d", *e.ExitCode)
	}
	if e.Unconfirmed {
		add("unconfirmed")
	}
	if e.Value != nil {
		add("%v", e.Value)
	}
	if e.Shown {
		add("shown")
	}
	if e.Text != "" {
		add("%q", e.Text)
	}
	for _, status := range []Status{OK, Failed, Timeout, Unreachable, Cancelled, Skipped, Unknown} {
		if e.Counts[status] > 0 {
			add("%s=%d", status, e.Counts[status])
		}
	}
	return strings.Join(words, " ")
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// command is an action that runs a command on all its hosts.
func command(text string, o host.RunOptions) function {
	return func(ctx context.Context, env *node.Env, _ node.Args) (any, error) {
		_, err := env.Hosts().Run(ctx, text, o)
		return nil, err
	}
}

var errBad = errors.New("it is bad")

func unreachable(name string) error {
	return &host.DialError{Host: name, Address: name + ":22", Stage: host.StageDial, Err: errors.New("refused")}
}
