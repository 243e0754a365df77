package run

import (
	"context"
	"slices"
	"strings"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
)

// gate lets commands pass whose hosts are allowed and whose intent is synced.
type gate struct{ r *Run }

var _ node.Gate = gate{}

// Command implements node.Gate.
func (g gate) Command(ctx context.Context, n *node.Node, call host.Call) (func([]host.Result), error) {
	r := g.r
	record := r.record(journal.Intent)
	record.Call, record.Path, record.Args, record.Hosts = r.nextCall(), n.Path(), []string{call.Command}, call.Hosts
	record.Text = how(call)
	if r.spec.Check != nil {
		if err := r.spec.Check(n, call); err != nil {
			return nil, r.refuse(record, err)
		}
	}
	if r.spec.Action == nil && record.Call == 1 && r.intended(call) {
		// The run's own intent names this call, and its end the results.
		return func([]host.Result) {}, nil
	}
	// Not even a cancel leaves it open whether the intent is written: the
	// journal has a deadline, and what is cancelled then is skipped.
	if err := r.engine.audit.Write(context.WithoutCancel(ctx), record); err != nil {
		return nil, r.refuse(record, err)
	}
	return func(results []host.Result) { r.endCall(record, results) }, nil
}

// intended tells whether the run's own intent is this call's.
func (r *Run) intended(call host.Call) bool {
	return call.Command == r.spec.command() && slices.Equal(call.Hosts, r.hosts.first)
}

// refuse records that a call was refused.
func (r *Run) refuse(record journal.Record, err error) error {
	record.Kind, record.Text = journal.Refused, short(err)
	r.append(record)
	return &refusedError{err}
}

// how says as whom, and whether for real.
func how(call host.Call) string {
	text := ""
	if call.Sudo {
		text = "sudo"
	}
	if call.Sudo && call.User != "" {
		text = "sudo as " + call.User
	}
	if call.Sandbox && !call.ReadOnly {
		return join(text, "sandbox")
	}
	return text
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// nextCall numbers the calls from 1.
func (r *Run) nextCall() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	return r.calls
}

// record is what every record of the run holds.
func (r *Run) record(kind journal.Kind) journal.Record {
	return journal.Record{
		Kind: kind, Run: r.id, User: r.spec.User, From: r.spec.From,
		Path: r.spec.Node.Path(), Action: r.spec.Title(),
	}
}

// intent is the run's own.
func (r *Run) intent() journal.Record {
	record := r.record(journal.Intent)
	record.Args, record.Hosts, record.Reason = r.spec.words(), r.hosts.first, r.spec.Reason
	if r.spec.Sandbox {
		record.Text = "sandbox"
	}
	return record
}

// endCall records how a call ended: its intent, with the results instead of
// what was to be done.
func (r *Run) endCall(intent journal.Record, results []host.Result) {
	record := intent
	record.Kind, record.Args, record.Hosts, record.Text = journal.End, nil, nil, ""
	worst := verdict{status: OK}
	for _, result := range results {
		v := ofResult(result)
		record.Results = append(record.Results, journal.HostEnd{Host: result.Host, Status: string(v.status), ExitCode: v.exit})
		if v.worse(worst) {
			worst = v
		}
	}
	record.Status = string(worst.status)
	r.append(record)
}

// textLimit bounds an error's text in a record, in bytes.
const textLimit = 4 << 10

// recordEnd records how the run ended.
func (r *Run) recordEnd(o Outcome) {
	record := r.record(journal.End)
	record.Status = string(o.Status)
	for _, h := range o.Hosts {
		record.Results = append(record.Results, journal.HostEnd{Host: h.Host, Status: string(h.Status), ExitCode: h.ExitCode})
	}
	if o.Err != nil {
		record.Text = short(o.Err)
	}
	r.append(record)
}

// short is an error's text within textLimit, without half a rune at its end.
func short(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), textLimit)], "")
}

// append records what cannot be refused any more.
func (r *Run) append(record journal.Record) {
	if err := r.engine.audit.Append(record); err != nil {
		r.log.Error("a record is not in the journal", "kind", record.Kind, "call", record.Call, "status", record.Status, "err", err)
	}
}
