package node

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deployerd/deployerd/host"
)

// Gate is asked before anything goes to a host: rights and the audit.
type Gate interface {
	// Command is asked once per command, before its first byte goes to any
	// of call.Hosts; an error refuses it. done is called with the results; it
	// may be nil.
	Command(ctx context.Context, n *Node, call host.Call) (done func([]host.Result), err error)
}

// Trace hears what happens in a run, from several goroutines at once.
type Trace interface {
	// CellStarted and CellFinished are called once per cell of a split call; n
	// is the cell, name its host, or hosts joined with ":" in several
	// dimensions. Skipped cells only finish, with err a *SkippedError.
	CellStarted(n *Node, name string)
	CellFinished(n *Node, name string, value any, err error)
	// Command hears of one host's command: start (result nil) and end. A host
	// that is skipped only ends. Where commands on one host are started at the
	// same moment from one container, their starts may be told as each other's.
	Command(n *Node, host string, call host.Call, result *host.Result)
	// Output passes output on; blocking holds the target back. data is only
	// valid during the call.
	Output(n *Node, host string, stream host.Stream, data []byte)
	// Log is a line of env.log or print; host is the cell's name, or "". The
	// text may have several lines.
	Log(n *Node, host, text string)
}

// BatchTrace is a Trace that hears of batches too.
type BatchTrace interface {
	Trace
	// BatchFinished is called when a batch of a split call, or of a command
	// that the run was started for, has ended, after all of its cells or hosts
	// have. n is the node of the call, names are the cells or hosts that were in
	// the batch; those that did not start are neither ok nor failed.
	BatchFinished(n *Node, names []string, ok, failed int)
}

const (
	defaultForks = 20
	defaultSteps = 50_000_000
)

// Run is what everything in one run shares. Gate and Trace may be nil only for
// a run that reaches no host (inspection): then every command is refused. Its
// fields are not to be changed, nor the Run copied, once an Env was made of it.
type Run struct {
	ID           string
	User         string
	Started      time.Time
	Sandbox      bool
	Context      host.Context           // the session's HostContext, that every command starts from
	Limit        func(host string) bool // --limit; nil: all hosts
	Forks        int                    // --forks or set-option; 0: the node's own, else DefaultForks
	DefaultForks int                    // runs.forks; 0: 20
	Serial       Serial                 // --serial; nil: the action's own, else the node's
	MaxFail      *MaxFail               // --max-fail; nil likewise
	Timeout      time.Duration          // per host or cell from its start; a plain node's action counts as one; 0: none
	Steps        uint64                 // the budget over all threads; 0: 50,000,000
	Gate         Gate
	Trace        Trace
	Yes          bool     // --yes: questions for a confirmation are answered with yes
	Console      Console  // nil: nobody can be asked
	Terminal     Terminal // nil: there is none
	// OpenFolder opens the person's private folder, which files that come from
	// hosts are written into; nil: there is none.
	OpenFolder func() (Folder, error)

	person sync.Once
	talk   chan struct{} // room for one: who talks to the person

	steps atomic.Uint64 // taken so far
	calls atomic.Int64  // in progress

	budget budget // of failures

	once    sync.Once
	limiter *host.Limiter // over everything in the run
	slots   slots         // of nodes that allow fewer

	mu     sync.Mutex
	groups map[*place]*host.Limiter // of containers of nodes that allow fewer
}

// TakeSteps takes up to n steps from the run's budget and returns how many
// were left to take; 0 means the budget is used up.
func (r *Run) TakeSteps(n uint64) uint64 {
	budget := r.Steps
	if budget == 0 {
		budget = defaultSteps
	}
	for {
		taken := r.steps.Load()
		give := min(n, budget-taken)
		if r.steps.CompareAndSwap(taken, taken+give) {
			return give
		}
	}
}

// total is how many hosts and cells are worked on at once in the whole run:
// what the line says, else what the node that allows most does.
func (r *Run) total(t *Tree) int {
	if r.Forks > 0 {
		return r.Forks
	}
	return max(r.usual(), t.forks)
}

func (r *Run) usual() int {
	if r.DefaultForks > 0 {
		return r.DefaultForks
	}
	return defaultForks
}

// limit is the run's own limiter, which nested calls share: the slot of a cell
// is lent to what the cell does.
func (r *Run) limit(t *Tree) *host.Limiter {
	r.once.Do(func() { r.limiter = host.NewLimiter(r.total(t)) })
	return r.limiter
}

// groupLimit is the limiter of a node's container. A cell's container has the
// slot that its cell holds. A node that allows fewer has a limiter of its own:
// commands nest nothing, so waiting for it always ends.
func (r *Run) groupLimit(n *Node) *host.Limiter {
	tree := n.Tree()
	b, counted := r.bounds(n.place, Bounds{})
	if n.isCell() || b.Forks >= r.total(tree) {
		return r.limit(tree)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.groups == nil {
		r.groups = map[*place]*host.Limiter{}
	}
	if r.groups[counted] == nil {
		r.groups[counted] = host.NewLimiter(b.Forks)
	}
	return r.groups[counted]
}

func (r *Run) trace() Trace {
	if r.Trace == nil {
		return silent{}
	}
	return r.Trace
}

// silent is the trace of a run that has none.
type silent struct{}

func (silent) CellStarted(*Node, string)                      {}
func (silent) CellFinished(*Node, string, any, error)         {}
func (silent) Command(*Node, string, host.Call, *host.Result) {}
func (silent) Output(*Node, string, host.Stream, []byte)      {}
func (silent) Log(*Node, string, string)                      {}
