package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// gauge measures how many are at work at once.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) work() {
	n := g.now.Add(1)
	for {
		most := g.most.Load()
		if n <= most || g.most.CompareAndSwap(most, n) {
			break
		}
	}
	time.Sleep(time.Second) // of a bubble
	g.now.Add(-1)
}

func TestLimiterBoundsAndKeepsOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g gauge
		var mu sync.Mutex
		var order []int
		begin := time.Now()
		NewLimiter(3).Each(t.Context(), 10, func(_ context.Context, i int) {
			time.Sleep(time.Duration(i)) // tell the goroutines' order
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
			g.work()
		}, nil)
		if g.most.Load() != 3 {
			t.Errorf("%d at once, want 3", g.most.Load())
		}
		if took := time.Since(begin).Round(time.Second); took != 4*time.Second {
			t.Errorf("10 seconds of work by 3 took %s, want 4 s", took)
		}
		if !slices.IsSorted(order) {
			t.Errorf("started in order %v", order)
		}
	})
}

func TestLimiterNestedCallsShareIt(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			l := NewLimiter(n)
			var g gauge
			var leaves atomic.Int32
			var level func(depth int) func(context.Context, int)
			level = func(depth int) func(context.Context, int) {
				return func(ctx context.Context, _ int) {
					if depth > 0 {
						l.Each(ctx, 3, level(depth-1), nil)
						return
					}
					g.work()
					leaves.Add(1)
				}
			}
			l.Each(t.Context(), 3, level(3), nil)
			if leaves.Load() != 81 {
				t.Errorf("limit %d: %d of 81 were done", n, leaves.Load())
			}
			if int(g.most.Load()) != n {
				t.Errorf("limit %d: %d at once", n, g.most.Load())
			}
		})
	}
}

func TestLimiterNestedTakesWhatIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(3)
		var g gauge
		begin := time.Now()
		l.Each(t.Context(), 3, func(ctx context.Context, i int) {
			if i > 0 {
				g.work() // ends after a second and leaves its slot to the other's calls
				return
			}
			l.Each(ctx, 7, func(context.Context, int) { g.work() }, nil)
		}, nil)
		if g.most.Load() != 3 || time.Since(begin) != 3*time.Second {
			t.Errorf("%d at once, %s; want 3 and 3 s", g.most.Load(), time.Since(begin))
		}
	})
}

func TestLimiterHolderLendsItsSlotOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1)
		var g gauge
		l.Each(t.Context(), 1, func(ctx context.Context, _ int) {
			var wait sync.WaitGroup
			for range 2 {
				wait.Go(func() { l.Each(ctx, 3, func(context.Context, int) { g.work() }, nil) })
			}
			wait.Wait()
		}, nil)
		if g.most.Load() != 1 {
			t.Errorf("%d at once, want 1", g.most.Load())
		}
	})
}

func TestLimiterOtherLimitersSlotIsNotLent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := NewLimiter(1)
		var g gauge
		NewLimiter(4).Each(t.Context(), 4, func(ctx context.Context, _ int) {
			inner.Each(ctx, 2, func(context.Context, int) { g.work() }, nil)
		}, nil)
		if g.most.Load() != 1 {
			t.Errorf("%d at once, want 1", g.most.Load())
		}
	})
}

func TestLimiterSkipsTheRestAfterACancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var started, skipped []int
	NewLimiter(1).Each(ctx, 5, func(_ context.Context, i int) {
		started = append(started, i)
		if i == 1 {
			cancel()
		}
	}, func(i int) { skipped = append(skipped, i) })
	if diff := cmp.Diff([][]int{{0, 1}, {2, 3, 4}}, [][]int{started, skipped}); diff != "" {
		t.Error(diff)
	}
	NewLimiter(1).Each(ctx, 5, func(context.Context, int) { t.Error("started after a cancel") }, nil)
}

func TestLimiterCancelEndsTheWaitForASlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1)
		hold := make(chan struct{})
		go l.Each(context.Background(), 1, func(context.Context, int) { <-hold }, nil)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var skipped int
		go func() {
			synctest.Wait()
			cancel()
		}()
		l.Each(ctx, 2, func(context.Context, int) { t.Error("started without a slot") }, func(int) { skipped++ })
		if skipped != 2 {
			t.Errorf("%d skipped, want 2", skipped)
		}
		close(hold)
	})
}

func TestLimiterNilBoundsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l *Limiter
		var g gauge
		l.Each(t.Context(), 100, func(context.Context, int) { g.work() }, nil)
		if g.most.Load() != 100 {
			t.Errorf("%d at once, want 100", g.most.Load())
		}
	})
}

func TestLimiterPanicReachesTheCallerAfterAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		l := NewLimiter(2)
		var done atomic.Int32
		text := func() (text string) {
			defer func() { text = fmt.Sprint(recover()) }()
			l.Each(t.Context(), n, func(_ context.Context, i int) {
				if i == 0 {
					panic("bad cell")
				}
				done.Add(1)
			}, nil)
			return ""
		}()
		if !strings.HasPrefix(text, "bad cell\n") || int(done.Load()) != n-1 {
			t.Errorf("of %d: %d done, panic %.40q", n, done.Load(), text)
		}
		l.Each(t.Context(), 2, func(context.Context, int) {}, nil) // the slots are back
	}
}
