package host

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// startTerminal is start in a terminal of its own.
func (p *localProcess) startTerminal(streams IO) error {
	want := streams.Pty.valid()
	outside, inside, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	defer func() { _ = inside.Close() }() // the program has its own copy
	p.cmd.Env = append(p.cmd.Env, "TERM="+want.Term)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = inside, inside, inside
	p.cmd.SysProcAttr.Setctty = true // it is the program's descriptor 0
	err = prepareTerminal(inside)
	if err == nil {
		err = setSize(outside, want.Width, want.Height)
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		_ = outside.Close() // nothing was written
		return err
	}
	p.pty = outside
	p.serveTerminal(streams)
	return nil
}

// serveTerminal starts the goroutines that copy and reap. The one that copies
// the output closes the terminal, which ends a blocked Write of the other.
func (p *localProcess) serveTerminal(streams IO) {
	out := &localOutput{r: p.pty, w: streams.Stdout, done: make(chan struct{})}
	if out.w == nil {
		out.w = io.Discard
	}
	p.outs = append(p.outs, out)
	go out.copy()
	if streams.Stdin != nil {
		go func() { _, _ = io.Copy(p.pty, streams.Stdin) }() // ends with the person or the terminal
	}
	go p.reap()
}

// Resize implements Process.
func (p *localProcess) Resize(width, height int) error {
	if p.pty == nil {
		return fmt.Errorf("resize at %s: %w", p.name, errNotTerminal)
	}
	select {
	case <-p.ended:
		return fmt.Errorf("resize at %s: %w", p.name, errGone)
	default:
	}
	if err := setSize(p.pty, width, height); err != nil {
		return fmt.Errorf("resize at %s: %w", p.name, err)
	}
	return nil
}

// openTerminal opens a terminal whose outside knows deadlines and ends a Read
// when it is closed. The library's own file does not: it is in blocking mode.
func openTerminal() (outside, inside *os.File, err error) {
	blocking, inside, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = blocking.Close() }() // outside is a copy
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		_ = inside.Close() // nothing was written
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), blocking.Name()), inside, nil
}

func setSize(f *os.File, width, height int) error {
	width, height = clampSize(width, height)
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := conn.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)})
	})
	return errors.Join(failed, err)
}
