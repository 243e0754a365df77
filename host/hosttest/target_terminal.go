package hosttest

import (
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// openTerminal serves a request for a terminal: RFC 4254 section 6.2. Its modes
// are not looked at.
func (s *targetSession) openTerminal(payload []byte) bool {
	var m struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if ssh.Unmarshal(payload, &m) != nil {
		return false
	}
	if err := s.makeTerminal(); err != nil {
		s.target.log.Warn("open a terminal", "err", err)
		return false
	}
	s.term = m.Term
	return s.setSize(m.Columns, m.Rows)
}

// makeTerminal opens a terminal whose outside ends a Read when it is closed.
// The library's own file does not: it is in blocking mode.
func (s *targetSession) makeTerminal() error {
	blocking, inside, err := pty.Open()
	if err != nil {
		return err
	}
	defer func() { _ = blocking.Close() }() // s.pty is a copy
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = inside.Close() // nothing was written
		return err
	}
	s.pty, s.inside = os.NewFile(uintptr(fd), blocking.Name()), inside
	return nil
}

// resize serves a change of the window: RFC 4254 section 6.7.
func (s *targetSession) resize(payload []byte) bool {
	var m struct{ Columns, Rows, Width, Height uint32 }
	return ssh.Unmarshal(payload, &m) == nil && s.setSize(m.Columns, m.Rows)
}

func (s *targetSession) setSize(columns, rows uint32) bool {
	size := &unix.Winsize{Col: uint16(min(columns, 1<<16-1)), Row: uint16(min(rows, 1<<16-1))}
	conn, err := s.pty.SyscallConn()
	if err != nil {
		return false
	}
	failed := conn.Control(func(fd uintptr) { err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	return failed == nil && err == nil
}

// execInTerminal starts a command in the terminal.
func (s *targetSession) execInTerminal(c *exec.Cmd) bool {
	c.Env = append(slices.Clone(c.Env), "TERM="+s.term)
	c.Stdin, c.Stdout, c.Stderr = s.inside, s.inside, s.inside
	c.SysProcAttr.Setctty = true // it is the command's descriptor 0
	err := s.target.spawn(c)
	_ = s.inside.Close() // the command has its own
	s.inside = nil
	if err != nil {
		s.target.log.Warn("start a command in a terminal", "err", err)
		return false
	}
	s.wg.Go(func() { s.runInTerminal(c) })
	return true
}

// runInTerminal carries the terminal's bytes and reports the command's end.
func (s *targetSession) runInTerminal(c *exec.Cmd) {
	defer s.target.recovered()
	go func() { _, _ = io.Copy(s.pty, s.ch) }() // ends with the channel or the terminal
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		drain(s.ch, s.pty)
	}()
	err := c.Wait()
	s.target.reaped(c.Process.Pid)
	s.report(c.ProcessState, err)
	<-drained
	_ = s.ch.CloseWrite() // these fail only with the channel
	_ = s.ch.Close()
}

// closeTerminal hangs up. It may be called when there is no terminal.
func (s *targetSession) closeTerminal() {
	for _, f := range []*os.File{s.pty, s.inside} {
		if f != nil {
			_ = f.Close() // open, or closed already
		}
	}
}
