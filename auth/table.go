package auth

import (
	"container/heap"
	"time"
)

// table keeps at most max entries until they expire. A new entry in a full
// table takes the place of the one that expires first: the least penalised.
type table[K comparable] struct {
	max     int
	entries map[K]*entry[K]
	order   expiryHeap[K]
}

// never is the time of a try that was not made.
const never = -tryEvery

// entry counts failures. Times are since the guard's start.
type entry[K comparable] struct {
	key      K
	expires  time.Duration
	last     time.Duration
	failures int32
	marked   bool
	index    int32
}

func newTable[K comparable](limit int) table[K] {
	return table[K]{max: limit, entries: make(map[K]*entry[K])}
}

// get returns an entry that has not expired, else nil.
func (t *table[K]) get(key K, now time.Duration) *entry[K] {
	e := t.entries[key]
	if e == nil {
		return nil
	}
	if e.expires <= now {
		t.drop(e)
		return nil
	}
	return e
}

// extend sets when an entry expires, and makes it if there is none.
func (t *table[K]) extend(key K, now, expires time.Duration) *entry[K] {
	if e := t.get(key, now); e != nil {
		e.expires = expires
		heap.Fix(&t.order, int(e.index))
		return e
	}
	if len(t.order) >= t.max {
		t.drop(t.order[0])
	}
	e := &entry[K]{key: key, expires: expires, last: never}
	t.entries[key] = e
	heap.Push(&t.order, e)
	return e
}

func (t *table[K]) drop(e *entry[K]) {
	delete(t.entries, e.key)
	heap.Remove(&t.order, int(e.index))
}

// expiryHeap is a heap.Interface with the entry that expires first on top.
type expiryHeap[K comparable] []*entry[K]

func (h expiryHeap[K]) Len() int           { return len(h) }
func (h expiryHeap[K]) Less(i, j int) bool { return h[i].expires < h[j].expires }

func (h expiryHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = int32(i), int32(j)
}

// Push takes what heap.Push gives it.
func (h *expiryHeap[K]) Push(x any) {
	e := x.(*entry[K])
	e.index = int32(len(*h))
	*h = append(*h, e)
}

// Pop gives the last one to heap.Remove.
func (h *expiryHeap[K]) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
