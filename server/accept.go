package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// accept takes connections in until the listener is closed; open makes of each
// what serves it.
func (s *Server) accept(l net.Listener, open func(net.Conn) connection) error {
	var pause time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(nc, open)
		case ended(s.refused):
			return nil
		case passing(err):
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accept", "remote", l.Addr().String(), "err", err)
			s.rest(pause)
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
}

// passing says whether accepting can work again later: descriptors or memory
// are short, or the connection went away before it was taken.
func passing(err error) bool {
	for _, e := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.refused:
	}
}

// admit starts a connection's goroutine, or closes the connection at once.
func (s *Server) admit(nc net.Conn, open func(net.Conn) connection) {
	if !s.admission.begin() {
		s.log.Debug("too many connections that are not logged in", "remote", nc.RemoteAddr().String())
		turnAway(nc)
		return
	}
	c := open(nc)
	if !s.keep(c) {
		s.admission.done()
		_ = nc.Close() // the server is stopping: there is nobody to tell
		return
	}
	go c.run()
}

// turnAway closes a connection with one line, which RFC 4253 section 4.2 allows
// before the version; a telnet client shows it.
func turnAway(nc net.Conn) {
	// A fresh socket takes a line at once; the deadline is for one that does not.
	_ = nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, _ = nc.Write([]byte("deployerd: too many connections, try again later\r\n"))
	_ = nc.Close()
}
