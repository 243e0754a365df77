package run

import (
	"cmp"
	"strings"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// trace turns what happens in the tree into states and events.
type trace struct{ r *Run }

var _ node.BatchTrace = trace{}

// shown is a value whose output was shown already, as a command's result.
type shown interface{ WasShown() bool }

// CellStarted implements node.Trace.
func (t trace) CellStarted(_ *node.Node, name string) {
	t.change(func(now time.Time) (events []Event) {
		for name := range strings.SplitSeq(name, ":") {
			events = t.start(events, now, name)
		}
		return events
	})
}

// CellFinished implements node.Trace. Only the cells that the run itself was
// split into decide; others are inside them, or inside an action that runs
// before the split.
func (t trace) CellFinished(n *node.Node, name string, value any, err error) {
	a := t.r.spec.Action
	if a == nil || a.DontIsolateYet || n.RulePath() != t.r.spec.Node.RulePath() {
		return
	}
	t.change(func(now time.Time) (events []Event) {
		t.r.cells++
		if value != nil && err == nil && !t.r.suppressed() {
			events = append(events, t.r.resultEvent(now, name, value))
		}
		if strings.Contains(name, ":") {
			t.pend(name, err)
			return events
		}
		return t.finish(events, now, name, ofCell(name, err))
	})
}

// pend keeps what a cell of several dimensions means for its hosts: each is in
// other cells too.
func (t trace) pend(name string, err error) {
	for name := range strings.SplitSeq(name, ":") {
		h := t.r.hosts.get(name)
		h.pending = append(h.pending, ofCell(name, err))
	}
}

// Command implements node.Trace.
func (t trace) Command(_ *node.Node, name string, call host.Call, result *host.Result) {
	command := t.r.spec.Action == nil
	if result != nil && !command {
		return
	}
	t.change(func(now time.Time) []Event {
		if result == nil {
			return t.rehearse(t.start(nil, now, name), now, name, call)
		}
		return t.finish(nil, now, name, ofResult(*result))
	})
}

// rehearse tells of a command that a sandbox only checks.
func (t trace) rehearse(events []Event, now time.Time, name string, call host.Call) []Event {
	if !call.Sandbox || call.ReadOnly {
		return events
	}
	text := "would run: " + call.Command
	if call.Sudo {
		text = "would run as " + cmp.Or(call.User, "root") + ": " + call.Command
	}
	return append(events, Event{Time: now, Kind: kindLog, Run: t.r.id, Host: name, Text: text})
}

// cell starts the hosts of a run on one chosen cell, which the tree does not
// tell of.
func (t trace) cell() {
	if !t.r.onCell() {
		return
	}
	t.change(func(now time.Time) (events []Event) {
		for _, name := range t.r.spec.Node.Isolated() {
			events = t.start(events, now, name)
		}
		return events
	})
}

// BatchFinished implements node.BatchTrace.
func (t trace) BatchFinished(_ *node.Node, names []string, ok, failed int) {
	t.change(func(now time.Time) []Event {
		return []Event{{
			Time: now, Kind: kindBatch, Run: t.r.id, Hosts: names,
			Counts: map[Status]int{OK: ok, Failed: failed},
		}}
	})
}

// Output implements node.Trace.
func (t trace) Output(_ *node.Node, name string, stream host.Stream, data []byte) {
	if t.r.events.detached() {
		return
	}
	e := Event{Time: t.r.engine.now(), Kind: kindOutput, Run: t.r.id, Host: name, Stream: stream, Data: data}
	t.r.events.output(&e)
}

// Log implements node.Trace.
func (t trace) Log(_ *node.Node, name, text string) {
	t.change(func(now time.Time) []Event {
		return []Event{{Time: now, Kind: kindLog, Run: t.r.id, Host: name, Text: text}}
	})
}

// change changes the run's state and sends the events of that, in one go.
func (t trace) change(fn func(now time.Time) []Event) {
	t.r.events.do(func() []Event {
		t.r.mu.Lock()
		defer t.r.mu.Unlock()
		return fn(t.r.engine.now())
	})
}

func (t trace) start(events []Event, now time.Time, name string) []Event {
	if !t.r.hosts.get(name).start(now) {
		return events
	}
	return append(events, Event{Time: now, Kind: kindHostStarted, Run: t.r.id, Host: name})
}

func (t trace) finish(events []Event, now time.Time, name string, v verdict) []Event {
	h := t.r.hosts.get(name)
	if !h.finish(now, v) {
		return events
	}
	return append(events, t.r.hostEvent(now, h))
}
