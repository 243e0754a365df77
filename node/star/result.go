package star

import (
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/host"
)

// resultValue is what one command did on one host. It prints as its stdout,
// and is true when it is ok.
type resultValue struct {
	inert
	r     host.Result
	quiet bool
}

func (v *resultValue) String() string       { return string(v.r.Stdout) }
func (*resultValue) Type() string           { return "result" }
func (v *resultValue) Truth() starlark.Bool { return starlark.Bool(v.r.OK) }

// AttrNames implements starlark.HasAttrs.
func (*resultValue) AttrNames() []string {
	return []string{"duration", "exit_code", "host", "ok", "skipped", "stderr", "stdout"}
}

// output is what a command wrote, if all of it was kept: a part must not pass
// for the whole.
func (v *resultValue) output(name string, data []byte) (starlark.Value, error) {
	if v.r.Truncated && len(data) >= host.KeepLimit {
		return nil, fmt.Errorf("%s of %s was larger than %d MiB and was not kept whole", name, v.r.Host, host.KeepLimit>>20)
	}
	return starlark.String(data), nil
}

// Attr implements starlark.HasAttrs. exit_code is None when there was none:
// the command never ran, or what became of it is unknown. duration is in
// seconds.
func (v *resultValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "stdout":
		return v.output(name, v.r.Stdout)
	case "stderr":
		return v.output(name, v.r.Stderr)
	case "exit_code":
		if !v.ended() {
			return starlark.None, nil
		}
		return starlark.MakeInt(v.r.Exit.Code), nil
	case "ok":
		return starlark.Bool(v.r.OK), nil
	case "skipped":
		return starlark.Bool(v.r.Skipped), nil
	case "duration":
		return starlark.Float(v.r.Duration.Seconds()), nil
	case "host":
		return starlark.String(v.r.Host), nil
	}
	return nil, nil
}

// ended says whether the command ended by itself.
func (v *resultValue) ended() bool {
	var exit *host.ExitError
	return !v.r.Skipped && (v.r.Err == nil || errors.As(v.r.Err, &exit))
}

// json is the result in a JSON line.
func (v *resultValue) json() any {
	plain := struct {
		Host     string  `json:"host"`
		OK       bool    `json:"ok"`
		ExitCode *int    `json:"exit_code"`
		Stdout   string  `json:"stdout"`
		Stderr   string  `json:"stderr"`
		Skipped  bool    `json:"skipped"`
		Duration float64 `json:"duration"`
	}{
		Host: v.r.Host, OK: v.r.OK, Stdout: string(v.r.Stdout), Stderr: string(v.r.Stderr),
		Skipped: v.r.Skipped, Duration: v.r.Duration.Seconds(),
	}
	if v.ended() {
		plain.ExitCode = &v.r.Exit.Code
	}
	return plain
}

// prefixed marks each line of a text with whose it is.
func prefixed(name, text string) string {
	text = strings.TrimRight(text, "\n")
	return name + ": " + strings.ReplaceAll(text, "\n", "\n"+name+": ")
}
