package node

import (
	"context"

	"github.com/deployerd/deployerd/host"
)

// batching gives the batches of a container's call.
type batching = func(ctx context.Context, hosts []string, checked bool) *host.Batches

// rounds are the batches of one call of a container.
type rounds struct {
	node    *Node
	names   []string
	states  []roundState
	budget  *budget
	maxFail *MaxFail
	tells   BatchTrace // nil: nobody hears of its batches
}

// roundState is how a host of a call ended. Each is written once, before the
// end of its batch.
type roundState struct{ failed, skipped bool }

// containerBatches gives the batches of a container's calls as the line says
// them: what a node or an action says is for cells. nil when the line does not.
func (e *Env) containerBatches() batching {
	line := Bounds{Serial: e.run.Serial, MaxFail: e.run.MaxFail}
	if line.Serial == nil && line.MaxFail == nil {
		return nil
	}
	return func(ctx context.Context, names []string, checked bool) *host.Batches {
		if len(names) < 2 {
			return nil
		}
		r := e.rounds(ctx, line, names)
		if !checked {
			r.maxFail = nil // the action gets over what fails
		}
		return r.batches(line.Serial)
	}
}

// commandBatches gives those of a command that the run was started for, of
// which the hosts count as cells do.
func (e *Env) commandBatches() batching {
	b, _ := e.run.bounds(e.node.place, Bounds{})
	if b.Serial == nil && b.MaxFail == nil {
		return nil
	}
	return func(ctx context.Context, names []string, _ bool) *host.Batches {
		r := e.rounds(ctx, b, names)
		r.tells, _ = e.run.trace().(BatchTrace)
		return r.batches(b.Serial)
	}
}

func (e *Env) rounds(ctx context.Context, b Bounds, names []string) *rounds {
	r := &rounds{
		node: e.node, names: names, states: make([]roundState, len(names)), maxFail: b.failures(),
		budget: &budget{outer: e.run.budgetOf(ctx)},
	}
	for _, name := range names {
		r.budget.expect(name)
	}
	return r
}

func (r *rounds) batches(serial Serial) *host.Batches {
	b := &host.Batches{Stop: func() error { return r.budget.check(r.maxFail) }, Ended: r.ended}
	if serial != nil {
		b.Sizes = serial.Sizes(len(r.names))
		b.Finished = r.finished
	}
	return b
}

func (r *rounds) ended(i int, result host.Result) {
	r.states[i] = roundState{failed: !result.OK && !result.Skipped, skipped: result.Skipped}
	if r.states[i].failed {
		r.budget.fail(r.names[i])
	}
}

func (r *rounds) finished(from, to int) {
	if r.tells == nil {
		return
	}
	ok, failed := 0, 0
	for _, state := range r.states[from:to] {
		switch {
		case state.failed:
			failed++
		case !state.skipped:
			ok++
		}
	}
	r.tells.BatchFinished(r.node, r.names[from:to:to], ok, failed)
}
