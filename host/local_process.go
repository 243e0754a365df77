package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// backgroundOutput is how long what a process leaves in the background may
// still write to its output.
const backgroundOutput = 2 * time.Second

// localProcess is a process of this machine.
type localProcess struct {
	name  string // of the host
	cmd   *exec.Cmd
	sudo  bool
	stdin *os.File // nil: none
	pty   *os.File // the terminal, from outside; nil: none. Its localOutput closes it
	outs  []*localOutput

	ended chan struct{} // closed when the shell was reaped; err and gone are set
	err   error         // of waiting for it
	gone  bool          // nothing was left of its group then
}

// start starts the program and the goroutines that copy and reap. Wait waits
// for all of them but the one that reads the caller's stdin.
func (p *localProcess) start(streams IO) error {
	var ends []*os.File // the program's
	fail := func(err error) error {
		p.closePipes(ends)
		return err
	}
	if streams.Stdin != nil {
		r, w, err := os.Pipe()
		if err != nil {
			return fail(err)
		}
		p.stdin, p.cmd.Stdin, ends = w, r, append(ends, r)
	}
	stdout, err := p.output(streams.Stdout, &ends)
	if err != nil {
		return fail(err)
	}
	stderr, err := p.output(streams.Stderr, &ends)
	if err != nil {
		return fail(err)
	}
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	if stderr != nil {
		p.cmd.Stderr = stderr
	}
	if err := p.cmd.Start(); err != nil {
		return fail(err)
	}
	for _, f := range ends {
		_ = f.Close() // the program has its own copy
	}
	p.copy(streams.Stdin)
	return nil
}

// output makes the pipe to w and returns the program's end, nil without w.
func (p *localProcess) output(w io.Writer, ends *[]*os.File) (*os.File, error) {
	if w == nil {
		return nil, nil
	}
	r, end, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.outs = append(p.outs, &localOutput{r: r, w: w, done: make(chan struct{})})
	*ends = append(*ends, end)
	return end, nil
}

func (p *localProcess) closePipes(ends []*os.File) {
	for _, out := range p.outs {
		ends = append(ends, out.r)
	}
	if p.stdin != nil {
		ends = append(ends, p.stdin)
	}
	for _, f := range ends {
		_ = f.Close() // nothing was written
	}
}

func (p *localProcess) copy(stdin io.Reader) {
	for _, out := range p.outs {
		go out.copy()
	}
	if p.stdin != nil {
		go func() {
			if _, err := io.Copy(p.stdin, stdin); brokeOff(err) {
				return // it is being killed; reap closes the pipe
			}
			_ = p.stdin.Close() // or reap closed it
		}()
	}
	go p.reap()
}

func (p *localProcess) reap() {
	p.err = p.cmd.Wait()
	p.gone = errors.Is(p.signal(0), syscall.ESRCH)
	close(p.ended)
	if p.stdin != nil {
		_ = p.stdin.Close() // a Write to it ends
	}
}

// Wait implements Process.
func (p *localProcess) Wait() (Exit, error) {
	<-p.ended
	for _, out := range p.outs {
		out.finish()
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		return Exit{}, &LostError{Host: p.name, Err: p.err}
	}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		name := strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
		return Exit{Code: 128 + int(status.Signal()), Signal: name}, nil
	}
	return Exit{Code: p.cmd.ProcessState.ExitCode()}, nil
}

// signal signals the whole group; 0 only asks whether there is one.
func (p *localProcess) signal(s syscall.Signal) error {
	return syscall.Kill(-p.cmd.Process.Pid, s)
}

// Kill implements Process. It signals the group itself and leaves to a shell
// what is beyond that: what runs as another user by sudo, and zombies.
func (p *localProcess) Kill(ctx context.Context) error {
	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	if p.pty != nil { // an interactive shell ignores TERM
		signals = append([]syscall.Signal{syscall.SIGHUP}, signals...)
	}
	for _, s := range signals {
		if p.isGone() {
			return nil
		}
		switch err := p.signal(s); {
		case errors.Is(err, syscall.ESRCH):
			return nil
		case err != nil:
			return p.killByShell(ctx)
		}
		if gone, err := p.poll(ctx); gone || err != nil {
			return err
		}
	}
	return p.killByShell(ctx)
}

// isGone is true once the group is known to be gone, so that a later one with
// the same id is never signalled.
func (p *localProcess) isGone() bool {
	select {
	case <-p.ended:
		return p.gone
	default:
		return false
	}
}

// poll waits for two seconds at most for the group's end.
func (p *localProcess) poll(ctx context.Context) (gone bool, err error) {
	for wait := 5 * time.Millisecond; wait < 2*time.Second; wait *= 2 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false, fmt.Errorf("kill process group %d: %w", p.cmd.Process.Pid, context.Cause(ctx))
		}
		if p.isGone() || errors.Is(p.signal(0), syscall.ESRCH) {
			return true, nil
		}
	}
	return false, nil
}

func (p *localProcess) killByShell(ctx context.Context) error {
	script := killScript(p.cmd.Process.Pid, p.sudo)
	if p.pty != nil {
		script = hangUpScript(p.cmd.Process.Pid, p.sudo)
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kill process group %d: its end is not confirmed: %w", p.cmd.Process.Pid, err)
	}
	return nil
}

// localOutput copies one of a process's outputs.
type localOutput struct {
	r    *os.File
	w    io.Writer
	done chan struct{}
}

// copy copies until the end of the output, or until finish lost its patience.
// When w fails the rest is read and dropped, so that the process can go on.
func (o *localOutput) copy() {
	defer close(o.done)
	defer func() { _ = o.r.Close() }()
	buf := make([]byte, 32<<10)
	var failed error
	write := func(n int) {
		if n > 0 && failed == nil {
			_, failed = o.w.Write(buf[:n])
		}
	}
	for {
		n, err := o.r.Read(buf)
		write(n)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			o.rest(buf, write)
			return
		}
		if err != nil {
			return
		}
	}
}

// rest copies what is in the pipe and does not wait for more: the writer may
// have blocked past the deadline while there was output of the process itself.
func (o *localOutput) rest(buf []byte, write func(n int)) {
	const pipeSize = 64 << 10 // see pipe(7)
	conn, err := o.r.SyscallConn()
	if err != nil || o.r.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for total := 0; total < pipeSize; {
		n := 0
		err := conn.Read(func(fd uintptr) bool {
			n, _ = unix.Read(int(fd), buf)
			return true
		})
		if err != nil || n <= 0 {
			return
		}
		write(n)
		total += n
	}
}

// finish waits for the end of the output, which others than the process may
// hold open.
func (o *localOutput) finish() {
	_ = o.r.SetReadDeadline(time.Now().Add(backgroundOutput)) // closed: done
	<-o.done
}
