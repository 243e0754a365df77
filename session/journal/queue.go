package journal

import (
	"slices"
	"sync"
)

// What waits to be written, in bytes as Record.size counts them.
const (
	queueSize = 8 << 20   // appended records; a call of Write waits for itself
	groupSize = 512 << 10 // written as one message
	callSize  = 1 << 20   // one call's records, which are written together
)

// item is the records of one call.
type item struct {
	records []Record
	size    int
	keep    bool       // tried again until it is written: nobody waits who could refuse
	done    chan error // gets one answer, never blocks; nil: nobody listens
}

func (i *item) finish(err error) {
	if i.done != nil {
		i.done <- err
	}
}

// queue holds items in the order of their calls.
type queue struct {
	ready chan struct{} // has an element when there is news for the writer

	mu     sync.Mutex
	items  []*item
	kept   int           // size of the items to keep
	urgent int           // number of the others
	room   chan struct{} // closed and made anew when items leave
	closed bool
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), room: make(chan struct{})}
}

// put adds an item. It tells whether it did; if not, room is closed when it is
// worth another try, and nil when the queue is closed.
func (q *queue) put(i *item) (ok bool, room <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, nil
	}
	if i.keep && q.kept > 0 && q.kept+i.size > queueSize {
		return false, q.room
	}
	q.items = append(q.items, i)
	q.count(i, 1)
	select {
	case q.ready <- struct{}{}:
	default:
	}
	return true, nil
}

// count adds (1) an item to the sums, or takes it away (-1).
func (q *queue) count(i *item, sign int) {
	if i.keep {
		q.kept += sign * i.size
		return
	}
	q.urgent += sign
}

// take removes the first items, at most groupSize but at least one.
func (q *queue) take() []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.items) && (n == 0 || size+q.items[n].size <= groupSize) {
		size += q.items[n].size
		n++
	}
	taken := slices.Clone(q.items[:n])
	q.items = slices.Delete(q.items, 0, n)
	for _, i := range taken {
		q.count(i, -1)
	}
	q.makeRoom()
	return taken
}

func (q *queue) makeRoom() {
	close(q.room)
	q.room = make(chan struct{})
}

// back puts items that were taken in front again.
func (q *queue) back(items []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.Insert(q.items, 0, items...)
	for _, i := range items {
		q.count(i, 1)
	}
}

// remove takes an item out and tells whether it was still there.
func (q *queue) remove(i *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.items, i)
	if at < 0 {
		return false
	}
	q.items = slices.Delete(q.items, at, at+1)
	q.count(i, -1)
	q.makeRoom()
	return true
}

// refuse answers those who wait with err, and keeps the rest.
func (q *queue) refuse(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = slices.DeleteFunc(q.items, func(i *item) bool {
		if !i.keep {
			i.finish(err)
		}
		return !i.keep
	})
	q.urgent = 0
}

// waiting tells what there is to write: any, and any that cannot wait.
func (q *queue) waiting() (some, urgent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) > 0, q.urgent > 0
}

// close refuses what comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.makeRoom()
}

// fail answers all that is left with err and returns how many records that is.
func (q *queue) fail(err error) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := 0
	for _, i := range q.items {
		lost += len(i.records)
		i.finish(err)
	}
	q.items, q.kept, q.urgent = nil, 0, 0
	return lost
}
