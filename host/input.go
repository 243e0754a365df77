package host

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
)

// input is a command's standard input. A read that fails ends the command: what
// it got so far must not pass for the whole.
type input struct {
	r      io.Reader
	host   string
	cancel context.CancelCauseFunc // of the command
	failed atomic.Pointer[InputError]
}

// Read returns io.EOF only at the true end, else an *InputError.
func (i *input) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	e := &InputError{Host: i.host, Err: err}
	i.failed.Store(e)
	i.cancel(e)
	return n, e
}

// brokeOff says whether an error of copying is one of reading an input: then
// the process must not be told that this was the end.
func brokeOff(err error) bool {
	_, broke := errors.AsType[*InputError](err)
	return broke
}
