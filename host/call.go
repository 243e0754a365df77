package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Call is one command given to one host or several at once.
type Call struct {
	Command  string
	Hosts    []string // names, each once, in order; not to be changed
	Sudo     bool     // by the call's options or by its context
	User     string   // with Sudo: as whom, "" for root
	ReadOnly bool
	Sandbox  bool // its context is a sandbox: unless ReadOnly it is only checked
	Quiet    bool // its output is kept for the result and not shown
}

// Hooks is what calls report to. Before is asked once per call, before the
// first byte goes to any of its hosts; an error means nothing is started.
// Started, Output and Finished come from several goroutines at once, for one
// host in order. A blocking Output holds the target back. The data passed to
// Output is only valid during the call.
//
// Started comes before the host is connected to. Finished comes once for every
// host, also for one that is skipped and so was never Started. An Output that
// still blocks two seconds after a kill is not waited for: Finished may then
// come before it returns, and no further Output follows.
type Hooks interface {
	Before(ctx context.Context, call Call) error
	Started(call Call, host string)
	Output(host string, stream Stream, data []byte)
	Finished(call Call, result Result)
	After(call Call, results []Result)
}

// noHooks is what a group without hooks reports to.
type noHooks struct{}

func (noHooks) Before(context.Context, Call) error { return nil }
func (noHooks) Started(Call, string)               {}
func (noHooks) Output(string, Stream, []byte)      {}
func (noHooks) Finished(Call, Result)              {}
func (noHooks) After(Call, []Result)               {}

// RunOptions are the options of one command.
type RunOptions struct {
	NoCheck  bool // a result that is not OK is no error
	Sudo     bool
	User     string        // with Sudo
	Input    io.Reader     // nil: none. Only with one host. The caller closes it: a blocked Read outlives the run
	InputAll []byte        // given to each host; not with Input
	Quiet    bool          // the output is kept for the result and not shown
	Timeout  time.Duration // per host, from its start; 0: none
	ReadOnly bool          // also runs in a sandbox
	Stream   bool          // do not keep output for the result (Result.Stdout is empty)
	// Terminal, when not nil, is where the command runs: it shows the output,
	// which Hooks do not get, and types the input. Only with one host, and
	// without Input and Quiet. In a sandbox a check of the syntax needs none.
	Terminal *TerminalIO

	login bool // not the command, but a login shell
}

// check finds what does not go together, for a number of hosts.
func (o RunOptions) check(hosts int) error {
	switch {
	case o.Input != nil && hosts > 1:
		return fmt.Errorf("input: one stream cannot be given to %d hosts", hosts)
	case o.Input != nil && o.InputAll != nil:
		return errors.New("input: it is given twice")
	case o.Terminal != nil && hosts > 1:
		return fmt.Errorf("terminal: there is one, for one host, not for %d", hosts)
	case o.Terminal != nil && (o.Input != nil || o.InputAll != nil || o.Quiet):
		return errors.New("terminal: it shows the output and types the input: neither an input nor quiet goes with it")
	case o.Timeout < 0:
		return fmt.Errorf("timeout: %s is negative", o.Timeout)
	}
	return nil
}

// Result is what one command did on one host.
type Result struct {
	Host      string
	Command   string
	Stdout    []byte // at most KeepLimit bytes
	Stderr    []byte
	Truncated bool // Stdout or Stderr was larger than KeepLimit
	Exit      Exit
	OK        bool // it ran and ended with code 0
	Skipped   bool // never started: the run ended before its turn, or was stopped, and then Err says why
	Duration  time.Duration
	Err       error // nil, *DialError, *LostError, *TimeoutError, *CancelError; *ExitError when the code is not 0; *FileError
	// Note is what is to be said of an operation on files besides: in a sandbox
	// what it would change, as a unified diff; what was left out of a copy. It
	// may have several lines, and bytes that a target chose.
	Note string
}

// KeepLimit bounds the output that is kept in memory for one stream of one
// result. All of it is shown; only what a result can give back is bounded.
const KeepLimit = 16 << 20

// reason says in one line why the result is not OK.
func (r Result) reason() string {
	if r.Skipped {
		return r.Host + ": skipped"
	}
	if r.Err == nil {
		return r.Host + ": failed"
	}
	text := r.Err.Error()
	if strings.HasPrefix(text, r.Host+": ") {
		return text
	}
	return r.Host + ": " + text
}

// CallError is the error of a call on several hosts: every host that failed.
type CallError struct {
	Results []Result // all of them, in the order of the hosts
}

// namedHosts is how many failed hosts an error's text names.
const namedHosts = 20

func (e *CallError) Error() string {
	var told []string
	failed, stopped := 0, 0
	var why error
	for _, r := range e.Results {
		switch {
		case r.OK:
		case r.Skipped && r.Err != nil:
			stopped++
			why = r.Err
		default:
			if failed++; failed <= namedHosts {
				told = append(told, r.reason())
			}
		}
	}
	if failed > namedHosts {
		told = append(told, fmt.Sprintf("and %d more", failed-namedHosts))
	}
	if stopped > 0 {
		told = append(told, fmt.Sprintf("%d not started: %v", stopped, why))
	}
	return cmp.Or(strings.Join(told, "; "), "no host failed")
}

// Unwrap returns the hosts' errors.
func (e *CallError) Unwrap() []error {
	var errs []error
	for _, r := range e.Results {
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errs
}
