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
	command, o, err := commandArguments(b.Name(), args, kwargs)
	if err != nil {
		return nil, err
	}
	results, err := groupOf(b.Receiver()).Run(callOf(thread).ctx, command, o)
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

func commandArguments(name string, args starlark.Tuple, kwargs []starlark.Tuple) (string, host.RunOptions, error) {
	var command string
	var input starlark.Value
	var timeout duration
	check := true
	o := host.RunOptions{Sudo: name == "sudo"}
	pairs := []any{
		"command", &command, "check?", &check, "pty?", &onlyNone{what: "pty = True", off: starlark.False},
		"input??", &input, "quiet?", &o.Quiet, "timeout??", &timeout, "read_only?", &o.ReadOnly,
	}
	if o.Sudo {
		pairs = append([]any{"command", &command, "user??", &o.User}, pairs[2:]...)
	}
	if err := arguments(name, args, kwargs, pairs...); err != nil {
		return "", o, err
	}
	o.NoCheck, o.Timeout = !check, time.Duration(timeout)
	switch input := input.(type) {
	case nil:
	case starlark.String:
		o.InputAll = []byte(input)
	case starlark.Bytes:
		o.InputAll = []byte(input)
	default:
		return "", o, fmt.Errorf("%s: input is a %s, want a text", name, input.Type())
	}
	return command, o, nil
}
