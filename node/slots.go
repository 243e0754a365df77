package node

import (
	"context"
	"slices"
	"sync"
)

// slots bounds how many cells of a node are worked on at once over a whole run,
// for nodes that allow fewer than the run does. It lends as host.Limiter does: a
// cell's slot goes to the cells of the same node that it calls. Unlike one
// limiter alone, several can wait for each other in a ring (a cell of a calls
// b's, a cell of b calls a's). That is found at the moment it closes, and then
// one cell goes over the bound: late is better than never.
type slots struct {
	mu      sync.Mutex
	used    map[*place]int
	held    map[*slot]bool
	waiting []*waiter // in order of arrival
}

// slot is held by a cell; outer are those of the calls around it.
type slot struct {
	place *place
	outer *slot
	from  *slot // whose slot this is, when it is lent; nil when it is one of the node's
	to    *slot // to which of a call within it is lent
}

type waiter struct {
	slot    *slot // what it will hold
	allowed int
	ready   chan struct{}
}

type slotKey struct{}

// enter waits for a slot of p, of which there are allowed. It fails when ctx
// ends before. The context is for what the cell does.
func (s *slots) enter(ctx context.Context, p *place, allowed int) (context.Context, func(), error) {
	outer, _ := ctx.Value(slotKey{}).(*slot)
	w := &waiter{slot: &slot{place: p, outer: outer}, allowed: allowed, ready: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.serve()
	s.mu.Unlock()
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	// A slot may come at the moment the run ends; nothing starts then.
	if ctx.Err() != nil {
		if !s.leave(w) {
			s.release(w.slot)
		}
		return ctx, nil, context.Cause(ctx)
	}
	return context.WithValue(ctx, slotKey{}, w.slot), func() { s.release(w.slot) }, nil
}

// leave takes a waiter out. It is false when the waiter was served meanwhile.
func (s *slots) leave(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(w)
}

func (s *slots) release(h *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, h)
	if h.from != nil {
		h.from.to = nil
	} else {
		s.used[h.place]--
	}
	s.serve()
}

// serve gives slots to all who can have one, in order, and to one more while
// those who are left would wait for ever.
func (s *slots) serve() {
	var left []*waiter
	for _, w := range s.waiting {
		if !s.take(w) {
			left = append(left, w)
		}
	}
	s.waiting = left
	for stuck := s.stuck(); len(stuck) > 0; stuck = s.stuck() {
		s.give(stuck[0], nil)
		s.drop(stuck[0])
	}
}

func (s *slots) drop(w *waiter) bool {
	i := slices.Index(s.waiting, w)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

func (s *slots) take(w *waiter) bool {
	for h := w.slot.outer; h != nil; h = h.outer {
		if h.place == w.slot.place && h.to == nil {
			s.give(w, h)
			return true
		}
	}
	if s.used[w.slot.place] < w.allowed {
		s.give(w, nil)
		return true
	}
	return false
}

func (s *slots) give(w *waiter, from *slot) {
	if s.held == nil {
		s.held, s.used = map[*slot]bool{}, map[*place]int{}
	}
	if from != nil {
		from.to, w.slot.from = w.slot, from
	} else {
		s.used[w.slot.place]++
	}
	s.held[w.slot] = true
	close(w.ready)
}

// stuck finds the waiters who would wait for ever: those of whose slots every
// holder waits, itself or in a call within, for one who is stuck too. It starts
// from all who wait, and takes out who will be served as long as there is any.
func (s *slots) stuck() []*waiter {
	stuck := s.waiting
	for {
		held := s.heldUp(stuck)
		var still []*waiter
		for _, w := range stuck {
			if !held.free[w.slot.place] && !held.willLend(w.slot) {
				still = append(still, w)
			}
		}
		if len(still) == len(stuck) {
			return still
		}
		stuck = still
	}
}

// heldUp is what comes of some waiters being stuck.
type heldUp struct {
	slots map[*slot]bool  // that are not given back: a call within is stuck
	free  map[*place]bool // where one of the node's slots will be given back
}

func (s *slots) heldUp(stuck []*waiter) heldUp {
	up := heldUp{slots: map[*slot]bool{}, free: map[*place]bool{}}
	for _, w := range stuck {
		for o := w.slot.outer; o != nil && !up.slots[o]; o = o.outer {
			up.slots[o] = true
		}
	}
	for h := range s.held {
		if h.from == nil && !up.slots[h] {
			up.free[h.place] = true
		}
	}
	return up
}

// willLend says whether a slot of a call around, which is lent to another, will
// be given back.
func (up heldUp) willLend(w *slot) bool {
	for o := w.outer; o != nil; o = o.outer {
		if o.place == w.place && o.to != nil && !up.slots[o.to] {
			return true
		}
	}
	return false
}
