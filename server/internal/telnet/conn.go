package telnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of one connection.
const (
	maxLogin   = 8 << 10 // bytes of any kind before login
	maxLine    = 1 << 10 // bytes of one line before login
	maxAnswers = 4 << 10 // bytes of answers in a second; then reading waits
	readSize   = 4 << 10 // bytes read at once
)

// What ends a connection that goes beyond them.
var (
	ErrLoginTooLong = errors.New("telnet: more than 8 KiB before login")
	ErrLineTooLong  = errors.New("telnet: a line of more than 1 KiB before login")
	ErrStalled      = errors.New("telnet: the peer does not read its answers")
)

// conn is the connection under go-telnet: what is read from it is data only,
// with 0xFF doubled, and its Write never fails. Everything read is read by one
// goroutine at a time; the codec lives there.
type conn struct {
	net.Conn
	sender

	codec   *codec
	out     output
	chunk   [readSize]byte
	unread  []byte    // data that nobody has taken yet
	wire    int       // bytes read from the peer
	line    int       // bytes of data since the last end of a line
	handed  int       // bytes of data given to go-telnet
	second  time.Time // when the second began in which answered counts
	answers int       // bytes of answers in it

	loggedIn, negotiated, echoing atomic.Bool
	events                        chan Terminal // of one: the newest
	told                          Terminal      // the last sent there

	failing sync.Mutex
	cause   error // why it ended; nil while it has not
	done    chan struct{}
}

func newConn(nc net.Conn, o Options) *conn {
	c := &conn{
		Conn:   nc,
		codec:  newCodec(),
		events: make(chan Terminal, 1),
		done:   make(chan struct{}),
	}
	c.sender = sender{nc: nc, patience: o.patience(), fail: c.fail}
	return c
}

// greet begins the negotiation.
func (c *conn) greet() error {
	if err := c.answer(c.codec.greeting(), false, false); err != nil {
		return err
	}
	return c.ended()
}

// Read gives data with 0xFF doubled, never half of a pair. Before login it ends
// after each line, so that nothing behind the line that logs in counts as
// coming before login.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.unread) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	early, n := !c.loggedIn.Load(), 0
	for len(c.unread) > 0 && n+2 <= len(p) { // go-telnet asks for 4 KiB
		b := c.unread[0]
		c.unread = c.unread[1:]
		p[n], n, c.handed = b, n+1, c.handed+1
		if b == cmdIAC {
			p[n], n = b, n+1
		}
		if !early {
			continue
		}
		if b == '\r' || b == '\n' {
			c.line = 0
			break
		}
		if c.line++; c.line > maxLine {
			return 0, c.fail(ErrLineTooLong)
		}
	}
	if n == 0 {
		return 0, io.ErrShortBuffer
	}
	return n, nil
}

// fill reads once from the peer and does what commands ask for. It may come
// back without data.
func (c *conn) fill() error {
	if err := c.slowDown(); err != nil {
		return err
	}
	n, err := c.Conn.Read(c.chunk[:])
	if n == 0 && err != nil {
		return c.readError(err)
	}
	if c.wire += n; c.wire > maxLogin && !c.loggedIn.Load() {
		return c.fail(ErrLoginTooLong)
	}
	c.out.data, c.out.replies, c.out.ayt = c.out.data[:0], c.out.replies[:0], false
	c.codec.feed(c.chunk[:n], &c.out)
	c.unread = c.out.data
	c.tell()
	c.answers += len(c.out.replies)
	return c.answer(c.out.replies, c.out.ayt, c.codec.binary())
}

// slowDown waits when the peer had enough answers for this second.
func (c *conn) slowDown() error {
	now := time.Now()
	left := time.Second - now.Sub(c.second)
	if left > 0 && c.answers < maxAnswers {
		return nil
	}
	if left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.done:
			return c.ended()
		}
	}
	c.second, c.answers = time.Now(), 0
	return nil
}

// readError is what a failed read means. A deadline and the end of what the
// peer sends (it may still read) leave the connection as it is.
func (c *conn) readError(err error) error {
	if cause := c.ended(); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF) {
		return err
	}
	return c.fail(fmt.Errorf("telnet: read from %v: %w", c.RemoteAddr(), err))
}

// tell passes on what the codec learned; of terminals only the newest.
func (c *conn) tell() {
	c.negotiated.Store(c.codec.negotiated)
	c.echoing.Store(c.codec.echoing())
	if c.codec.terminal == c.told {
		return
	}
	c.told = c.codec.terminal
	select {
	case <-c.events:
	default:
	}
	c.events <- c.told // there is room: only this goroutine sends
}

// fail ends the connection; the first reason stands, and is returned.
func (c *conn) fail(err error) error {
	c.failing.Lock()
	first := c.cause == nil
	if first {
		c.cause = err
		close(c.done)
	}
	err = c.cause
	c.failing.Unlock()
	if first {
		// Every write was seen to its end or failed: an error here says nothing
		// new. TLS may take its time, so nobody waits for the lock meanwhile.
		_ = c.Conn.Close()
	}
	return err
}

// ended is why the connection ended, nil while it has not.
func (c *conn) ended() error {
	c.failing.Lock()
	defer c.failing.Unlock()
	return c.cause
}

// Write takes what go-telnet escaped and never fails, because go-telnet panics
// then; what went wrong is what the next Read and the Session's Write return.
func (c *conn) Write(p []byte) (int, error) {
	c.gather(p)
	return len(p), nil
}

// Close ends the connection for everyone in it. What ended it before, if
// anything did, is ended's to say.
func (c *conn) Close() error {
	_ = c.fail(net.ErrClosed)
	return nil
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetWriteDeadline is the sender's, which has deadlines of its own.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.sender.setWriteDeadline(t) }
