package telnet

import (
	"io"
	"net"
	"time"
)

// Session is one peer, as its handler sees it. Read belongs to one goroutine;
// everything else may be called from any.
//
// The peer's commands are understood while somebody reads: size, type and
// answers come, and its end is noticed, only then.
type Session struct {
	conn   *conn
	reader io.Reader // go-telnet's
	writer io.Writer
	taken  int // bytes of data that Read gave
}

// Read reads what the peer typed: at least one byte, and no more than is there.
// It returns io.EOF when the peer sends no more, os.ErrDeadlineExceeded when a
// read deadline passed (reading may go on), net.ErrClosed after Close, and
// otherwise what ended the connection, a failed write included.
func (s *Session) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	// go-telnet waits until p is full, so it is asked for one byte, and then
	// for those which it must have in its buffer.
	n, err := s.reader.Read(p[:1])
	if rest := min(len(p)-n, s.conn.handed-s.taken-n); n > 0 && err == nil && rest > 0 {
		var more int
		more, err = s.reader.Read(p[1 : 1+rest])
		n += more
	}
	s.taken += n
	return n, err
}

// Write sends p whole: no answer to the peer gets into the middle of it. A new
// line is "\r\n". It waits as long as the peer does not read, unless a write
// deadline is set; an error, also of the deadline, ends the connection.
func (s *Session) Write(p []byte) (int, error) { return s.conn.write(p, s.writer) }

// Events gives what is known of the peer's terminal when it changes. A value
// that nobody took is replaced by the newer one. It is never closed; see Done.
func (s *Session) Events() <-chan Terminal { return s.conn.events }

// Negotiated reports whether the peer has sent any telnet command. One that has
// not (nc) sends whole lines and echoes by itself.
func (s *Session) Negotiated() bool { return s.conn.negotiated.Load() }

// Echoing reports whether the peer agreed that this side echoes what it types.
// Without that it shows it by itself, passwords too.
func (s *Session) Echoing() bool { return s.conn.echoing.Load() }

// LoggedIn lifts the limits on what a stranger may send: 8 KiB in all, 1 KiB a
// line.
func (s *Session) LoggedIn() { s.conn.loggedIn.Store(true) }

// Done is closed when the connection failed or was closed. That the peer sends
// no more is only Read's io.EOF: it may still read.
func (s *Session) Done() <-chan struct{} { return s.conn.done }

// Err is why Done is closed: net.ErrClosed after Close, nil while it is open.
func (s *Session) Err() error { return s.conn.ended() }

// Close ends the connection at once; Read and Write return.
func (s *Session) Close() error { return s.conn.Close() }

// SetReadDeadline sets until when Read waits; the zero time is for ever.
func (s *Session) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// SetWriteDeadline sets until when Write waits; the zero time is for ever.
func (s *Session) SetWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

// RemoteAddr is the peer's address, as the connection given to Serve has it.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }
