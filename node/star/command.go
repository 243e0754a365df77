package star

import (
	"fmt"
	"time"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/host"
)

// runCommand is .run and .sudo: on one host it gives the result, on a
// container the results by host.
func runCommand(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	command, o, pty, err := commandArguments(b.Name(), args, kwargs)
	if err != nil {
		return nil, err
	}
	k, g := callOf(thread), groupOf(b.Receiver())
	if err := k.catalog.withoutSecrets(command); err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	results, err := k.perform(g, command, o, pty)
	if err != nil {
		err = k.retry(results, err, func(on *host.Group) ([]host.Result, error) {
			o.NoCheck = true
			return k.perform(on, command, o, pty)
		}, g)
	}
	if err != nil {
		return nil, err
	}
	if _, ok := b.Receiver().(*handleValue); !ok {
		return hostResults(results, o.Quiet), nil
	}
	if len(results) != 1 {
		return nil, fmt.Errorf("%s: %d results of one host", b.Name(), len(results))
	}
	return &resultValue{r: results[0], quiet: o.Quiet}, nil
}

// perform runs a command, with pty in the user's terminal.
func (k *call) perform(g *host.Group, command string, o host.RunOptions, pty bool) ([]host.Result, error) {
	if !pty || k.env.Run().Sandbox && !o.ReadOnly {
		return g.Run(k.ctx, command, o)
	}
	if n := len(g.Names()); n != 1 {
		return nil, withHint("use env.host, or one of env.hosts", "pty = True is for one host, not for %d", n)
	}
	t, giveBack, err := k.env.LendTerminal(k.ctx)
	if err != nil {
		return nil, fmt.Errorf("pty = True: %w", err)
	}
	defer giveBack()
	o.Terminal = &t
	return g.Run(k.ctx, command, o)
}

func commandArguments(name string, args starlark.Tuple, kwargs []starlark.Tuple) (string, host.RunOptions, bool, error) {
	var command string
	var pty bool
	var input starlark.Value
	var timeout duration
	check := true
	o := host.RunOptions{Sudo: name == "sudo"}
	pairs := []any{
		"command", &command, "check?", &check, "pty??", &pty,
		"input??", &input, "quiet?", &o.Quiet, "timeout??", &timeout, "read_only?", &o.ReadOnly,
	}
	if o.Sudo {
		pairs = append([]any{"command", &command, "user??", &o.User}, pairs[2:]...)
	}
	if err := arguments(name, args, kwargs, pairs...); err != nil {
		return "", o, false, err
	}
	o.NoCheck, o.Timeout = !check, time.Duration(timeout)
	if input == nil {
		return command, o, pty, nil
	}
	var err error
	if o.InputAll, err = contentOf(input); err != nil {
		return "", o, false, fmt.Errorf("%s: input: %w", name, err)
	}
	return command, o, pty, nil
}
