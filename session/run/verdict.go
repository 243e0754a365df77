package run

import (
	"context"
	"errors"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// verdict is how something ended on one host.
type verdict struct {
	status      Status
	exit        *int
	err         error
	unconfirmed bool
}

// severity orders the states of a host; the larger is the worse.
var severity = map[Status]int{
	OK: 0, Skipped: 1, Cancelled: 2, Unreachable: 3, Unknown: 4, Timeout: 5, Failed: 6,
}

func (v verdict) worse(other verdict) bool { return severity[v.status] > severity[other.status] }

func (v verdict) fails() bool { return v.status == Failed || v.status == Timeout }

// refusedError says that a command was refused by rights or by the journal.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

func (e *refusedError) Unwrap() error { return e.err }

// findings are what an action's error says: the errors of hosts in it, and
// those that are no host's.
type findings struct {
	hosts   map[string]verdict // the worst of each
	worst   verdict
	leaves  int
	own     bool // something failed that is no host's, the refusal too
	refused bool
	stopped bool // more failed than max_fail allows, and the rest was not started
}

func examine(err error) findings {
	f := findings{hosts: make(map[string]verdict), worst: verdict{status: OK}}
	if err != nil {
		f.walk(err)
	}
	return f
}

// walk looks for the errors of hosts among all that err wraps.
func (f *findings) walk(err error) {
	if v, name, ok := ofHost(err); ok {
		f.add(name, v)
		return
	}
	switch e := err.(type) {
	case *refusedError:
		f.refused = true
		f.add("", verdict{status: Failed, err: e})
	case *node.SkippedError:
		f.stopped = f.stopped || isStop(e)
		f.add("", verdict{status: Skipped, err: e})
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			f.walk(inner)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			f.walk(inner)
			return
		}
		f.add("", alone(err))
	default:
		f.stopped = f.stopped || isStop(err)
		f.add("", alone(err))
	}
}

func (f *findings) add(name string, v verdict) {
	f.leaves++
	if f.leaves == 1 || v.worse(f.worst) {
		f.worst = v
	}
	if name == "" {
		f.own = f.own || v.fails()
		return
	}
	if old, ok := f.hosts[name]; !ok || v.worse(old) {
		f.hosts[name] = v
	}
}

// ofHost judges an error that says what happened on a host.
func ofHost(err error) (v verdict, name string, ok bool) {
	switch e := err.(type) {
	case *host.ExitError:
		code := e.Exit.Code
		return verdict{status: Failed, exit: &code, err: e}, e.Host, true
	case *host.TimeoutError:
		return verdict{status: Timeout, err: e, unconfirmed: e.Unconfirmed != nil}, e.Host, true
	case *host.CancelError:
		v = verdict{status: Cancelled, err: e, unconfirmed: e.Unconfirmed != nil}
		if timedOut(e.Cause) || errors.Is(e.Cause, context.DeadlineExceeded) {
			v.status = Timeout
		}
		return v, e.Host, true
	case *host.InputError:
		return verdict{status: Failed, err: e, unconfirmed: e.Unconfirmed != nil}, e.Host, true
	case *host.FileError:
		return verdict{status: Failed, err: e}, e.Host, true
	case *host.LostError:
		return verdict{status: Unknown, err: e}, e.Host, true
	case *host.DialError:
		return verdict{status: dialStatus(e), err: e}, e.Host, true
	}
	return verdict{}, "", false
}

// dialStatus tells a host that cannot be reached from a dial that was ended
// because the run was, or its time was up.
func dialStatus(e *host.DialError) Status {
	switch {
	case timedOut(e.Err):
		return Timeout
	case isCancel(e.Err):
		return Cancelled
	}
	return Unreachable
}

func isStop(err error) bool {
	var stop *node.MaxFailError
	return errors.As(err, &stop)
}

func timedOut(err error) bool {
	var t *host.TimeoutError
	return errors.As(err, &t)
}

func isCancel(err error) bool {
	return errors.Is(err, ErrCancelled) || errors.Is(err, ErrStopping) || errors.Is(err, context.Canceled)
}

// alone judges an error that wraps none.
func alone(err error) verdict {
	switch {
	case isStop(err):
		return verdict{status: Skipped, err: err}
	case isCancel(err):
		return verdict{status: Cancelled, err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return verdict{status: Timeout, err: err}
	}
	return verdict{status: Failed, err: err}
}

// ofCell judges a cell by its error. The verdict's err is the host's own error
// when that is all there is, so that its facts are at hand.
func ofCell(name string, err error) verdict {
	if err == nil {
		return verdict{status: OK}
	}
	f := examine(err)
	v := f.worst
	if _, own := f.hosts[name]; !own {
		v.exit = nil
	}
	if f.leaves != 1 || len(f.hosts) == 0 {
		v.err = err
	}
	return v
}

// ofResult judges the result of a command by itself.
func ofResult(r host.Result) verdict {
	switch {
	case r.Skipped:
		return verdict{status: Skipped, err: r.Err}
	case r.OK:
		code := r.Exit.Code
		return verdict{status: OK, exit: &code}
	case r.Err == nil:
		code := r.Exit.Code
		return verdict{status: Failed, exit: &code, err: &host.ExitError{Host: r.Host, Command: r.Command, Exit: r.Exit}}
	}
	return ofCell(r.Host, r.Err)
}
