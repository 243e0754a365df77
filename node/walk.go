package node

import (
	"context"
	"fmt"
	"slices"
)

// Walk is a list of places in one run, in an order that stays.
type Walk struct{ envs []*Env }

// Walk lists a node and everything below it, private nodes too, breadth first.
// Arrays are not taken apart into their cells.
func (e *Env) Walk() *Walk {
	envs := []*Env{e}
	for i := 0; i < len(envs); i++ {
		for _, child := range envs[i].node.Children(true) {
			envs = append(envs, e.at(child))
		}
	}
	return &Walk{envs}
}

// Len counts the places.
func (w *Walk) Len() int { return len(w.envs) }

// Envs lists the places; the slice is the caller's.
func (w *Walk) Envs() []*Env { return slices.Clone(w.envs) }

// Filter keeps the places that f wants. The error is that of f, with the path.
func (w *Walk) Filter(ctx context.Context, f *Filter) (*Walk, error) {
	kept := &Walk{}
	for _, e := range w.envs {
		ok, err := f.Match(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("filter %s at %s: %w", f, dottedOrRoot(e.node.Path()), err)
		}
		if ok {
			kept.envs = append(kept.envs, e)
		}
	}
	return kept, nil
}

// PreferIsolation puts in the place of an array its cell of these keys, as
// [Env.Cell] takes them, and leaves an array out that has no such cell. Other
// places stay.
func (w *Walk) PreferIsolation(keys ...CellKey) *Walk {
	chosen := &Walk{}
	for _, e := range w.envs {
		if !e.node.IsArray() {
			chosen.envs = append(chosen.envs, e)
		} else if cell, err := e.Cell(keys...); err == nil {
			chosen.envs = append(chosen.envs, cell)
		}
	}
	return chosen
}

// CallAction calls an action of every place, one after the other, and once per
// cell where there are cells, as [Env.Call] does. It gives the results in
// order. Nothing is called when a place does not have the action.
func (w *Walk) CallAction(ctx context.Context, action string, args Args) ([]any, error) {
	for _, e := range w.envs {
		if _, ok := e.node.Action(action); !ok {
			return nil, fmt.Errorf("call_action: %s has no action %s; filter the walk with has_action(%s)",
				dottedOrRoot(e.node.Path()), quoted(action), quoted(action))
		}
	}
	var results []any
	for _, e := range w.envs {
		result, err := e.Call(ctx, action, Args{Pos: slices.Clone(args.Pos), Named: slices.Clone(args.Named)})
		if err != nil {
			return nil, err
		}
		cells, split := result.(*CellResults)
		if !split || !e.node.IsArray() {
			results = append(results, result)
			continue
		}
		for _, cell := range cells.Cells {
			results = append(results, cell.Value)
		}
	}
	return results, nil
}
