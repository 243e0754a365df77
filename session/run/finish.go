package run

import (
	"slices"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// finish gives every host that has none its verdict, and the run its outcome.
func (r *Run) finish(value any, results []host.Result, err error) {
	r.events.do(func() []Event {
		r.mu.Lock()
		defer r.mu.Unlock()
		now := r.engine.now()
		f := examine(err)
		f.own = f.own || r.elsewhere(f)
		events := r.finishCell(now, err)
		events = append(events, r.finishHosts(now, results, f)...)
		if result, ok := r.result(now, value, err); ok {
			events = append(events, result)
		}
		r.outcome = r.judge(value, results, err, f)
		if err != nil && r.byItself(f) {
			events = append(events, Event{Time: now, Kind: kindError, Run: r.id, Err: err, Text: err.Error()})
		}
		return append(events, r.finishedEvent(now))
	})
}

// finishCell judges the host of a run on one chosen cell by the action's error,
// as a cell of a split call.
func (r *Run) finishCell(now time.Time, err error) (events []Event) {
	if err == nil || !r.onCell() {
		return nil
	}
	for _, name := range r.spec.Node.Isolated() {
		if h := r.hosts.get(name); h.finish(now, ofCell(name, err)) {
			events = append(events, r.hostEvent(now, h))
		}
	}
	r.cells++
	return events
}

// onCell tells whether the run is of an action on one chosen cell.
func (r *Run) onCell() bool {
	return r.spec.Action != nil && len(r.spec.Node.Isolated()) > 0
}

// suppressed tells whether the action's results are not to be shown.
func (r *Run) suppressed() bool { return r.spec.Action != nil && r.spec.Action.SuppressResult }

// finishHosts judges the hosts that are open: a command's by their results,
// those of cells in several dimensions by these, the others by the action's
// error.
func (r *Run) finishHosts(now time.Time, results []host.Result, f findings) (events []Event) {
	for _, result := range results {
		if h := r.hosts.get(result.Host); h.finish(now, ofResult(result)) {
			events = append(events, r.hostEvent(now, h))
		}
	}
	for name := range f.hosts {
		if h, ok := r.hosts.find(name); ok {
			h.pending = append(h.pending, f.hosts[name])
		}
	}
	for _, h := range r.hosts.all {
		if h.finish(now, h.verdict()) {
			events = append(events, r.hostEvent(now, h))
		}
	}
	return events
}

// verdict is the worst of what is known.
func (h *hostState) verdict() verdict {
	v := verdict{status: Skipped}
	if !h.started.IsZero() {
		v.status = OK
	}
	for _, p := range h.pending {
		if p.worse(v) || p.status == v.status && v.err == nil {
			v = p
		}
	}
	return v
}

// result is the event of an action's result, when it is one result.
func (r *Run) result(now time.Time, value any, err error) (Event, bool) {
	if _, split := value.(*node.CellResults); split || value == nil || err != nil || r.suppressed() {
		return Event{}, false
	}
	return r.resultEvent(now, "", value), true
}

// byItself tells whether something failed that no host shows.
func (r *Run) byItself(f findings) bool {
	return (f.own || f.refused) && !r.cancelled() && r.cells == 0
}

// elsewhere tells whether a failure names something that is no host of the
// run, such as a node whose time was up.
func (r *Run) elsewhere(f findings) bool {
	for name, v := range f.hosts {
		if _, ok := r.hosts.find(name); !ok && v.fails() {
			return true
		}
	}
	return false
}

// judge says how the run ended: the first that holds.
func (r *Run) judge(value any, results []host.Result, err error, f findings) Outcome {
	o := Outcome{Err: err, Value: value, Hosts: r.hosts.outcomes()}
	has := counts(o.Hosts)
	bad := err != nil || len(o.Hosts)-has[OK]-has[Skipped] > 0 || r.spec.Action == nil && has[Skipped] > 0
	if o.Err == nil && bad && r.spec.Action == nil {
		o.Err = &host.CallError{Results: results}
	}
	switch {
	case f.refused:
		o.Status, o.ExitCode = Failed, 254
	case bad && (r.cancelled() || has[Cancelled] > 0):
		o.Status, o.ExitCode = Cancelled, 130
	case has[Failed]+has[Timeout] > 0 || f.stopped || stoppedEarly(results) || failsItself(err, f, has):
		o.Status, o.ExitCode = Failed, 1
	case has[Unreachable] > 0:
		o.Status, o.ExitCode = Failed, 255
	case has[Unknown] > 0:
		o.Status, o.ExitCode = Unknown, 255
	default:
		o.Status = OK
	}
	if r.spec.Action == nil && len(o.Hosts) == 1 && !f.refused && o.ExitCode == 1 && o.Hosts[0].ExitCode != nil {
		o.ExitCode = *o.Hosts[0].ExitCode
	}
	return o
}

// stoppedEarly tells whether a command was not started on some hosts because
// it had failed on others.
func stoppedEarly(results []host.Result) bool {
	return slices.ContainsFunc(results, func(r host.Result) bool { return r.Skipped && isStop(r.Err) })
}

// failsItself tells whether an action failed although its hosts did not, or
// not only.
func failsItself(err error, f findings, has map[Status]int) bool {
	return err != nil && (f.own || has[Unreachable]+has[Unknown] == 0)
}

func counts(hosts []HostOutcome) map[Status]int {
	n := make(map[Status]int, len(severity))
	for status := range severity {
		n[status] = 0
	}
	for _, h := range hosts {
		n[h.Status]++
	}
	return n
}

func (r *Run) startedEvent() Event {
	return Event{
		Time: r.started, Kind: kindRunStarted, Run: r.id,
		User: r.spec.User, Path: r.spec.Node.Path(), Action: r.spec.Title(),
		Args: r.spec.words(), Hosts: r.hosts.first,
	}
}

func (r *Run) hostEvent(now time.Time, h *hostState) Event {
	return Event{
		Time: now, Kind: kindHostFinished, Run: r.id, Host: h.Host,
		Status: h.Status, ExitCode: h.ExitCode, Elapsed: h.Elapsed, Err: h.Err, Unconfirmed: h.Unconfirmed,
	}
}

func (r *Run) resultEvent(now time.Time, name string, value any) Event {
	s, ok := value.(shown)
	return Event{Time: now, Kind: kindResult, Run: r.id, Host: name, Value: value, Shown: ok && s.WasShown()}
}

func (r *Run) finishedEvent(now time.Time) Event {
	code := r.outcome.ExitCode
	return Event{
		Time: now, Kind: kindRunFinished, Run: r.id, Status: r.outcome.Status, ExitCode: &code,
		Elapsed: now.Sub(r.started), Err: r.outcome.Err, Counts: counts(r.outcome.Hosts),
	}
}
