package node

import (
	"context"
	"sync"
)

// budget counts which cells and hosts a run is to work on and which of them
// failed, each name once. What is attempted, and a container's call, have one
// of their own, which sees the run's failures and keeps its own to itself: an
// action that gets over them has not failed.
type budget struct {
	outer *budget // nil for the run's

	mu           sync.Mutex
	seen, failed map[string]bool
	total, bad   int // of those that outer did not have
}

type budgetKey struct{}

// budgetOf is the budget that failures below ctx count in.
func (r *Run) budgetOf(ctx context.Context) *budget {
	if b, ok := ctx.Value(budgetKey{}).(*budget); ok {
		return b
	}
	return &r.budget
}

// Attempt returns the context for what may fail without its caller failing:
// what fails in it counts for the max_fail of the calls it makes, and not for
// the run's.
func (e *Env) Attempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, &budget{outer: e.run.budgetOf(ctx)})
}

// Afterwards returns the context for what is done after a failure because of
// it, such as putting things right: no failure before counts in it.
func (e *Env) Afterwards(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, &budget{})
}

// expect adds what is to be worked on.
func (b *budget) expect(name string) { b.add(name, false) }

// fail adds what failed.
func (b *budget) fail(name string) { b.add(name, true) }

func (b *budget) add(name string, failed bool) {
	known, knownBad := b.outer.knows(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen, b.failed = map[string]bool{}, map[string]bool{}
	}
	if !known && !b.seen[name] {
		b.total++
	}
	b.seen[name] = true
	if !failed {
		return
	}
	if !knownBad && !b.failed[name] {
		b.bad++
	}
	b.failed[name] = true
}

func (b *budget) knows(name string) (seen, failed bool) {
	if b == nil {
		return false, false
	}
	seen, failed = b.outer.knows(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	return seen || b.seen[name], failed || b.failed[name]
}

// counts are those of the whole run, as far as they are told here.
func (b *budget) counts() (failed, total int) {
	if b == nil {
		return 0, 0
	}
	failed, total = b.outer.counts()
	b.mu.Lock()
	defer b.mu.Unlock()
	return failed + b.bad, total + b.total
}

// check says why nothing further is to be started; nil while it may be.
func (b *budget) check(m *MaxFail) error {
	if m == nil {
		return nil
	}
	failed, total := b.counts()
	if !m.exceeded(failed, total) {
		return nil
	}
	return &MaxFailError{Failed: failed, Total: total, MaxFail: *m}
}
