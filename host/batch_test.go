package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// steps keeps what happens in batches, as lines.
type steps struct {
	mu    sync.Mutex
	lines []string
}

func (s *steps) add(format string, a ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, a...))
}

func TestBatchesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	why := errors.New("too many failed")
	for _, c := range []struct {
		name   string
		sizes  []int
		stopAt int // how often Stop lets pass
		want   []string
	}{
		{"to the end", []int{1, 2}, 9, []string{"0", "batch 0-1", "1", "2", "batch 1-3"}},
		{"stopped", []int{1, 1, 1}, 1, []string{"0", "batch 0-1", "1", "batch 1-2", "skip 2 too many failed"}},
		{"one batch is not stopped", []int{3}, 0, []string{"0", "1", "2", "batch 0-3"}},
		{"without batches, each is", nil, 1, []string{"0", "1", "skip 2 too many failed"}},
		{"without batches, the first is not", nil, 0, []string{"0", "skip 1 too many failed", "skip 2 too many failed"}},
	} {
		var seen steps
		asked := 0
		b := &Batches{Sizes: c.sizes, Stop: func() error {
			if asked++; asked > c.stopAt {
				return why
			}
			return nil
		}}
		if c.sizes != nil {
			b.Finished = func(from, to int) { seen.add("batch %d-%d", from, to) }
		}
		b.Each(t.Context(), NewLimiter(1), 3, func(_ context.Context, i int) { seen.add("%d", i) },
			func(i int, why error) { seen.add("skip %d %v", i, why) })
		if diff := cmp.Diff(c.want, seen.lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestBatchesEndWithTheContext(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{nil, {1, 1, 1}, {2, 1}} {
		ctx, cancel := context.WithCancel(t.Context())
		var seen steps
		b := &Batches{Sizes: sizes, Stop: func() error { return errors.New("asked after a cancel") }}
		b.Each(ctx, NewLimiter(1), 3, func(_ context.Context, i int) { seen.add("%d", i); cancel() },
			func(i int, why error) { seen.add("skip %d %v", i, why) })
		if diff := cmp.Diff([]string{"0", "skip 1 <nil>", "skip 2 <nil>"}, seen.lines); diff != "" {
			t.Errorf("%v (-want +got):\n%s", sizes, diff)
		}
		cancel()
	}
}

func TestBatchesEnterInOrderAndLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen steps
		key := struct{ name string }{"entered"}
		b := &Batches{Sizes: []int{2, 2}, Enter: func(ctx context.Context, i int) (context.Context, func(), error) {
			seen.add("enter %d", i)
			if i == 1 {
				return nil, nil, errors.New("no room")
			}
			return context.WithValue(ctx, key, i), func() { seen.add("leave %d", i) }, nil
		}}
		b.Each(t.Context(), NewLimiter(4), 4, func(ctx context.Context, i int) {
			time.Sleep(time.Duration(i+1) * time.Second) // of a bubble
			seen.add("%v", ctx.Value(key))
		}, func(i int, why error) { seen.add("skip %d %v", i, why) })
		want := []string{"enter 0", "enter 1", "skip 1 no room", "0", "leave 0", "enter 2", "enter 3", "2", "leave 2", "3", "leave 3"}
		if diff := cmp.Diff(want, seen.lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
