package telnet

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A million requests after login: each answered once at most, at a bounded
// rate, with bounded memory; and the person's keys still come through.
func TestAStormOfOptionsIsSlowedDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var kept int
		start := time.Now()
		peer, ended := overPipe(t, func(s *Session) {
			s.LoggedIn()
			expect(t, s, "x")
			kept = cap(s.conn.out.replies) + cap(s.conn.out.data) + cap(s.conn.waiting) + cap(s.conn.block)
		})
		answers := make(chan int64, 1)
		go func() {
			n, _ := io.Copy(io.Discard, peer)
			answers <- n
		}()
		const million = 1_000_000
		storm := strings.Repeat(do+"\x63", 1000)
		for range million / 1000 {
			send(t, peer, storm)
		}
		send(t, peer, "x")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := <-answers; n > 3*million+int64(len(greeting())) {
			t.Errorf("%d bytes of answers to %d", n, 3*million)
		}
		if took := time.Since(start); took < 3*million/(2*maxAnswers)*time.Second {
			t.Errorf("all answered within %v", took)
		}
		if kept > 64<<10 {
			t.Errorf("%d bytes of buffers", kept)
		}
	})
}

func TestAPeerThatReadsNoAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		peer, ended := overPipe(t, func(s *Session) {
			if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
		})
		expect(t, peer, greeting())
		send(t, peer, do+markOpt)
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Serve returned %v", err)
		}
		if took := time.Since(start); took != patience {
			t.Errorf("after %v, want %v", took, patience)
		}
	})
}

// A peer that has stopped reading (Ctrl-S, a slow line) can still say Ctrl-C;
// one that storms meanwhile fills no memory.
func TestAStalledPeerIsHeard(t *testing.T) {
	t.Parallel()
	peer, ended := overPipe(t, func(s *Session) {
		s.LoggedIn()
		var writing sync.WaitGroup
		writing.Go(func() {
			if _, err := s.Write([]byte("nobody reads this")); err == nil {
				t.Error("written to nobody")
			}
		})
		expect(t, s, "\x03")
		if _, err := io.Copy(io.Discard, s); !errors.Is(err, ErrStalled) {
			t.Errorf("read: %v", err)
		}
		writing.Wait()
	})
	expect(t, peer, greeting())
	// The first byte of the write shows that it is under way.
	expect(t, peer, "n")
	send(t, peer, iac+"\xf4"+do+markOpt)
	for err := error(nil); err == nil; {
		_, err = io.WriteString(peer, strings.Repeat(do+"\x63", 100))
	}
	if err := <-ended; !errors.Is(err, ErrStalled) {
		t.Errorf("Serve returned %v", err)
	}
}
