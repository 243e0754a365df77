package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	for _, cell := range e.Results.Cells {
		if cell.Err == nil {
			continue
		}
		if _, ok := cell.Err.(*SkippedError); ok {
			skipped++
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
	allowed int
	counted *place
	results []CellResult
}

func (e *Env) split(ctx context.Context, name string, a *Action, args Args) (any, error) {
	s := splitting{env: e, name: name, action: a, args: args, cells: e.node.cells(e.run.Limit)}
	s.allowed, s.counted = e.run.allowed(e.node.place)
	s.results = make([]CellResult, len(s.cells))
	results := &CellResults{Node: e.node, Cells: s.results}
	if len(s.cells) == 0 {
		e.Log(dottedOrRoot(e.node.Path()) + " " + name + ": it has no cells here, nothing was done")
		return results, nil
	}
	e.run.limit(e.node.Tree()).Each(ctx, len(s.cells), s.cell, func(i int) { s.skip(i, context.Cause(ctx)) })
	if failed := (&CellsError{results}); len(failed.Unwrap()) > 0 {
		return results, e.failed(name, failed)
	}
	return results, nil
}

// cell runs the call in one cell.
func (s *splitting) cell(ctx context.Context, i int) {
	ctx, release, err := s.enter(ctx)
	if err != nil {
		s.skip(i, err)
		return
	}
	defer release()
	env, trace := s.env.at(s.cells[i]), s.env.run.trace()
	name := env.cellName()
	trace.CellStarted(env.node, name)
	value, err := env.invoke(ctx, s.name, func(ctx context.Context, inner *Env) (any, error) {
		return s.action.Fn(ctx, inner, s.ownArgs())
	})
	s.results[i] = CellResult{Keys: s.keys(i), Value: value, Err: err}
	trace.CellFinished(env.node, name, value, err)
}

// enter waits until the node allows one more cell. Where the run as a whole
// allows no more than the node there is nothing to wait for.
func (s *splitting) enter(ctx context.Context) (context.Context, func(), error) {
	run := s.env.run
	if s.allowed >= run.total(s.env.node.Tree()) {
		return ctx, func() {}, nil
	}
	return run.slots.enter(ctx, s.counted, s.allowed)
}

// ownArgs are slices that no other cell has.
func (s *splitting) ownArgs() Args {
	return Args{Pos: slices.Clone(s.args.Pos), Named: slices.Clone(s.args.Named)}
}

func (s *splitting) skip(i int, cause error) {
	err := &SkippedError{Cause: cause}
	s.results[i] = CellResult{Keys: s.keys(i), Err: err}
	s.env.run.trace().CellFinished(s.cells[i], cellName(s.cells[i].cell), nil, err)
}

func (s *splitting) keys(i int) []string {
	return s.cells[i].Keys()[len(s.env.node.cell):]
}
