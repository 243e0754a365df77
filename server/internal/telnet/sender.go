package telnet

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	blockSize  = 32 << 10         // bytes gathered before they are sent
	pieceSize  = 8 << 10          // bytes given to go-telnet at once
	maxWaiting = 8 << 10          // bytes of answers that wait for a write to end
	yesText    = "\r\n[yes]\r\n"  // to AYT
	patience   = 10 * time.Second // for an answer to be taken
)

// sender serialises what is sent. Answers go between whole writes: by the
// reading goroutine itself, or, when a write is under way, by that writer after
// it, so that a peer which has stopped reading can still be heard (Ctrl-C).
type sender struct {
	nc       net.Conn
	patience time.Duration
	fail     func(error) error

	writing sync.Mutex // held for one whole write
	encoder encoder
	block   []byte // encoded, not sent yet
	raw     bool   // BINARY is agreed, as of the answers sent
	failed  error  // nothing can be sent any more

	mu       sync.Mutex
	waiting  []byte // answers to send
	ayt      bool   // and the text that says we are there
	binary   bool   // BINARY is agreed
	deadline time.Time
	replying bool
}

// answer sends replies now, or leaves them to the write that is under way.
func (s *sender) answer(replies []byte, ayt, binary bool) error {
	s.mu.Lock()
	s.waiting = append(s.waiting, replies...)
	s.ayt = s.ayt || ayt
	s.binary = binary
	tooMany := len(s.waiting) > maxWaiting
	s.mu.Unlock()
	if tooMany {
		return s.fail(ErrStalled)
	}
	s.drain()
	return nil
}

// drain sends what waits unless somebody else is writing, who will do it.
func (s *sender) drain() {
	for s.isWaiting() && s.writing.TryLock() {
		s.sendWaiting()
		s.writing.Unlock()
	}
}

func (s *sender) isWaiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) > 0 || s.ayt || s.binary != s.raw
}

// sendWaiting sends the answers, with a deadline of their own.
func (s *sender) sendWaiting() {
	s.collect()
	if len(s.block) == 0 {
		return
	}
	s.mu.Lock()
	s.replying = true
	err := s.nc.SetWriteDeadline(time.Now().Add(s.patience))
	s.mu.Unlock()
	s.flush(err)
	s.mu.Lock()
	s.replying = false
	err = s.nc.SetWriteDeadline(s.deadline)
	s.mu.Unlock()
	s.flush(err)
}

// collect moves the waiting answers into the block.
func (s *sender) collect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 || s.ayt {
		s.block = s.encoder.finish(s.block)
	}
	s.block = append(s.block, s.waiting...)
	if s.ayt {
		s.block = append(s.block, yesText...)
	}
	s.waiting, s.ayt = s.waiting[:0], false
	s.raw = s.binary
}

// write sends p through go-telnet's writer as one whole.
func (s *sender) write(p []byte, through io.Writer) (int, error) {
	s.writing.Lock()
	s.collect()
	for piece := range slices.Chunk(p, pieceSize) {
		if s.failed != nil {
			break
		}
		if _, err := through.Write(piece); err != nil {
			s.stop(err)
		}
	}
	s.flush(nil)
	err := s.failed
	s.writing.Unlock()
	s.drain()
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// gather takes what go-telnet made of a piece. The writer holds the lock.
func (s *sender) gather(p []byte) {
	s.block = s.encoder.append(s.block, p, s.raw)
	if len(s.block) >= blockSize {
		s.flush(nil)
	}
}

// flush sends the block, unless err says that this makes no sense any more.
func (s *sender) flush(err error) {
	if err == nil && s.failed == nil && len(s.block) > 0 {
		_, err = s.nc.Write(s.block)
	}
	s.block = s.block[:0]
	if err != nil {
		s.stop(err)
	}
}

// stop ends the connection: after a write that failed, also by its deadline,
// nobody knows in which half of a sequence the peer is.
func (s *sender) stop(err error) {
	if s.failed == nil {
		s.failed = s.fail(fmt.Errorf("telnet: write to %v: %w", s.nc.RemoteAddr(), err))
	}
}

func (s *sender) setWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if s.replying { // it is set when the answer is sent
		return nil
	}
	return s.nc.SetWriteDeadline(t)
}
