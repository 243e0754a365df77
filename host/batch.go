package host

import "context"

// Batches say how a call goes over its hosts or cells, beyond how many of them
// the limiter allows at once.
type Batches struct {
	// Sizes are those of the batches, in order; their sum is the number of
	// hosts. A batch begins when the one before has ended. nil: there are none.
	Sizes []int
	// Stop is asked before every batch but the first, and where there are none
	// before every host but the first. Its error is why all that has not started
	// is skipped. nil: never. It is called by several goroutines at once.
	Stop func() error
	// Enter waits, in order, until the host i may start, beyond what the limiter
	// says. The context is for it, and leave is called when it has ended. The
	// error is why it is skipped. nil: there is nothing to wait for.
	Enter func(ctx context.Context, i int) (inner context.Context, leave func(), err error)
	// Finished hears that a batch has ended, that of the hosts from, ..., to-1;
	// nil: nobody does. One of which nothing started is not told.
	Finished func(from, to int)
	// Ended hears of every host's result, those of skipped ones too, before
	// Stop is asked again; nil: nobody does. Groups call it, Each does not. It
	// is called by several goroutines at once.
	Ended func(i int, r Result)
}

// Each is [Limiter.Each] in batches. skipped gets what Stop said, or nil when
// ctx has ended. It may be called by several goroutines at once. A nil Batches
// says nothing.
func (b *Batches) Each(ctx context.Context, l *Limiter, n int, fn func(ctx context.Context, i int), skipped func(i int, why error)) {
	cancelled := func(i int) { skipped(i, nil) }
	if b == nil {
		l.Each(ctx, n, fn, cancelled)
		return
	}
	if b.Sizes == nil {
		l.each(ctx, n, b.entering(0, b.Stop, skipped), fn, cancelled)
		return
	}
	from := 0
	for _, size := range b.Sizes {
		if why := stop(ctx, b.Stop, from); why != nil || ctx.Err() != nil {
			skipRest(from, n, func(i int) { skipped(i, why) })
			return
		}
		l.each(ctx, size, b.entering(from, nil, skipped),
			func(ctx context.Context, i int) { fn(ctx, from+i) }, func(i int) { cancelled(from + i) })
		if b.Finished != nil {
			b.Finished(from, from+size)
		}
		from += size
	}
}

// stop says why the host i, or the batch that begins with it, is not to start.
// A cancel says more than the failures that it made.
func stop(ctx context.Context, ask func() error, i int) error {
	if ctx.Err() != nil || ask == nil || i == 0 {
		return nil
	}
	return ask()
}

// entering waits as Enter says, for the hosts of a batch, and asks then whether
// it is still to start.
func (b *Batches) entering(from int, ask func() error, skipped func(i int, why error)) entering {
	if b.Enter == nil && ask == nil {
		return nil
	}
	return func(ctx context.Context, i int) (inner context.Context, leave func(), ok bool) {
		var why error
		inner = ctx
		if b.Enter != nil {
			inner, leave, why = b.Enter(ctx, from+i)
		}
		if why == nil {
			why = stop(ctx, ask, from+i)
		}
		if why == nil {
			return inner, leave, true
		}
		if leave != nil {
			leave()
		}
		skipped(from+i, why)
		return nil, nil, false
	}
}
