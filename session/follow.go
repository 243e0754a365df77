package session

import (
	"sync"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/run"
)

// follower shows a run's events on an output. It is the run's Sink.
type follower struct {
	out      *output
	show     func(e run.Event) error
	live     *live // on a terminal, else nil
	spec     *starting
	finished chan struct{} // closed when no further event comes
	once     sync.Once
	err      error // of writing; valid after finished
}

func newFollower(out *output, spec *starting) *follower {
	f := &follower{out: out, spec: spec, finished: make(chan struct{})}
	switch {
	case out.json:
		f.show = (&jsonScreen{out: out, torn: make(map[streamKey][]byte)}).event
	case out.display != nil:
		f.live = newLive(out, spec)
		f.show = f.live.event
	default:
		f.show = newTextScreen(out, spec).event
	}
	return f
}

// Event implements run.Sink.
func (f *follower) Event(e run.Event) error {
	err := f.show(e)
	if err != nil || e.Kind == "run_finished" {
		f.once.Do(func() { f.err = err; close(f.finished) })
	}
	return err
}

// streamKey is one output of one host.
type streamKey struct {
	host   string
	stream host.Stream
}
