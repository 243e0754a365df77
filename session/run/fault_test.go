package run

import (
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/journal"
)

// chaos is what befalls the runs of one test: everything follows from seed.
type chaos struct {
	*rand.Rand
	f *fixture
}

// answer is what one host does.
func (c chaos) answer(name string) hosttest.Answer {
	block := make(chan struct{})
	if c.IntN(2) == 0 {
		close(block)
	}
	all := []hosttest.Answer{
		{Stdout: "text\n"},
		{Stdout: "text\n"},
		{Stderr: "bad\n", Code: 1 + c.IntN(255)},
		{Code: 128 + 9, Signal: "KILL"},
		{StartErr: unreachable(name)},
		{Lost: true},
		{Block: block},
	}
	return all[c.IntN(len(all))]
}

// spec is a run with anything.
func (c chaos) spec() Spec {
	place := []string{"/all", "/cells/web"}[c.IntN(2)]
	s := c.f.spec(place, []string{"$ x", "deploy", "try"}[c.IntN(3)])
	s.Forks = c.IntN(5)
	s.Timeout = time.Duration(1+c.IntN(5)) * time.Millisecond
	s.Limit = []*Limit{nil, {only: []string{"web1", "web2"}}}[c.IntN(2)]
	return s
}

func TestEveryRunEndsOnce(t *testing.T) {
	t.Parallel()
	runs := 50
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		runs = 1000
	}
	f := newFixture(t, 6, map[string]function{
		"deploy": command("deploy", host.RunOptions{}),
		"try":    command("try", host.RunOptions{NoCheck: true}),
	})
	seed := rand.Uint64()
	c := chaos{rand.New(rand.NewPCG(seed, 0)), f}
	var started []*Run
	for range runs {
		for name, fake := range f.fakes {
			fake.Default(c.answer(name))
		}
		events := new(tape)
		s := c.spec()
		s.Sink = events
		r := f.start(s)
		started = append(started, r)
		c.disturb(r)
		<-r.Done()
		checkEnd(t, r, events)
		if t.Failed() {
			t.Fatalf("seed %d, run %d: %+v\n%s", seed, len(started), r.Outcome(), strings.Join(events.all(), "\n"))
		}
	}
	checkRecords(t, f.records(), started)
}

// disturb cancels a run, or not, at some moment.
func (c chaos) disturb(r *Run) {
	if c.IntN(2) == 0 {
		return
	}
	var g sync.WaitGroup
	g.Go(func() { r.Cancel([]error{nil, ErrCancelled, ErrStopping}[c.IntN(3)]) })
	g.Go(func() { r.Info() })
	g.Wait()
}

// checkEnd looks for one state of the run and of each host, that go together.
func checkEnd(t *testing.T, r *Run, events *tape) {
	t.Helper()
	all, o := events.all(), r.Outcome()
	if n := len(events.only("run_finished")); n != 1 || !strings.HasPrefix(all[len(all)-1], "run_finished "+string(o.Status)) {
		t.Errorf("%d run_finished, and the last event is %s", n, all[len(all)-1])
	}
	for _, h := range o.Hosts {
		if n := events.only("host_finished " + h.Host + " " + string(h.Status)); len(n) != 1 {
			t.Errorf("%s: %q", h.Host, n)
		}
		if _, known := severity[h.Status]; !known {
			t.Errorf("%s has the status %q", h.Host, h.Status)
		}
	}
	if n := len(events.only("host_finished")); n != len(o.Hosts) {
		t.Errorf("%d host_finished for %d hosts", n, len(o.Hosts))
	}
	if n := len(events.only("host_started")); n > len(o.Hosts) {
		t.Errorf("%d host_started for %d hosts", n, len(o.Hosts))
	}
	if good := o.Status == OK; good != (o.ExitCode == 0) || good != (o.Err == nil) {
		t.Errorf("%s with exit code %d and error %v", o.Status, o.ExitCode, o.Err)
	}
}

// checkRecords looks for one intent and one end of each run, and no end of a
// call without its intent.
func checkRecords(t *testing.T, records []journal.Record, runs []*Run) {
	t.Helper()
	type call struct {
		run    string
		number int
	}
	open, ended := make(map[call]bool), make(map[call]bool)
	for _, r := range records {
		c := call{r.Run, r.Call}
		if r.Kind == journal.Intent && open[c] || r.Kind == journal.End && (!open[c] || ended[c]) {
			t.Errorf("%s of %v is not in its place", r.Kind, c)
		}
		open[c] = true
		ended[c] = ended[c] || r.Kind == journal.End
	}
	for c := range open {
		if !ended[c] {
			t.Errorf("%v has no end", c)
		}
	}
	for _, r := range runs {
		if !ended[call{r.ID(), 0}] {
			t.Errorf("%s has no end", r.ID())
		}
	}
}
