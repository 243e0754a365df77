package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// lingerTime is how long a channel may be silent after the exit status came
// before it is closed: a process left in the background may hold it open for
// ever.
const lingerTime = 2 * time.Second

var (
	errNotStarted = errors.New("the target refused to run the command")
	errCut        = errors.New("the process was given up")
)

// The states of a start. Once the request is sent the command may run.
const (
	startOpening = iota
	startSent
	startGivenUp
)

// startError is a start that failed before anything ran.
type startError struct {
	stageError
	again     bool // the connection cannot be used: a new one may do
	elsewhere bool // the connection has no room for one more channel
}

// Error implements error.
func (e *startError) Error() string { return fmt.Sprintf("%s: %v", e.stage, e.err) }

// Unwrap returns the cause.
func (e *startError) Unwrap() error { return e.err }

// sshProcess is one command on one channel. Three goroutines serve it: stdout,
// stderr, and the channel's requests; the last to end finishes it. A fourth,
// which copies stdin, may outlive it when its reader blocks.
type sshProcess struct {
	host    *sshHost
	conn    *poolConn
	command string
	how     runAs
	gate    *sudoGate     // nil: no password is given to sudo
	note    *announcement // nil: the command announces nothing
	pty     *Pty          // nil: none
	stdin   io.Reader
	stdout  sshOutput
	stderr  sshOutput

	state  atomic.Int32
	result chan *startError // the outcome of the start; room for one
	ch     ssh.Channel

	parts    atomic.Int32 // goroutines that serve the channel
	done     chan struct{}
	given    chan struct{} // closed by cut
	giveUp   sync.Once
	exited   atomic.Bool // exit is set
	exit     Exit
	lost     error        // why there is no exit; valid once done is closed
	moved    atomic.Int64 // counts reads, to see whether there is still output
	linger   *time.Timer
	lastSeen int64 // moved at the last look; only used by linger
}

func newSSHProcess(h *sshHost, c *poolConn, command string, streams IO) *sshProcess {
	return &sshProcess{
		host: h, conn: c, command: command, pty: streams.Pty.valid(),
		stdin:  streams.Stdin,
		stdout: sshOutput{w: streams.Stdout},
		stderr: sshOutput{w: streams.Stderr},
		result: make(chan *startError, 1),
		done:   make(chan struct{}),
		given:  make(chan struct{}),
	}
}

// start opens the channel, within the connect time-out, and has the command
// run. The slot on the connection is given back by the process's goroutines,
// whatever happens.
func (p *sshProcess) start(ctx context.Context) *startError {
	go p.run()
	late := time.NewTimer(p.host.o.ConnectTimeout)
	defer late.Stop()
	select {
	case err := <-p.result:
		return err
	case <-late.C:
		if p.state.CompareAndSwap(startOpening, startGivenUp) {
			err := p.conn.unanswered(p.host.o.ConnectTimeout)
			return &startError{stageError: stageError{StageChannel, err}, again: true}
		}
	case <-ctx.Done():
	}
	return p.started(ctx)
}

// started waits for the answer of the target until ctx ends.
func (p *sshProcess) started(ctx context.Context) *startError {
	select {
	case err := <-p.result:
		return err
	case <-ctx.Done():
	}
	if p.state.CompareAndSwap(startOpening, startGivenUp) {
		return &startError{stageError: stageError{StageChannel, context.Cause(ctx)}}
	}
	select {
	case err := <-p.result:
		return err
	default:
		return nil
	}
}

// run opens the channel, starts the command, and then copies its stdout.
func (p *sshProcess) run() {
	ch, requests, err := p.conn.ssh.OpenChannel("session", nil)
	if err != nil {
		p.result <- p.notOpened(err)
		return
	}
	p.conn.opened()
	p.ch = ch
	p.parts.Store(2)
	defer p.part()
	go p.serve(requests)
	if !p.state.CompareAndSwap(startOpening, startSent) {
		_ = ch.Close() // fails only with the connection
		return
	}
	if refused := p.request(); refused != nil {
		p.lost = refused
		p.result <- &startError{stageError: stageError{StageStart, refused}}
		_ = ch.Close() // fails only with the connection
		return
	}
	p.result <- nil // with an error the command may have started: Wait tells
	p.copyInput()
	p.parts.Add(1)
	go p.copyErrors()
	p.copyOutput()
}

// request asks for the terminal, if there is one, and for the command. What
// only the connection's end kept from being answered is not refused.
func (p *sshProcess) request() error {
	if p.pty != nil {
		ok, err := p.ch.SendRequest("pty-req", true, ptyRequest(*p.pty))
		if err == nil && !ok {
			return errNoTerminal
		}
	}
	ok, err := p.ch.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{p.command}))
	if err == nil && !ok {
		return errNotStarted
	}
	return nil
}

// notOpened gives the slot back and says what the failed open means.
func (p *sshProcess) notOpened(err error) *startError {
	failed := &startError{stageError: stageError{StageChannel, err}}
	var refusal *ssh.OpenChannelError
	if !errors.As(err, &refusal) {
		failed.again = true
		failed.err = p.conn.broken()
		return failed
	}
	failed.err = fmt.Errorf("it refuses a session: %w", err)
	failed.again = p.conn.refused()
	failed.elsewhere = !failed.again
	return failed
}

// copyInput sends what there is to read, and then the end of it, which a
// terminal does not have.
func (p *sshProcess) copyInput() {
	if p.gate != nil {
		go p.copyBehindGate()
		return
	}
	if p.stdin == nil {
		p.endInput()
		return
	}
	go func() {
		buf := largeBuffers.Get().(*[]byte)
		defer largeBuffers.Put(buf)
		if _, err := io.CopyBuffer(p.ch, p.stdin, *buf); brokeOff(err) {
			return // the command is being killed
		}
		p.endInput()
	}()
}

// copyBehindGate copies once sudo has let the command in. Where it does not, the
// end of the input ends sudo, or, with a terminal, the end of that.
func (p *sshProcess) copyBehindGate() {
	if !p.gate.pass(p.ch, p.done) {
		_ = p.ch.CloseWrite() // these fail only with the channel
		if p.pty != nil {
			_ = p.ch.Close()
		}
		return
	}
	if p.stdin != nil {
		if _, err := io.Copy(p.ch, p.stdin); brokeOff(err) {
			return // the command is being killed
		}
	}
	p.endInput()
}

func (p *sshProcess) endInput() {
	if p.pty == nil {
		_ = p.ch.CloseWrite() // fails only with the channel
	}
}

// copyOutput copies stdout, where a terminal has the announcement.
func (p *sshProcess) copyOutput() {
	if p.pty != nil {
		p.copyOurs(&p.stdout, p.ch)
		return
	}
	p.stdout.copy(p.ch, &p.moved)
}

// copyErrors copies stderr, where the announcement is without a terminal.
func (p *sshProcess) copyErrors() {
	defer p.part()
	if p.pty != nil {
		p.stderr.copy(p.ch.Stderr(), &p.moved)
		return
	}
	p.copyOurs(&p.stderr, p.ch.Stderr())
}

// copyOurs copies a stream without what is in it for us.
func (p *sshProcess) copyOurs(to *sshOutput, from io.Reader) {
	out := sshOutput{w: to}
	if p.gate != nil {
		out.w = p.gate.writer(to)
		defer p.gate.end()
	}
	if p.note != nil {
		out.w = p.note.writer(out.w)
		defer func() { _ = p.note.end() }() // what fails to be written stays unwritten, as all output
	}
	out.copy(from, &p.moved)
}

// serve reads the channel's requests until the channel is closed: RFC 4254
// section 6.10.
func (p *sshProcess) serve(requests <-chan *ssh.Request) {
	defer p.part()
	for r := range requests {
		if exit, ok := parseExit(r); ok && !p.exited.Load() {
			p.exit = exit
			p.exited.Store(true)
			p.lastSeen = p.moved.Load()
			p.linger = time.AfterFunc(time.Hour, p.look)
			p.linger.Reset(lingerTime) // look uses p.linger
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // fails only with the connection
		}
	}
}

// part ends one of the goroutines; the last one ends the process.
func (p *sshProcess) part() {
	if p.parts.Add(-1) > 0 {
		return
	}
	if p.linger != nil {
		p.linger.Stop()
	}
	if !p.exited.Load() && p.lost == nil && p.state.Load() == startSent {
		p.lost = p.conn.cause()
	}
	close(p.done)
	p.conn.finished()
}

// look closes the channel when nothing came since the last look. What the
// target sent before it answers the ping has arrived by then.
func (p *sshProcess) look() {
	seen := p.moved.Load()
	quiet := seen == p.lastSeen && !p.stdout.writing.Load() && !p.stderr.writing.Load()
	p.lastSeen = seen
	if quiet && p.conn.ping() == nil && p.moved.Load() == seen {
		p.cut()
		return
	}
	select {
	case <-p.done:
	default:
		p.linger.Reset(lingerTime)
	}
}

// cut gives the process up: Wait returns, nothing more is written, and the
// channel is closed. Its slot is free again when the target agrees.
func (p *sshProcess) cut() {
	p.giveUp.Do(func() {
		close(p.given)
		_ = p.ch.Close() // fails only with the connection
	})
}

// Wait implements Process. It also returns when the process was given up: its
// exit status came and a background process holds the channel open without
// writing anything, or a Kill could not be confirmed.
func (p *sshProcess) Wait() (Exit, error) {
	select {
	case <-p.done:
	case <-p.given:
		p.stdout.cut()
		p.stderr.cut()
	}
	if p.gate != nil {
		if why := p.gate.refusal(p.exited.Load()); why != nil {
			return Exit{}, p.host.dialError(&stageError{StageSudo, why})
		}
	}
	if p.exited.Load() {
		return p.exit, nil
	}
	err := errCut
	select {
	case <-p.done:
		err = p.lost
	default:
	}
	return Exit{}, &LostError{Host: p.host.name, Err: err}
}

// signals are the numbers of those that RFC 4254 section 6.10 names, and of
// some that OpenSSH sends too.
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
	"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "SYS": 31,
}

// parseExit reads an exit-status or exit-signal request.
func parseExit(r *ssh.Request) (Exit, bool) {
	switch r.Type {
	case "exit-status":
		if len(r.Payload) < 4 {
			return Exit{}, false
		}
		// A process exits with a byte. A larger one, which would count as another
		// code or as success where it is cut to a byte, stays a failure.
		return Exit{Code: int(min(binary.BigEndian.Uint32(r.Payload), 255))}, true
	case "exit-signal":
		var m struct {
			Signal     string
			CoreDumped bool
			Message    string
			Language   string
		}
		if ssh.Unmarshal(r.Payload, &m) != nil {
			return Exit{}, false
		}
		n, ok := signals[m.Signal]
		if !ok { // a name of the target's own is not passed on
			return Exit{Code: 128, Signal: "UNKNOWN"}, true
		}
		return Exit{Code: 128 + n, Signal: m.Signal}, true
	}
	return Exit{}, false
}
