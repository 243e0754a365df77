package run

import (
	"errors"
	"time"

	"github.com/deployerd/deployerd/host"
)

// Status is the state of a run or of one host in it, as SHELL.md names it.
type Status string

// The states. A host has no Running in JSON; a run no Timeout, Unreachable or
// Skipped.
const (
	Running     Status = "running"
	OK          Status = "ok"
	Failed      Status = "failed"
	Timeout     Status = "timeout"
	Unreachable Status = "unreachable"
	Cancelled   Status = "cancelled"
	Skipped     Status = "skipped"
	Unknown     Status = "unknown"
	Denied      Status = "denied"
)

// Why a run is cancelled; the cause decides message and exit code.
var (
	ErrCancelled = errors.New("cancelled by the user")
	ErrStopping  = errors.New("the daemon is stopping")
)

// The kinds of events.
const (
	kindRunStarted   = "run_started"
	kindHostStarted  = "host_started"
	kindOutput       = "output"
	kindHostFinished = "host_finished"
	kindBatch        = "batch_finished"
	kindResult       = "result"
	kindRunFinished  = "run_finished"
	kindError        = "error"
	kindLog          = "log"
)

// Event is one line of a run's JSON (SHELL.md, "JSON lines"). Only the fields
// of its kind are set.
type Event struct {
	Time time.Time
	Kind string // run_started, host_started, output, host_finished, batch_finished, result, run_finished, error, log
	Run  string
	Host string // also of a result: its cell, hosts joined with ":" in several dimensions

	User, Path, Action string   // run_started
	Args               []string // run_started; the receiver must not change it
	Hosts              []string // run_started; batch_finished: its hosts or cells; not to be changed either

	Stream host.Stream // output
	Data   []byte      // output; valid only during Sink.Event

	Status      Status         // host_finished, run_finished
	ExitCode    *int           // host_finished, run_finished; nil when there is none
	Elapsed     time.Duration  // host_finished, run_finished
	Err         error          // host_finished, error
	Value       any            // result; never nil
	Shown       bool           // result: its output was shown already, as a command's
	Text        string         // log, error
	Counts      map[Status]int // run_finished; batch_finished: those of its hosts that are ok, and those that started and are not (failed)
	Unconfirmed bool           // host_finished: the target did not confirm that it ended
}

// Sink is somebody who follows a run. Event is called by one goroutine at a
// time; while it blocks, the targets are held back; after an error it is not
// called again. Whoever gives a Sink sees to it that a blocked Event returns
// when nobody listens any more: the run waits for it.
type Sink interface {
	Event(e Event) error
}
