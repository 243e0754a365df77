package run

import "time"

// hostState is what is known of one host of a run.
type hostState struct {
	HostOutcome
	started  time.Time // zero: not started
	finished bool
	pending  []verdict // of cells in several dimensions, until the run ends
}

// hostTable holds the hosts of a run, in the order they are shown in.
type hostTable struct {
	first []string // those it started with; never changed
	all   []*hostState
	names map[string]*hostState
}

func newHostTable(first []string) *hostTable {
	t := &hostTable{first: first, names: make(map[string]*hostState, len(first))}
	for _, name := range first {
		t.get(name)
	}
	return t
}

// get returns a host, which is added when it is new.
func (t *hostTable) get(name string) *hostState {
	h, ok := t.names[name]
	if !ok {
		h = &hostState{HostOutcome: HostOutcome{Host: name}}
		t.names[name] = h
		t.all = append(t.all, h)
	}
	return h
}

// find returns a host that is there.
func (t *hostTable) find(name string) (*hostState, bool) {
	h, ok := t.names[name]
	return h, ok
}

// start marks a host as started and tells whether that is new.
func (h *hostState) start(now time.Time) bool {
	if !h.started.IsZero() || h.finished {
		return false
	}
	h.started = now
	return true
}

// finish gives a host its verdict and tells whether that is new.
func (h *hostState) finish(now time.Time, v verdict) bool {
	if h.finished {
		return false
	}
	h.finished = true
	if v.status == OK && v.exit == nil {
		v.exit = new(int)
	}
	h.Status, h.ExitCode, h.Err, h.Unconfirmed = v.status, v.exit, v.err, v.unconfirmed
	if !h.started.IsZero() {
		h.Elapsed = now.Sub(h.started)
	}
	return true
}

// outcomes copies how it ended on every host.
func (t *hostTable) outcomes() []HostOutcome {
	all := make([]HostOutcome, len(t.all))
	for i, h := range t.all {
		all[i] = h.HostOutcome
	}
	return all
}
