package telnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	gotelnet "github.com/reiver/go-telnet"
)

// Options are the settings of one connection. The zero value is good.
type Options struct {
	// ReplyTimeout is how long the peer may take to read an answer to one of
	// its telnet commands; 0 is 10 seconds. After it the connection ends.
	ReplyTimeout time.Duration
}

// Validate reports what cannot be meant.
func (o Options) Validate() error {
	if o.ReplyTimeout < 0 {
		return fmt.Errorf("telnet: ReplyTimeout is negative (%v)", o.ReplyTimeout)
	}
	return nil
}

func (o Options) patience() time.Duration {
	if o.ReplyTimeout == 0 {
		return patience
	}
	return o.ReplyTimeout
}

// PanicError is a panic of a handler: it ends its connection and nothing else.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("telnet: the handler panicked: %v\n%s", e.Value, e.Stack)
}

// Serve speaks telnet on nc with handler, and returns when handler has. It owns
// nc and closes it in every case. The error is what ended the connection: nil
// after the peer's orderly end, Close or the handler's return, a *PanicError
// after its panic.
//
// Give the TCP connection itself, or a wrapper with a method NetConn() net.Conn
// that leads to it: urgent data must stay in line. TLS must be shaken hands for
// before.
func Serve(nc net.Conn, o Options, handler func(*Session)) error {
	err := o.Validate()
	if err == nil {
		err = keepUrgent(nc)
	}
	if err != nil {
		return errors.Join(err, nc.Close())
	}
	v := &visit{conn: newConn(nc, o), handler: handler, ended: make(chan struct{})}
	if err := v.conn.greet(); err != nil {
		return err
	}
	if err := gotelnet.Serve(v, v); !errors.Is(err, errOneShot) {
		return errors.Join(fmt.Errorf("telnet: serve %v: %w", nc.RemoteAddr(), err), v.conn.Close())
	}
	return v.err
}

// errOneShot ends go-telnet's loop.
var errOneShot = errors.New("telnet: there is only one connection")

// visit is go-telnet's listener, which has one connection, and the handler of
// that.
type visit struct {
	conn     *conn
	handler  func(*Session)
	accepted bool
	ended    chan struct{} // closed when handler is done
	err      error         // then: what Serve returns
}

// Accept gives the connection, and then waits until its handler is done.
func (v *visit) Accept() (net.Conn, error) {
	if !v.accepted {
		v.accepted = true
		return v.conn, nil
	}
	<-v.ended
	return nil, errOneShot
}

// Close closes nothing: there is no port.
func (v *visit) Close() error { return nil }

// Addr is the address the peer came to.
func (v *visit) Addr() net.Addr { return v.conn.LocalAddr() }

// ServeTELNET runs the handler between go-telnet's reader and writer.
func (v *visit) ServeTELNET(_ gotelnet.Context, w gotelnet.Writer, r gotelnet.Reader) {
	defer close(v.ended)
	defer v.conclude()
	v.handler(&Session{conn: v.conn, reader: r, writer: w})
	v.conn.linger()
}

// conclude closes the connection and says how it went. go-telnet would only
// log a panic.
func (v *visit) conclude() {
	value := recover()
	switch err := v.conn.fail(net.ErrClosed); {
	case value != nil:
		v.err = &PanicError{Value: value, Stack: debug.Stack()}
	case err != net.ErrClosed:
		v.err = err
	}
}

// lingerTime and lingerBytes bound what is thrown away of a peer's last input.
const (
	lingerTime  = time.Second
	lingerBytes = 64 << 10
)

// linger lets the peer read the last words: a TCP connection that is closed
// while input is unread is reset, and what was sent is lost.
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || c.ended() != nil {
		return
	}
	// What fails here ends the wait; the connection is closed next anyway.
	if half.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
}
