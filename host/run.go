package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// killGrace is the time that a target has to end a process group and to
	// confirm it.
	killGrace = 10 * time.Second
	// endGrace is the time after a kill until a process must be waited for no
	// longer.
	endGrace = 2 * time.Second
)

// errTimeUp is the cause of a context that a time-out has ended.
var errTimeUp = errors.New("its time is up")

// Run runs a command on every host at once, as the limiter allows, and returns
// a result per host in order. The error is that of Before, or unless
// o.NoCheck a *CallError when any result is not OK. When ctx ends, running
// commands are killed (their process groups) and the rest is skipped.
// In a sandbox context commands that are not ReadOnly are only checked.
// Without hosts nothing is asked and nothing happens.
//
// After a kill Run waits 10 s for the target to confirm it, and 2 s more for
// the process to end. Then it gives up: the result says that the end is not
// confirmed, and the goroutine that waits for the process ends when whoever
// owns the connection (the Pool) closes it.
func (g *Group) Run(ctx context.Context, command string, o RunOptions) ([]Result, error) {
	if err := o.check(len(g.hosts)); err != nil {
		return nil, err
	}
	if len(g.hosts) == 0 {
		return nil, nil
	}
	c, err := g.newCalling(command, o)
	if err != nil {
		return nil, err
	}
	return c.perform(ctx)
}

// perform asks the hooks and does the call on every host.
func (c *calling) perform(ctx context.Context) ([]Result, error) {
	g := c.group
	if err := g.hooks.Before(ctx, c.call); err != nil {
		return nil, err
	}
	if g.batches != nil {
		c.batches = g.batches(ctx, g.names, !c.options.NoCheck)
	}
	c.batches.Each(ctx, g.limiter, len(g.hosts), c.run, c.skip)
	g.hooks.After(c.call, c.results)
	if c.options.NoCheck {
		return c.results, nil
	}
	return c.results, check(c.results)
}

// check returns a *CallError when any result is not OK.
func check(results []Result) error {
	for _, r := range results {
		if !r.OK {
			return &CallError{Results: results}
		}
	}
	return nil
}

// calling is a call that is being run.
type calling struct {
	group   *Group
	options RunOptions
	call    Call
	line    Line // the same for all hosts
	timeout time.Duration
	results []Result
	batches *Batches
	// talk does an operation on files on the i-th host and sets what became of
	// it; nil: it is a command.
	talk func(ctx context.Context, i int, r *Result)
}

func (g *Group) newCalling(command string, o RunOptions) (*calling, error) {
	c := g.context
	if o.Sudo {
		c = c.Sudo(o.User)
	}
	call := Call{
		Command: command, Hosts: g.names, Sudo: c.sudo, User: c.user,
		ReadOnly: o.ReadOnly, Sandbox: c.sandbox, Quiet: o.Quiet,
	}
	if o.ReadOnly {
		c.sandbox = false
	}
	if c.sandbox && !o.login {
		o.Terminal = nil
	}
	var line Line
	var err error
	switch {
	case !o.login:
		line, o, err = c.lineWithSecrets(command, o)
	case len(c.secrets) > 0:
		err = errors.New("a secret variable and a terminal together are not in this version")
	default:
		line, err = c.LoginShell()
	}
	if err != nil {
		return nil, fmt.Errorf("run on %d hosts: %w", len(g.hosts), err)
	}
	return &calling{
		group: g, options: o, call: call, line: line,
		timeout: smallest(o.Timeout, g.timeout), results: make([]Result, len(g.hosts)),
	}, nil
}

// smallest is the smaller of two time-outs of which 0 is none.
func smallest(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

func (c *calling) skip(i int, why error) {
	c.ended(i, Result{Host: c.group.names[i], Command: c.call.Command, Skipped: true, Err: why})
}

// ended keeps a host's result and tells of it.
func (c *calling) ended(i int, r Result) {
	c.results[i] = r
	if c.batches != nil && c.batches.Ended != nil {
		c.batches.Ended(i, r)
	}
	c.group.hooks.Finished(c.call, r)
}

// run does the call on the i-th host.
func (c *calling) run(ctx context.Context, i int) {
	h, name := c.group.hosts[i], c.group.names[i]
	c.group.hooks.Started(c.call, name)
	begin := time.Now()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTimeUp)
		defer cancel()
	}
	stdout, stderr := c.capture(name, Stdout), c.capture(name, Stderr)
	r := Result{Host: name, Command: c.call.Command}
	if c.talk != nil {
		c.talk(ctx, i, &r)
	} else {
		r.Exit, r.Err = c.process(ctx, h, stdout, stderr)
	}
	exit, err := r.Exit, r.Err
	r.Duration = time.Since(begin)
	var cutOut, cutErr bool
	r.Stdout, cutOut = stdout.close()
	r.Stderr, cutErr = stderr.close()
	r.Truncated = !c.options.Stream && (cutOut || cutErr)
	r.OK = err == nil && exit.Code == 0
	if err == nil && !r.OK {
		r.Err = &ExitError{Host: name, Command: c.call.Command, Exit: exit, Tail: tail(stdout, stderr)}
	}
	c.ended(i, r)
}

func (c *calling) capture(name string, stream Stream) *capture {
	out := &capture{host: name, stream: stream, limit: KeepLimit}
	if c.options.Stream {
		out.limit = 0
	}
	switch {
	case c.options.Terminal != nil:
		out.screen = c.options.Terminal.Output
	case !c.options.Quiet:
		out.hooks = c.group.hooks
	}
	return out
}

func tail(stdout, stderr *capture) []byte {
	if text := stderr.lastLines(); len(text) > 0 {
		return text
	}
	return stdout.lastLines()
}

// ending is what Wait returned.
type ending struct {
	exit Exit
	err  error
}

// process runs the line on h until it ends, or ctx or its input does.
func (c *calling) process(ctx context.Context, h Host, stdout, stderr *capture) (Exit, error) {
	streams := IO{Stdout: stdout, Stderr: stderr}
	if c.options.InputAll != nil {
		streams.Stdin = bytes.NewReader(c.options.InputAll)
	}
	if t := c.options.Terminal; t != nil {
		streams.Pty, streams.Stdin = &t.Pty, t.Input
		if len(t.First) > 0 && t.Input != nil {
			streams.Stdin = io.MultiReader(bytes.NewReader(t.First), t.Input)
		} else if len(t.First) > 0 {
			streams.Stdin = bytes.NewReader(t.First)
		}
		defer t.close()
	}
	if c.options.Input == nil {
		return c.processWith(ctx, h, streams)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := &input{r: c.options.Input, host: h.Name(), cancel: cancel}
	streams.Stdin = in
	exit, err := c.processWith(ctx, h, streams)
	if failed := in.failed.Load(); failed != nil && err == nil {
		return exit, failed // it ended before it could be killed
	}
	return exit, err
}

// processWith runs the line on h until it ends or ctx does.
func (c *calling) processWith(ctx context.Context, h Host, streams IO) (Exit, error) {
	p, err := h.Start(ctx, c.line, streams)
	if err != nil {
		if ctx.Err() != nil {
			return Exit{}, c.stopped(ctx, h, nil)
		}
		return Exit{}, err
	}
	if t := c.options.Terminal; t != nil && t.Resized != nil {
		defer follow(p, t.Resized)()
	}
	ended := make(chan ending, 1) // so that it can be given up
	go func() {
		exit, err := p.Wait()
		ended <- ending{exit, err}
	}()
	select {
	case e := <-ended:
		return e.exit, e.err
	case <-ctx.Done():
	}
	select {
	case e := <-ended: // at the same time: it did end by itself
		return e.exit, e.err
	default:
		return c.kill(ctx, h, p, ended)
	}
}

// kill ends a process, within bounds.
func (c *calling) kill(ctx context.Context, h Host, p Process, ended <-chan ending) (Exit, error) {
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), killGrace)
	defer cancel()
	unconfirmed := p.Kill(grace)
	giveUp := time.NewTimer(endGrace)
	defer giveUp.Stop()
	select {
	case e := <-ended:
		return e.exit, c.stopped(ctx, h, unconfirmed)
	case <-giveUp.C:
		return Exit{}, c.stopped(ctx, h, unconfirmed)
	}
}

// stopped is the error of a command that the end of ctx has ended.
func (c *calling) stopped(ctx context.Context, h Host, unconfirmed error) error {
	cause := context.Cause(ctx)
	if broken, ok := errors.AsType[*InputError](cause); ok {
		return &InputError{Host: broken.Host, Err: broken.Err, Unconfirmed: unconfirmed}
	}
	if !errors.Is(cause, errTimeUp) {
		return &CancelError{Host: h.Name(), Cause: cause, Unconfirmed: unconfirmed}
	}
	return &TimeoutError{Host: h.Name(), After: c.timeout, Unconfirmed: unconfirmed}
}
