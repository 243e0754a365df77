package node

import (
	"context"
	"errors"
	"slices"

	"github.com/deployerd/deployerd/host"
)

// overdueError is what a call's own time-out ended, and nothing else went
// wrong. The errors of what it stopped stay for their facts.
type overdueError struct {
	timeUp *host.TimeoutError
	ended  error
}

func (e *overdueError) Error() string {
	text := e.timeUp.Error()
	for _, leaf := range leaves(e.ended, nil) {
		if c, ok := leaf.(*host.CancelError); ok && c.Unconfirmed != nil {
			text += "; " + c.Host + " did not confirm that the command ended"
		}
	}
	return text
}

// Unwrap returns the time-out and what it ended.
func (e *overdueError) Unwrap() []error { return []error{e.timeUp, e.ended} }

// overdue tells an error that says no more than that the time was up from one
// that does.
func overdue(timeUp *host.TimeoutError, err error) bool {
	return !slices.ContainsFunc(leaves(err, nil), func(leaf error) bool {
		return !errors.Is(leaf, timeUp) && !errors.Is(leaf, context.DeadlineExceeded)
	})
}

// leaves appends the errors that err is made of: what one command says, or
// what wraps nothing.
func leaves(err error, all []error) []error {
	switch e := err.(type) {
	case *host.CancelError:
		return append(all, e)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = leaves(inner, all)
		}
		return all
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return leaves(inner, all)
		}
	}
	return append(all, err)
}
