package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// findEnd finds the end of the chain in a store whose end was left at head,
// and how many bytes are stored.
func findEnd(ctx context.Context, s *store, daemon string, head position) (position, uint64, error) {
	last, bytes, err := s.size(ctx)
	if err != nil {
		return position{}, 0, err
	}
	if last < head.messages {
		return position{}, 0, fmt.Errorf("records are missing at the end: there are %d messages, and there were %d", last, head.messages)
	}
	if err := checkHead(ctx, s, head); err != nil {
		return position{}, 0, err
	}
	end := position{messages: last}
	message, err := s.last(ctx, daemon)
	if err != nil || message == nil {
		return end, bytes, err
	}
	r, err := lastRecord(message)
	if err != nil {
		return position{}, 0, fmt.Errorf("the last message of %s: %w", daemon, err)
	}
	end.record, end.hash = r.Seq, r.Hash
	return end, bytes, nil
}

// checkHead checks that the message which was the last is still there.
func checkHead(ctx context.Context, s *store, head position) error {
	if head.messages == 0 {
		return nil
	}
	message, err := s.message(ctx, head.messages)
	if err != nil {
		return fmt.Errorf("message %d: %w", head.messages, err)
	}
	r, err := lastRecord(message)
	if err != nil {
		return fmt.Errorf("message %d: %w", head.messages, err)
	}
	if r.Seq != head.record || r.Hash != head.hash {
		return fmt.Errorf("message %d is not the one that was written there", head.messages)
	}
	return nil
}

// Export writes every record as a JSON line, in order, up to the last one
// that was synced when it began. It checks nothing: Verify does.
func (j *Journal) Export(ctx context.Context, w io.Writer) error {
	_, err := j.walk(ctx, func(message []byte) error {
		_, err := w.Write(message)
		return err
	})
	if err != nil {
		return fmt.Errorf("export the journal: %w", err)
	}
	return nil
}

// Verify walks the chain, up to the last record that was synced when it began,
// and returns how many records are good; the error names the first record that
// is changed, missing or out of order.
func (j *Journal) Verify(ctx context.Context) (uint64, error) {
	var good uint64
	c := make(chain)
	end, err := j.walk(ctx, func(message []byte) error {
		return verify(c, message, &good)
	})
	if err == nil && c[j.o.Daemon] != (link{end.record, end.hash}) {
		err = fmt.Errorf("the chain of %s ends at record %d, and it should at %d", j.o.Daemon, c[j.o.Daemon].seq, end.record)
	}
	if err != nil {
		return good, fmt.Errorf("verify the journal: after %d good records: %w", good, err)
	}
	return good, nil
}

func verify(c chain, message []byte, good *uint64) error {
	all, err := lines(message)
	if err != nil {
		return err
	}
	for _, line := range all {
		r, err := unseal(line)
		if err == nil {
			err = c.next(r)
		}
		if err != nil {
			return err
		}
		*good++
	}
	return nil
}

// walk calls fn for every message and returns where the chain ended when it
// began.
func (j *Journal) walk(ctx context.Context, fn func(message []byte) error) (position, error) {
	j.mu.Lock()
	s, end := j.store, j.end
	j.mu.Unlock()
	if s == nil {
		return end, errors.New("it is not open now: its last write failed")
	}
	if err := checkBlocks(j.storeDir(), end.messages, true); err != nil {
		return end, err
	}
	for seq := uint64(1); seq <= end.messages; seq++ {
		message, err := s.message(ctx, seq)
		if err == nil {
			err = fn(message)
		}
		if err != nil {
			return end, fmt.Errorf("message %d: %w", seq, err)
		}
	}
	return end, nil
}
