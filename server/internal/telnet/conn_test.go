package telnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// over serves handler on one end of nc's pair and gives the other; ended is
// what Serve returned.
func over(t *testing.T, ours, theirs net.Conn, handler func(*Session)) (peer net.Conn, ended <-chan error) {
	t.Helper()
	result, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		result <- Serve(ours, Options{}, handler)
	}()
	t.Cleanup(func() {
		_ = theirs.Close() // the test may have closed it
		<-gone
	})
	return theirs, result
}

func overPipe(t *testing.T, handler func(*Session)) (net.Conn, <-chan error) {
	ours, theirs := net.Pipe()
	return over(t, ours, theirs, handler)
}

func overTCP(t *testing.T, handler func(*Session)) (net.Conn, <-chan error) {
	ours, theirs := tcpPair(t)
	return over(t, ours, theirs, handler)
}

func tcpPair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

func send(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// expect reads exactly what must come.
func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("%q (%v), want %q", got[:n], err, want)
	}
}

func greeting() string { return string(newCodec().greeting()) }

func TestTypingOutputAndAnswers(t *testing.T) {
	t.Parallel()
	peer, ended := overTCP(t, func(s *Session) {
		expect(t, s, "héllo\xff\r\x03")
		if !s.Negotiated() || !s.Echoing() {
			t.Errorf("negotiated %v, echoing %v", s.Negotiated(), s.Echoing())
		}
		if got, want := <-s.Events(), (Terminal{Width: 200, Height: 50}); got != want {
			t.Errorf("the terminal is %+v, want the newest, %+v", got, want)
		}
		send(t, s, "out \xff\r")
		send(t, s, "\nbare\rend\r")
	})
	expect(t, peer, greeting())
	send(t, peer, do+echoOpt+will+nawsOpt+sb+nawsOpt+"\x00\x50\x00\x18"+se+"héllo")
	send(t, peer, sb+nawsOpt+"\x00\xc8\x00\x32"+se+iac+iac+"\r\n"+iac+"\xf4"+do+markOpt+iac+"\xf6")
	expect(t, peer, will+markOpt+"\r\n[yes]\r\nout "+iac+iac+"\r\nbare\r\x00end\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAPeerThatNegotiatesNothing(t *testing.T) {
	t.Parallel()
	peer, _ := overTCP(t, func(s *Session) {
		expect(t, s, "ls\n")
		if s.Negotiated() || s.Echoing() {
			t.Error("nc is taken for a telnet client")
		}
	})
	send(t, peer, "ls\n")
	expect(t, peer, greeting())
}

// Every option at once, WILL and DO, is more than any client asks for, and no
// reason to end: each is answered once.
func TestAPeerThatNegotiatesEverything(t *testing.T) {
	t.Parallel()
	peer, _ := overTCP(t, func(s *Session) { expect(t, s, "x") })
	var all strings.Builder
	for opt := range 256 {
		all.WriteString(will + string([]byte{byte(opt)}) + do + string([]byte{byte(opt)}))
	}
	send(t, peer, all.String()+"x")
	answers, err := io.ReadAll(peer)
	// Not answered are the seven agreements to our own questions; then there
	// are SGA, CHARSET and the timing mark, and two questions more.
	want := len(greeting()) + 3*(512-7) + len(sendType) + len(askUTF8)
	if err != nil || len(answers) != want {
		t.Errorf("%d bytes of answers (%v), want %d", len(answers), err, want)
	}
}

func TestReadTakesWhatIsThereAtOnce(t *testing.T) {
	t.Parallel()
	peer, _ := overPipe(t, func(s *Session) {
		s.LoggedIn()
		var block [64]byte
		if n, err := s.Read(block[:]); string(block[:n]) != "a\xffb" || err != nil {
			t.Errorf("%q, %v", block[:n], err)
		}
		if n, err := s.Read(block[:2]); n != 2 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		expect(t, s, "e")
	})
	expect(t, peer, greeting())
	send(t, peer, "a"+iac+iac+"b")
	send(t, peer, "cde")
}

func TestALoginIsBounded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     error
	}{
		{"a line", strings.Repeat("x", maxLine+1), ErrLineTooLong},
		{"all of it", strings.Repeat("name\r\n", maxLogin/6+1), ErrLoginTooLong},
		{"commands", strings.Repeat(iac+"\xf1", maxLogin/2+1), ErrLoginTooLong},
	} {
		peer, ended := overTCP(t, func(s *Session) {
			if _, err := io.Copy(io.Discard, s); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
			}
			<-s.Done()
			if !errors.Is(s.Err(), tc.want) {
				t.Errorf("%s: %v", tc.name, s.Err())
			}
		})
		send(t, peer, tc.in)
		if err := <-ended; !errors.Is(err, tc.want) {
			t.Errorf("%s: Serve returned %v, want %v", tc.name, err, tc.want)
		}
	}
}

// What is typed ahead of a login is not the login's.
func TestTypingAheadOfTheLogin(t *testing.T) {
	t.Parallel()
	ahead := strings.Repeat("y", 100_000)
	peer, ended := overTCP(t, func(s *Session) {
		expect(t, s, "alice\rsecret\r")
		s.LoggedIn()
		expect(t, s, ahead)
	})
	send(t, peer, "alice\r\x00secret\r\x00"+ahead)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	peer, ended := overPipe(t, func(s *Session) {
		if err := s.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Error(err)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
		if err := s.SetReadDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		expect(t, s, "x")
		if err := s.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Error(err)
		}
		if _, err := s.Write([]byte("late")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write: %v", err)
		}
		<-s.Done()
	})
	expect(t, peer, greeting())
	send(t, peer, "x")
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Serve returned %v", err)
	}
}

// go-telnet panics when 0xFF cannot be written.
func TestAWriteThatFailsIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	peer, ended := overPipe(t, func(s *Session) {
		expect(t, s, "x")
		_, err := s.Write(bytes.Repeat([]byte{0xff}, 100_000))
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write: %v", err)
		}
		if _, again := s.Read(make([]byte, 1)); !errors.Is(again, io.ErrClosedPipe) {
			t.Errorf("read after it: %v", again)
		}
		if _, again := s.Write([]byte("more")); !errors.Is(again, io.ErrClosedPipe) {
			t.Errorf("write after it: %v", again)
		}
	})
	expect(t, peer, greeting())
	send(t, peer, "x")
	_ = peer.Close()
	if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Serve returned %v", err)
	}
}

func TestCloseEndsReadAndWrite(t *testing.T) {
	t.Parallel()
	_, ended := overTCP(t, func(s *Session) {
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("read: %v", err)
			}
		})
		both.Go(func() {
			for {
				if _, err := s.Write(make([]byte, 1<<20)); err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("write: %v", err)
					}
					return
				}
			}
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		both.Wait()
		<-s.Done()
	})
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

// `echo ls | nc` ends what it sends, and waits for what comes.
func TestAPeerThatOnlyReadsOn(t *testing.T) {
	t.Parallel()
	peer, ended := overTCP(t, func(s *Session) {
		if all, err := io.ReadAll(s); string(all) != "ls\n" || err != nil {
			t.Errorf("%q, %v", all, err)
		}
		send(t, s, "the list")
	})
	send(t, peer, "ls\n")
	if err := peer.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	expect(t, peer, greeting()+"the list")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Unread input makes TCP throw away what was sent last, unless one waits.
func TestTheLastWordsArrive(t *testing.T) {
	t.Parallel()
	peer, _ := overTCP(t, func(s *Session) {
		s.LoggedIn()
		expect(t, s, "x")
		send(t, s, "goodbye")
	})
	send(t, peer, "x"+strings.Repeat("unread", 5000))
	if all, err := io.ReadAll(peer); string(all) != greeting()+"goodbye" || err != nil {
		t.Errorf("%q, %v", all, err)
	}
}

func TestAPanicEndsOneConnection(t *testing.T) {
	t.Parallel()
	peer, ended := overTCP(t, func(*Session) { panic("oh") })
	expect(t, peer, greeting())
	var panicked *PanicError
	if err := <-ended; !errors.As(err, &panicked) || panicked.Value != "oh" || !strings.Contains(err.Error(), "conn_test.go") {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the peer reads %v", err)
	}
}

func TestOptionsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	if err := Serve(ours, Options{ReplyTimeout: -1}, func(*Session) { t.Error("served") }); err == nil {
		t.Error("a negative time is taken")
	}
	if _, err := theirs.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the connection is still open: %v", err)
	}
}

// No answer gets into the middle of a write, however many come at once.
func TestAnswersGoBetweenWholeWrites(t *testing.T) {
	t.Parallel()
	whole := "<" + strings.Repeat("=", 40_000) + ">"
	peer, _ := overTCP(t, func(s *Session) {
		s.LoggedIn()
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := io.Copy(io.Discard, s); err != nil {
				t.Error(err)
			}
		})
		for range 50 {
			send(t, s, whole)
		}
		reading.Wait()
	})
	go func() {
		for range 200 {
			_, _ = io.WriteString(peer, do+markOpt) // what arrives is counted below
		}
		_ = peer.(*net.TCPConn).CloseWrite()
	}()
	all, err := io.ReadAll(peer)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(all), whole); n != 50 {
		t.Errorf("%d of 50 writes came whole", n)
	}
	if n := strings.Count(string(all), will+markOpt); n != 200 {
		t.Errorf("%d of 200 timing marks were answered", n)
	}
}
