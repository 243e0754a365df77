package host

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Limiter bounds how many hosts or cells are worked on at once in one run,
// over all its nested calls. A nil Limiter bounds nothing. The caller's own
// slot is lent to what it nests, so nesting never deadlocks.
type Limiter struct{ slots chan struct{} }

// lentKey is the context key of the slot that the holder of one of l's slots
// may lend.
type lentKey struct{ l *Limiter }

// NewLimiter allows n at once, at least 1.
func NewLimiter(n int) *Limiter {
	return &Limiter{slots: make(chan struct{}, max(n, 1))}
}

// Each calls fn(ctx, i) for 0 <= i < n, at most as many at once as the limiter
// allows over the whole run, starting them in order, and returns when all have
// returned. When ctx has ended, what has not started is passed to skipped
// instead (if not nil). A panic of fn is raised again here, after all have
// returned.
//
// The context given to fn carries its slot: an Each that is called with it has
// that slot, of which the holder makes no use meanwhile, and any that is free
// besides. So the innermost call always gets on, however deep it is nested.
func (l *Limiter) Each(ctx context.Context, n int, fn func(ctx context.Context, i int), skipped func(i int)) {
	l.each(ctx, n, nil, fn, skipped)
}

// entering is asked, in order, before each that has a slot: it may wait for
// more. The context is for fn; leave is called when that has returned. When ok
// is false fn is not called, and neither is skipped.
type entering func(ctx context.Context, i int) (inner context.Context, leave func(), ok bool)

func (l *Limiter) each(ctx context.Context, n int, enter entering, fn func(ctx context.Context, i int), skipped func(i int)) {
	e := each{fn: fn}
	defer e.finish()
	lent := l.lent(ctx)
	for i := range n {
		slot, ok := l.take(ctx, lent)
		if !ok {
			skipRest(i, n, skipped)
			return
		}
		inner := l.lend(ctx)
		var leave func()
		if enter != nil {
			if inner, leave, ok = enter(inner, i); !ok {
				giveBack(slot)
				continue
			}
		}
		e.wait.Add(1)
		if n == 1 {
			e.call(inner, slot, leave, i)
			return
		}
		go e.call(inner, slot, leave, i)
	}
}

func giveBack(slot chan struct{}) {
	if slot != nil {
		<-slot
	}
}

func skipRest(from, n int, skipped func(i int)) {
	if skipped == nil {
		return
	}
	for i := from; i < n; i++ {
		skipped(i)
	}
}

// lent is the slot that ctx carries, nil for none. It is a channel like the
// limiter's own: who can send has it, and receives to give it back.
func (l *Limiter) lent(ctx context.Context) chan struct{} {
	if l == nil {
		return nil
	}
	lent, _ := ctx.Value(lentKey{l}).(chan struct{})
	return lent
}

// lend returns the context for a call that holds a slot.
func (l *Limiter) lend(ctx context.Context) context.Context {
	if l == nil {
		return ctx
	}
	return context.WithValue(ctx, lentKey{l}, make(chan struct{}, 1))
}

// take waits for a slot, the lent one first. It is false when ctx has ended.
func (l *Limiter) take(ctx context.Context, lent chan struct{}) (slot chan struct{}, ok bool) {
	if ctx.Err() != nil {
		return nil, false
	}
	if l == nil {
		return nil, true
	}
	select {
	case lent <- struct{}{}:
		return lent, true
	default:
	}
	select {
	case lent <- struct{}{}:
		return lent, true
	case l.slots <- struct{}{}:
		return l.slots, true
	case <-ctx.Done():
		return nil, false
	}
}

// each is one call of Each.
type each struct {
	fn   func(ctx context.Context, i int)
	wait sync.WaitGroup

	mu       sync.Mutex
	panicked error // the first
}

func (e *each) call(ctx context.Context, slot chan struct{}, leave func(), i int) {
	defer e.wait.Done()
	defer func() {
		if v := recover(); v != nil {
			e.panic(v)
		}
		if leave != nil {
			leave()
		}
		giveBack(slot)
	}()
	e.fn(ctx, i)
}

func (e *each) panic(v any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.panicked == nil {
		e.panicked = fmt.Errorf("%v\n%s", v, debug.Stack())
	}
}

func (e *each) finish() {
	e.wait.Wait()
	if e.panicked != nil {
		panic(e.panicked)
	}
}
