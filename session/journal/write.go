package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// retry is how long appended records wait after a failed write; a call of
// Write is tried at once.
const retry = time.Second

// Write writes records and returns when they are synced: what is written
// before the first byte goes to a target. The error wraps ErrNoJournal; it
// comes within the deadline, and the records may have been stored all the
// same. Concurrent calls share a sync. One call's records hold at most 1 MiB.
func (j *Journal) Write(ctx context.Context, records ...Record) error {
	ctx, cancel := context.WithTimeoutCause(ctx, j.o.Deadline, fmt.Errorf("it was not synced within %s (is the disk full?)", j.o.Deadline))
	defer cancel()
	i := &item{records: records, done: make(chan error, 1)}
	if err := j.enqueue(ctx, i); err != nil {
		return err
	}
	return j.await(ctx, i)
}

// Append writes a record soon, in order with Write, and tries again as long as
// the journal is open. The queue is bounded; when it is full Append waits, at
// most the deadline, and returns the error, which wraps ErrNoJournal.
func (j *Journal) Append(r Record) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), j.o.Deadline, errors.New("too much waits to be written"))
	defer cancel()
	return j.enqueue(ctx, &item{records: []Record{r}, keep: true})
}

// Flush returns when everything appended before is synced, or ctx has ended.
func (j *Journal) Flush(ctx context.Context) error {
	i := &item{keep: true, done: make(chan error, 1)}
	if err := j.enqueue(ctx, i); err != nil {
		return err
	}
	return j.await(ctx, i)
}

func (j *Journal) enqueue(ctx context.Context, i *item) error {
	for _, r := range i.records {
		i.size += r.size()
	}
	if i.size > callSize {
		return fmt.Errorf("%w: a record of %d bytes is larger than %d", ErrNoJournal, i.size, callSize)
	}
	for {
		ok, room := j.queue.put(i)
		if ok {
			return nil
		}
		if room == nil {
			return fmt.Errorf("%w: %w", ErrNoJournal, errClosed)
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrNoJournal, context.Cause(ctx))
		}
	}
}

func (j *Journal) await(ctx context.Context, i *item) error {
	select {
	case err := <-i.done:
		return err
	case <-ctx.Done():
		j.queue.remove(i)
		return fmt.Errorf("%w: %w", ErrNoJournal, context.Cause(ctx))
	}
}

// doubt is a message that was sent and not acknowledged: it may be stored.
type doubt struct {
	message []byte
	next    position
	kept    []*item // its items that are in the queue again
}

// write is the writer: one goroutine that owns the end of the chain.
func (j *Journal) write() {
	defer close(j.stopped)
	var open *doubt
	var failed time.Time // of the last write; zero when it was good
	for j.next(failed) {
		var err error
		if j.current() == nil {
			if err = j.restore(open); err != nil {
				j.queue.refuse(fmt.Errorf("%w: %w", ErrNoJournal, err))
			}
		}
		if err == nil {
			open, err = j.commit(j.queue.take())
		}
		failed = time.Time{}
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrNoJournal, err)
			j.o.Log.Error("write", "err", err)
			failed = time.Now()
		}
		j.report(err)
	}
}

// next waits until there is something to write; false is the end.
func (j *Journal) next(failed time.Time) bool {
	for {
		some, urgent := j.queue.waiting()
		wait := retry - time.Since(failed)
		if urgent || some && wait <= 0 {
			return !j.halted()
		}
		timer := time.NewTimer(max(wait, 0))
		if !some {
			timer.Stop()
		}
		select {
		case <-j.queue.ready:
		case <-timer.C:
		case <-j.halt:
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

func (j *Journal) halted() bool {
	select {
	case <-j.halt:
		return true
	default:
		return false
	}
}

// commit writes items as one message and answers them. The doubt is not nil
// when it is not known whether the message is stored.
func (j *Journal) commit(items []*item) (*doubt, error) {
	var records []Record
	var kept []*item
	for _, i := range items {
		records = append(records, i.records...)
		if i.keep {
			kept = append(kept, i)
		}
	}
	if len(records) == 0 {
		finish(items, nil)
		return nil, nil
	}
	message, next, err := seal(j.end, j.o.Daemon, time.Now(), records)
	if err == nil {
		err = j.publish(message, next)
	}
	if err == nil {
		finish(items, nil)
		return nil, nil
	}
	j.queue.back(kept)
	for _, i := range items {
		if !i.keep {
			i.finish(fmt.Errorf("%w: %w", ErrNoJournal, err))
		}
	}
	return &doubt{message, next, kept}, err
}

func finish(items []*item, err error) {
	for _, i := range items {
		i.finish(err)
	}
}

// publish stores a message and moves the end. After an error the store is no
// longer used: JetStream does not get over a failed write by itself.
func (j *Journal) publish(message []byte, next position) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), j.o.Deadline,
		fmt.Errorf("no acknowledgement within %s (is the disk full?)", j.o.Deadline))
	defer cancel()
	if err := j.store.publish(ctx, j.o.Daemon, message, j.end.messages); err != nil {
		j.drop()
		return err
	}
	j.advance(next, len(message))
	return nil
}

// drop closes a broken store.
func (j *Journal) drop() {
	j.mu.Lock()
	broken := j.store
	j.store = nil
	j.mu.Unlock()
	broken.close()
}

// restore opens the store again after a failed write and finds out what became
// of the message in doubt.
func (j *Journal) restore(open *doubt) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(j.o.Deadline, 10*time.Second))
	defer cancel()
	s, err := openStore(ctx, j.storeDir(), j.end.messages, j.o.Log)
	if err != nil {
		return err
	}
	stored, err := j.settle(ctx, s, open)
	if err != nil {
		s.close()
		return err
	}
	j.mu.Lock()
	j.store = s
	j.mu.Unlock()
	if stored {
		j.advance(open.next, len(open.message))
		for _, i := range open.kept {
			if j.queue.remove(i) {
				i.finish(nil)
			}
		}
	}
	return nil
}

// settle tells whether the message in doubt is stored. Anything else at the
// end of the stream is an error.
func (j *Journal) settle(ctx context.Context, s *store, open *doubt) (stored bool, err error) {
	last, _, err := s.size(ctx)
	if err != nil || last == j.end.messages {
		return false, err
	}
	if open != nil && last == open.next.messages {
		message, err := s.message(ctx, last)
		if err != nil || bytes.Equal(message, open.message) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("the stream ends at message %d, which was not written by this process (its own last is %d)", last, j.end.messages)
}

func (j *Journal) current() *store {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.store
}

func (j *Journal) advance(next position, size int) {
	if err := j.head.put(next); err != nil {
		j.o.Log.Error("write head", "err", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end = next
	j.bytes += uint64(size)
}

func (j *Journal) report(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
}
