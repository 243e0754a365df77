package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deployerd/deployerd/host"
)

// CellResult is one cell's.
type CellResult struct {
	Keys  []string // host names, one per dimension that was not chosen before
	Value any
	Err   error // an *ActionError, or a *SkippedError when it never started
}

// CellResults are a split call's results, in the order of the cells.
type CellResults struct {
	Node  *Node // the array
	Cells []CellResult
}

// CellsError says which cells of a split call failed.
type CellsError struct{ Results *CellResults }

// namedCells is how many failed cells an error's text names.
const namedCells = 20

// Error names each failed cell once, also where the cause begins with its host.
func (e *CellsError) Error() string {
	var told []string
	failed, skipped := 0, 0
	var why *MaxFailError
	for _, cell := range e.Results.Cells {
		if cell.Err == nil {
			continue
		}
		if _, ok := cell.Err.(*SkippedError); ok {
			skipped++
			_ = why != nil || errors.As(cell.Err, &why)
			continue
		}
		if failed++; failed <= namedCells {
			told = append(told, cell.reason())
		}
	}
	if failed > namedCells {
		told = append(told, fmt.Sprintf("and %d more", failed-namedCells))
	}
	if skipped > 0 {
		told = append(told, fmt.Sprintf("%d not started", skipped))
	}
	if why != nil {
		told[len(told)-1] += ": " + why.Error()
	}
	return strings.Join(told, "; ")
}

// reason is the cell's name and its error, without the path that the split
// call's own error begins with.
func (c CellResult) reason() string {
	name := strings.Join(c.Keys, ":")
	text := c.Err.Error()
	if action, ok := c.Err.(*ActionError); ok {
		text = action.cause()
	}
	return name + ": " + strings.TrimPrefix(text, name+": ")
}

// Unwrap returns the cells' errors.
func (e *CellsError) Unwrap() []error {
	var errs []error
	for _, cell := range e.Results.Cells {
		if cell.Err != nil {
			errs = append(errs, cell.Err)
		}
	}
	return errs
}

// splitting is one call that runs once per cell.
type splitting struct {
	env     *Env
	name    string
	action  *Action
	args    Args
	cells   []*Node
	bounds  Bounds
	counted *place
	budget  *budget
	results []CellResult
}

func (e *Env) split(ctx context.Context, name string, a *Action, args Args) (any, error) {
	s := splitting{env: e, name: name, action: a, args: args, cells: e.node.cells(e.run.Limit)}
	s.bounds, s.counted = e.run.bounds(e.node.place, a.Bounds)
	s.budget = e.run.budgetOf(ctx)
	s.results = make([]CellResult, len(s.cells))
	results := &CellResults{Node: e.node, Cells: s.results}
	if len(s.cells) == 0 {
		e.Log(dottedOrRoot(e.node.Path()) + " " + name + ": it has no cells here, nothing was done")
		return results, nil
	}
	for i := range s.cells {
		s.budget.expect(s.cellName(i))
	}
	defer e.frame.splitting()()
	s.batches().Each(ctx, e.run.limit(e.node.Tree()), len(s.cells), s.cell, func(i int, why error) {
		s.skip(i, cmp.Or(why, context.Cause(ctx)))
	})
	if failed := (&CellsError{results}); len(failed.Unwrap()) > 0 {
		return results, e.failed(name, failed)
	}
	return results, nil
}

// batches are those that the call goes in.
func (s *splitting) batches() *host.Batches {
	run := s.env.run
	b := &host.Batches{Stop: s.stop}
	// Where the run as a whole allows no more than the node there is nothing to
	// wait for.
	if s.bounds.Forks < run.total(s.env.node.Tree()) {
		b.Enter = func(ctx context.Context, _ int) (context.Context, func(), error) {
			return run.slots.enter(ctx, s.counted, s.bounds.Forks)
		}
	}
	if s.bounds.Serial != nil {
		b.Sizes = s.bounds.Serial.Sizes(len(s.cells))
		b.Finished = s.batchFinished
	}
	return b
}

// stop says why nothing further is to be started.
func (s *splitting) stop() error { return s.budget.check(s.bounds.failures()) }

func (s *splitting) batchFinished(from, to int) {
	trace, ok := s.env.run.trace().(BatchTrace)
	if !ok {
		return
	}
	var names []string
	good, bad := 0, 0
	for i := from; i < to; i++ {
		names = append(names, s.cellName(i))
		switch _, skipped := s.results[i].Err.(*SkippedError); {
		case s.results[i].Err == nil:
			good++
		case !skipped:
			bad++
		}
	}
	trace.BatchFinished(s.env.node, names, good, bad)
}

func (s *splitting) cellName(i int) string { return cellName(s.cells[i].cell) }

// cell runs the call in one cell.
func (s *splitting) cell(ctx context.Context, i int) {
	env, trace := s.env.at(s.cells[i]), s.env.run.trace()
	name := env.cellName()
	trace.CellStarted(env.node, name)
	value, err := env.invoke(ctx, s.name, s.action.Timeout, func(ctx context.Context, inner *Env) (any, error) {
		return s.action.Fn(ctx, inner, s.ownArgs())
	})
	s.results[i] = CellResult{Keys: s.keys(i), Value: value, Err: err}
	if err != nil {
		s.budget.fail(name)
	}
	trace.CellFinished(env.node, name, value, err)
}

// ownArgs are slices that no other cell has.
func (s *splitting) ownArgs() Args {
	return Args{Pos: slices.Clone(s.args.Pos), Named: slices.Clone(s.args.Named)}
}

func (s *splitting) skip(i int, cause error) {
	err := &SkippedError{Cause: cause}
	s.results[i] = CellResult{Keys: s.keys(i), Err: err}
	s.env.run.trace().CellFinished(s.cells[i], s.cellName(i), nil, err)
}

func (s *splitting) keys(i int) []string {
	return s.cells[i].Keys()[len(s.env.node.cell):]
}
