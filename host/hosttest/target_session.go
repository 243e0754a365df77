package hosttest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// targetSession is one session channel of a Target: at most one command.
type targetSession struct {
	target *Target
	ch     ssh.Channel
	wg     sync.WaitGroup // its command and its streams
	used   bool
	pipes  targetPipes
	pty    *os.File // the command's terminal, from outside; nil: none
	inside *os.File // the command's end of it, until the command has it
	term   string
}

// serve answers the channel's requests until it is closed, and then waits for
// the command, which goes on without anyone who reads its output.
func (s *targetSession) serve(requests <-chan *ssh.Request) {
	for r := range requests {
		ok := s.request(r)
		if r.WantReply {
			_ = r.Reply(ok, nil) // fails only with the connection
		}
	}
	s.pipes.closeOurs()
	s.closeTerminal()
	s.wg.Wait()
}

// request does what a request asks for and tells whether it did.
func (s *targetSession) request(r *ssh.Request) bool {
	switch {
	case r.Type == "exec" && !s.used:
		var m struct{ Command string }
		if ssh.Unmarshal(r.Payload, &m) != nil {
			return false
		}
		s.used = true
		return s.exec(m.Command)
	case r.Type == "pty-req" && !s.used && s.pty == nil:
		return s.openTerminal(r.Payload)
	case r.Type == "window-change" && s.pty != nil:
		return s.resize(r.Payload)
	}
	return false
}

// exec starts a command and tells whether it runs.
func (s *targetSession) exec(command string) bool {
	c := exec.Command("/bin/sh", "-c", command)
	c.Dir, c.Env = s.target.o.Home, s.target.env
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.pty != nil {
		return s.execInTerminal(c)
	}
	pipes, err := connect(c)
	if err == nil {
		err = s.target.spawn(c)
	}
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		s.target.log.Warn("start a command", "err", err)
		return false
	}
	s.pipes = pipes
	s.wg.Go(func() { s.run(c, pipes) })
	return true
}

// run carries a command's streams and reports its end, as sshd does: the
// status when it ends, the channel's end when its output has ended.
func (s *targetSession) run(c *exec.Cmd, pipes targetPipes) {
	defer s.target.recovered()
	go func() { // ends with the channel or the command, whose exit closes the pipe
		_, _ = io.Copy(pipes.in, s.ch)
		_ = pipes.in.Close() // the end of the input
	}()
	var output sync.WaitGroup
	output.Go(func() { drain(s.ch, pipes.out) })
	output.Go(func() { drain(s.ch.Stderr(), pipes.err) })
	err := c.Wait()
	s.target.reaped(c.Process.Pid)
	s.report(c.ProcessState, err)
	output.Wait()
	_ = s.ch.CloseWrite() // these fail only with the channel
	_ = s.ch.Close()
	_ = pipes.in.Close()
}

// drain copies until either side ends. Closing the pipe then lets the command
// see that nobody reads any more.
func drain(to io.Writer, from *os.File) {
	_, _ = io.Copy(to, from) // the peer may be gone: the command goes on
	_ = from.Close()
}

// report sends how the command ended: RFC 4254 section 6.10.
func (s *targetSession) report(state *os.ProcessState, err error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.target.log.Warn("wait for a command", "err", err)
		return // no status: the client must not take it for success
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		_, err = s.ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal   string
			Core     bool
			Message  string
			Language string
		}{signalName(status.Signal()), status.CoreDump(), "", ""}))
	} else {
		_, err = s.ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status.ExitStatus())}))
	}
	if err != nil {
		s.target.log.Debug("nobody waits for the exit status", "err", err)
	}
}

// signalName is a signal as RFC 4254 section 6.10 names it.
func signalName(s syscall.Signal) string {
	for name, number := range map[string]syscall.Signal{
		"ABRT": syscall.SIGABRT, "ALRM": syscall.SIGALRM, "FPE": syscall.SIGFPE, "HUP": syscall.SIGHUP,
		"ILL": syscall.SIGILL, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "PIPE": syscall.SIGPIPE,
		"QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	} {
		if number == s {
			return name
		}
	}
	return "SIG" + s.String() + "@deployerd"
}

// targetPipes are the ends of a command's streams. The command's own ends are
// plain files, so that waiting for it does not wait for its streams.
type targetPipes struct {
	in, out, err *os.File
	theirs       []*os.File
}

func connect(c *exec.Cmd) (targetPipes, error) {
	var p targetPipes
	inR, inW, err1 := os.Pipe()
	outR, outW, err2 := os.Pipe()
	errR, errW, err3 := os.Pipe()
	p.in, p.out, p.err = inW, outR, errR
	p.theirs = []*os.File{inR, outW, errW}
	if err := errors.Join(err1, err2, err3); err != nil {
		return p, err
	}
	c.Stdin, c.Stdout, c.Stderr = inR, outW, errW
	return p, nil
}

// closeTheirs closes the command's ends in this process.
func (p targetPipes) closeTheirs() {
	for _, f := range p.theirs {
		_ = f.Close() // ours is a copy
	}
}

// closeOurs closes our ends; it may be called again.
func (p targetPipes) closeOurs() {
	for _, f := range []*os.File{p.in, p.out, p.err} {
		_ = f.Close() // nil, open, or closed already
	}
}
