package run

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// dispatcher gives events to a sink, one at a time, until it is let go.
type dispatcher struct {
	sink Sink
	turn chan struct{} // holds an element while somebody has the sink
	gone chan struct{}
	once sync.Once
	log  *slog.Logger
}

func newDispatcher(s Sink, log *slog.Logger) *dispatcher {
	d := &dispatcher{sink: s, turn: make(chan struct{}, 1), gone: make(chan struct{}), log: log}
	if s == nil {
		d.detach()
	}
	return d
}

func (d *dispatcher) detach() { d.once.Do(func() { close(d.gone) }) }

func (d *dispatcher) detached() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

// do calls fn, which may change the run's state, and sends the events it
// returns, with nothing of anybody else in between. When the sink is gone it
// only calls fn.
func (d *dispatcher) do(fn func() []Event) {
	if !d.acquire() {
		fn()
		return
	}
	defer func() { <-d.turn }()
	for _, e := range fn() {
		d.put(e)
	}
}

// output sends one event without allocating.
func (d *dispatcher) output(e *Event) {
	if !d.acquire() {
		return
	}
	defer func() { <-d.turn }()
	d.put(*e)
}

// acquire waits for the turn; false when the sink is gone.
func (d *dispatcher) acquire() bool {
	if d.detached() {
		return false
	}
	select {
	case d.turn <- struct{}{}:
		return true
	case <-d.gone:
		return false
	}
}

// put calls the sink; the caller has the turn.
func (d *dispatcher) put(e Event) {
	if d.detached() {
		return
	}
	if err := d.call(e); err != nil {
		d.log.Debug("the follower is gone", "err", err)
		d.detach()
	}
}

func (d *dispatcher) call(e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.Error("panic in a sink", "err", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in a sink: %v", p)
		}
	}()
	return d.sink.Event(e)
}
