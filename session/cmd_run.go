package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// maxStdin bounds what --stdin keeps for several hosts, in bytes.
const maxStdin = 64 << 20

// cancelPatience is how long a session waits for the end of a run that its
// user cancelled; the run itself goes on to its end.
const cancelPatience = 30 * time.Second

// stopPatience is how long a session that a stopping daemon ends waits for the
// end of its run, which the daemon has drained or cancelled.
const stopPatience = 2 * time.Second

func runCommands() []command {
	const section = "Running"
	const takes = takesJSON | takesReason | takesRun
	return []command{
		{
			name: "--run", section: section, usage: "--run [path] -- COMMAND",
			doc:     "a command on every host of a node; what follows -- is the target's shell's, byte for byte",
			example: "--run production.web -- df -h / | tail -1", right: "shell",
			takes: takes, raw: true, do: doRun,
		},
		{
			name: "--run-with-sudo", section: section, usage: "--run-with-sudo [path] -- COMMAND",
			doc:     "the same as root",
			example: "--run-with-sudo production.web -- systemctl restart nginx", right: "shell and sudo",
			takes: takes, raw: true, do: doRunWithSudo,
		},
		{
			name: "--connect", section: section, usage: "--connect [path]",
			doc:     "a login shell on one host, in your terminal",
			example: "--connect production.web:web1", right: "shell",
			takes: takes, do: doConnect,
		},
	}
}

// doAction is a line without a command: a path and an action.
func doAction(c *invocation) error {
	words := c.line.path()
	found := c.resolve(words, c.view.running(c.s.last))
	if !c.goes(words) {
		found = c.byDefault(found, words)
	}
	if found.Next != nil {
		return found.Next
	}
	if found.Action == nil {
		return c.bare(found.Node)
	}
	rest := c.line.words[found.Words:]
	args, err := found.Action.Bind(found.Action.Name, arguments(rest, len(words)-found.Words))
	if err != nil {
		return err
	}
	if c.opts().stdin {
		return wrongf("--stdin goes with --run: an action takes no standard input")
	}
	if err := c.confirmable(found); err != nil {
		return err
	}
	spec := c.spec(found.Node)
	spec.Action, spec.Args, spec.Words = found.Action, args, texts(rest)
	return c.start(spec, auth.Run)
}

// bare is a path without an action. A line of several goes there, as at a
// prompt; a one-shot would do nothing and call it success.
func (c *invocation) bare(n *node.Node) error {
	if c.line.dash >= 0 || len(c.opts().given) > 0 || c.shot {
		return wrongf("%s is a node: name one of its actions too, or use --run, ls or --inspect", label(n.Path(), ""))
	}
	if _, err := c.maySee(n); err != nil {
		return err
	}
	c.enter(n)
	return nil
}

// arguments are an action's; those before -- (the first named) may be
// name=value.
func arguments(words []word, named int) []node.Argument {
	args := make([]node.Argument, len(words))
	for i, w := range words {
		args[i].Value = w.text
		if n := keyword(w); n > 0 && i < named {
			args[i] = node.Argument{Name: w.text[:n], Value: w.text[n+1:]}
		}
	}
	return args
}

// keyword is the length of the name if a word is name=value with nothing up to
// the = quoted, else 0.
func keyword(w word) int {
	for i, c := range []byte(w.text[:w.bare]) {
		switch {
		case c == '=':
			return i
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c >= '0' && c <= '9' && i > 0, c >= 0x80:
		default:
			return 0
		}
	}
	return 0
}

func doRun(c *invocation) error         { return c.command(auth.Shell) }
func doRunWithSudo(c *invocation) error { return c.command(auth.Shell, auth.Sudo) }

// command is --run and --run-with-sudo.
func (c *invocation) command(verbs ...auth.Verb) error {
	if c.line.dash < 0 {
		return wrongf("%s needs a command: %s", c.line.command.name, c.line.command.usage)
	}
	n, err := c.place(c.line.path(), c.view.running(c.s.last))
	if err != nil {
		return err
	}
	spec := c.spec(n)
	spec.Command, spec.Sudo = c.line.raw, len(verbs) > 1
	if len(run.Hosts(n, spec.Limit)) == 1 && !spec.detach {
		spec.Input = c.stdin
	}
	return c.start(spec, verbs...)
}

// doConnect gives a host's terminal to the user.
func doConnect(c *invocation) error {
	if c.line.dash >= 0 {
		return c.usage()
	}
	n, err := c.place(c.line.path(), c.view.running(c.s.last))
	if err != nil {
		return err
	}
	spec := c.spec(n)
	spec.Connect = true
	names := run.Hosts(n, spec.Limit)
	switch {
	case c.s.shell == nil || c.opts().json || spec.detach:
		if err := c.s.rights.start(&spec.Spec, []auth.Verb{auth.Shell}); err != nil {
			return err
		}
		return wrongf("--connect needs a terminal and a prompt: come in without a line")
	case c.opts().stdin || spec.Sandbox:
		return wrongf("--connect takes no --stdin and opens nothing in a sandbox")
	case len(names) > 1:
		if err := c.which(spec, names); err != nil {
			return err
		}
	}
	return c.start(spec, auth.Shell)
}

// maxAsked is how many hosts are offered to choose from.
const maxAsked = 20

// which asks for the one host to connect to.
func (c *invocation) which(spec *starting, names []string) error {
	if !c.view.may(auth.Shell, spec.Node, "") {
		return c.s.rights.start(&spec.Spec, []auth.Verb{auth.Shell})
	}
	if len(names) > maxAsked {
		return wrongf("%s has %d hosts (%s): name one of them, or --limit", label(spec.Node.Path(), ""), len(names), screen.Names(printables(names)))
	}
	name, err := c.s.shell.choose("Which host", names)
	if err != nil {
		return err
	}
	spec.Limit, err = run.ParseLimit(name)
	return err
}

// starting is a run about to be started.
type starting struct {
	run.Spec
	detach bool
}

// spec is what the line's options say of a run at a node.
func (c *invocation) spec(n *node.Node) *starting {
	o := c.opts()
	return &starting{detach: o.detach, Spec: run.Spec{
		User: c.s.rights.client.Identity.User, From: c.s.rights.client.From.String(),
		Node: n, Reason: o.reason, Sandbox: o.sandbox, Limit: o.limit, Forks: o.forks, Serial: o.serial, MaxFail: o.maxFail,
		Timeout: o.timeout, Yes: o.yes, Context: c.s.context, OpenFolder: c.s.folder(),
	}}
}

// start checks what is left to check, starts a run and stays with it.
func (c *invocation) start(spec *starting, verbs ...auth.Verb) error {
	if (spec.Limit != nil || spec.Action == nil) && len(run.Hosts(spec.Node, spec.Limit)) == 0 {
		return &run.NoHostsError{Limit: c.opts().limitText, Path: spec.Node.Path()}
	}
	if c.opts().stdin && c.stdin == nil {
		if c.s.shell != nil {
			return wrongf("--stdin: a terminal has no standard input to give")
		}
		return wrongf("--stdin: standard input holds the lines themselves")
	}
	if err := c.s.rights.start(&spec.Spec, verbs); err != nil {
		return err
	}
	if err := c.readInput(spec); err != nil {
		return err
	}
	var follow *follower
	if !spec.detach {
		follow = newFollower(c.out, spec)
		spec.Sink = follow
	}
	var person *watching
	if sh := c.s.shell; sh != nil && !spec.detach {
		person = sh.attend(c, spec, verbs)
	}
	started, err := c.s.m.o.Engine.Start(c.s.ctx, spec.Spec)
	if err != nil {
		return startError(err)
	}
	if spec.detach {
		return c.detached(started)
	}
	defer c.s.presence.run(spec)()
	if person != nil {
		err = person.watch(started, follow)
	} else {
		err = c.stay(started, follow)
	}
	if err != nil {
		return err
	}
	return c.taken(started.Outcome().Value)
}

// readInput reads what --stdin gives to each host.
func (c *invocation) readInput(spec *starting) error {
	if !c.opts().stdin {
		return nil
	}
	data, err := readAtMost(c.stdin, maxStdin)
	if err != nil {
		return err
	}
	spec.Input, spec.InputAll = nil, data
	return nil
}

// readAtMost reads all of standard input, unless it is larger than most bytes.
func readAtMost(r io.Reader, most int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read standard input: %w", err)
	case len(data) > most:
		return nil, wrongf("--stdin: standard input is larger than %d MiB", most>>20)
	}
	return data, nil
}

// startError makes a refusal of what the engine refuses: without a run nothing
// has failed on any host.
func startError(err error) error {
	if exitCode(err) == exitFailed {
		return &refusedError{err}
	}
	return err
}

// detached prints the run's id and leaves it.
func (c *invocation) detached(r *run.Run) error {
	if !c.opts().json {
		return c.out.answer(r.ID() + "\n")
	}
	i := r.Info()
	return c.out.object(startedObject{
		stamp: newStamp("run_started", i.Run, i.Started),
		User:  i.User, Path: i.Path, Action: i.Action, Args: list(i.Args), Hosts: list(i.Hosts),
	})
}

// stay follows a run to its end, or until the session ends: a user who leaves
// cancels it, a connection that breaks leaves it running. A daemon that stops
// has drained its runs before it ends sessions, so what is left is to tell how
// they ended.
func (c *invocation) stay(r *run.Run, follow *follower) error {
	shown, stopping, left := follow.finished, c.s.m.stopped, c.s.ctx.Done()
	var ended <-chan struct{}     // not asked before all is shown
	var patience <-chan time.Time // with a run that a stop has not ended
	for {
		select {
		case <-shown:
			shown, ended = nil, r.Done()
		case <-ended:
			if c.gone() {
				return c.leave(r)
			}
			return follow.conclude(r)
		case <-stopping:
			stopping = nil
			if err := c.out.say("the daemon is stopping; this run may still end by itself"); err != nil {
				c.s.log.Debug("tell that the daemon is stopping", "err", err)
			}
		case <-left:
			if c.gone() {
				return c.leave(r)
			}
			left, patience = nil, time.After(stopPatience)
		case <-patience:
			return c.leave(r)
		}
	}
}

// gone says whether nobody is there any more to be told how a run ends.
func (c *invocation) gone() bool {
	return c.s.ctx.Err() != nil && !errors.Is(context.Cause(c.s.ctx), ErrStopping)
}

// leave is the end of a session during a run.
func (c *invocation) leave(r *run.Run) error {
	cause := context.Cause(c.s.ctx)
	if !errors.Is(cause, ErrDisconnected) {
		r.Detach()
		if !errors.Is(cause, ErrLost) {
			c.s.finish(c.out, fmt.Errorf("%w; run %s is left to itself", cause, r.ID()))
		}
		return &silentError{exitUnknown}
	}
	r.Cancel(run.ErrCancelled)
	r.Detach() // nobody is there to read
	patience := time.NewTimer(cancelPatience)
	defer patience.Stop()
	select {
	case <-r.Done():
	case <-patience.C:
	}
	return &silentError{exitCancelled}
}
