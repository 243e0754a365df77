package node

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotConfirmed says that an action's own question was answered with no.
var ErrNotConfirmed = errors.New("not confirmed: nothing was done")

// confirm asks the action's own question, if it has one.
func (e *Env) confirm(ctx context.Context, a *Action) error {
	if a.Confirm == "" {
		return nil
	}
	answer, err := e.Ask(ctx, Question{Kind: AskConfirm, Label: a.Confirm})
	if err == nil && !answer.Yes {
		return ErrNotConfirmed
	}
	return err
}

// callInOne calls an action in one cell, and gives that cell's own result.
func (e *Env) callInOne(ctx context.Context, name string, a *Action, args Args) (any, error) {
	cell, err := e.chooseCell(ctx, name)
	if err != nil {
		return nil, e.failed(name, err)
	}
	trace, key := e.run.trace(), cell.cellName()
	trace.CellStarted(cell.node, key)
	value, err := cell.CallFunc(ctx, name, a, args)
	trace.CellFinished(cell.node, key, nil, err)
	if place, ok := value.(*Env); ok {
		return place.In(e), err
	}
	return value, err
}

// chooseCell asks which one cell is meant. One alone is not asked for.
func (e *Env) chooseCell(ctx context.Context, name string) (*Env, error) {
	cells := e.Cells()
	switch {
	case len(cells) == 0:
		return nil, fmt.Errorf("it runs on one host, and %s has none here", dottedOrRoot(e.node.Path()))
	case len(cells) == 1:
		return cells[0], nil
	}
	q := Question{Kind: AskChoice, Label: dottedOrRoot(e.node.Path()) + " " + name + ": on which host"}
	for _, cell := range cells {
		q.Options = append(q.Options, cellName(cell.node.cell[len(e.node.cell):]))
	}
	if !e.Interactive() {
		return nil, &QuestionError{Question: q, Err: fmt.Errorf("%d hosts, and nobody can be asked here: name one, or --limit", len(cells))}
	}
	answer, err := e.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	return cells[answer.Index], nil
}
