package run

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

func nothing(context.Context, *node.Env, node.Args) (any, error) { return nil, nil }

// sinkFunc is a sink that is a function.
type sinkFunc func(e Event) error

func (fn sinkFunc) Event(e Event) error { return fn(e) }

func (f *fixture) talk() {
	for _, fake := range f.fakes {
		fake.Default(hosttest.Answer{Stdout: "text\n"})
	}
}

func TestEventsComeOneAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 50, nil)
	f.talk()
	var inside atomic.Int32
	events := 0
	s := f.spec("/all", "$ x")
	s.Forks = 50
	s.Sink = sinkFunc(func(Event) error {
		if inside.Add(1) != 1 {
			t.Error("two events at once")
		}
		events++ // the race detector looks at it
		inside.Add(-1)
		return nil
	})
	<-f.start(s).Done()
	if want := 1 + 3*50 + 1; events != want {
		t.Errorf("%d events, want %d", events, want)
	}
}

func TestABlockedSinkHoldsTheTargetsBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 3, nil)
	f.talk()
	blocked, goOn := make(chan struct{}), make(chan struct{})
	s := f.spec("/all", "$ x")
	s.Sink = sinkFunc(func(e Event) error {
		if e.Kind == kindOutput && e.Host == "web1" {
			close(blocked)
			<-goOn
		}
		return nil
	})
	r := f.start(s)
	<-blocked
	select {
	case <-r.Done():
		t.Error("the run ended although its follower is blocked")
	default:
	}
	if i := r.Info(); i.Status != Running {
		t.Errorf("Info: %+v", i)
	}
	close(goOn)
	<-r.Done()
}

func TestAfterDetachTheRunGoesOn(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]func(r *Run) error{
		"detach": func(r *Run) error { r.Detach(); return nil },
		"error":  func(*Run) error { return errors.New("the connection is gone") },
		"panic":  func(*Run) error { panic("ouch") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 20, nil)
			f.talk()
			runs := make(chan *Run, 1)
			var after atomic.Int32
			s := f.spec("/all", "$ x")
			s.Sink = sinkFunc(func(Event) error {
				if after.Add(1) > 1 {
					return nil
				}
				return event(<-runs)
			})
			r := f.start(s)
			runs <- r
			<-r.Done()
			if n := after.Load(); n != 1 {
				t.Errorf("%d events after the follower was gone", n-1)
			}
			if o := r.Outcome(); o.Status != OK || len(o.Hosts) != 20 {
				t.Errorf("outcome: %+v", o)
			}
		})
	}
}

func TestDetachFreesThoseWhoWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 5, nil)
	f.talk()
	blocked, goOn := make(chan struct{}), make(chan struct{})
	s := f.spec("/all", "$ x")
	first := true
	s.Sink = sinkFunc(func(e Event) error {
		if e.Kind == kindOutput && first {
			first = false
			close(blocked)
			<-goOn
		}
		return nil
	})
	r := f.start(s)
	<-blocked
	r.Detach()
	// The others end although the follower is still in its Event.
	for f.ended(r) < 4 {
		r.events.do(func() []Event { return nil })
	}
	close(goOn)
	<-r.Done()
}

// ended is how many hosts have finished.
func (f *fixture) ended(r *Run) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hosts.all {
		if h.finished {
			n++
		}
	}
	return n
}
