package node

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/deployerd/deployerd/host"
)

// Env is a node inside a run: what an action is given. It is immutable.
type Env struct {
	node  *Node
	run   *Run
	frame *frame // the calls that led here; nil before the first
}

// MaxDepth is how deep calls, properties and queries nest.
const MaxDepth = 64

// frame is one call of a chain of calls.
type frame struct {
	caller *frame
	path   string
	name   string
	depth  int
	nested atomic.Int64 // calls that are in progress and were made with its env
	splits atomic.Int64 // of those, the ones that run in cells
}

// NewEnv places a run at a node.
func NewEnv(n *Node, r *Run) *Env { return &Env{node: n, run: r} }

// at is another node in the same run and chain of calls.
func (e *Env) at(n *Node) *Env { return &Env{node: n, run: e.run, frame: e.frame} }

// In is the same place and run in the chain of calls of caller, which goes on
// there: an env may have been kept from a call that is shorter.
func (e *Env) In(caller *Env) *Env { return caller.at(e.node) }

// String is the path.
func (e *Env) String() string { return e.node.Path() }

// MarshalJSON gives the path.
func (e *Env) MarshalJSON() ([]byte, error) { return json.Marshal(e.node.Path()) }

// Node returns the place.
func (e *Env) Node() *Node { return e.node }

// Run returns the run.
func (e *Env) Run() *Run { return e.run }

// Parent and Root stay in the run; the root's parent is nil.
func (e *Env) Parent() *Env {
	parent := e.node.Parent()
	if parent == nil {
		return nil
	}
	return e.at(parent)
}

// Root returns the tree's root in this run.
func (e *Env) Root() *Env { return e.at(e.node.Tree().Root()) }

// Child returns a child in this run.
func (e *Env) Child(name string) (*Env, bool) {
	child, ok := e.node.Child(name)
	if !ok {
		return nil, false
	}
	return e.at(child), true
}

// Cells are an array's cells after --limit.
func (e *Env) Cells() []*Env {
	cells := e.node.cells(e.run.Limit)
	envs := make([]*Env, len(cells))
	for i, cell := range cells {
		envs[i] = e.at(cell)
	}
	return envs
}

// Cell returns one cell, with a key per dimension. Numbers count all cells,
// whatever the limit of the run; one that --limit leaves out is an error, and
// others are those of Node.Cell.
func (e *Env) Cell(keys ...CellKey) (*Env, error) {
	cell, err := e.node.cellOf(keys)
	if err != nil {
		return nil, err
	}
	for _, h := range cell.cell[len(e.node.cell):] {
		if e.run.Limit != nil && !e.run.Limit(h.Name()) {
			return nil, fmt.Errorf("%s is left out by --limit", dotted(cell.Path()))
		}
	}
	return e.at(cell), nil
}

// Hosts returns the node's hosts after --limit, in the run's context, wired to
// Gate, Trace and the run's limits. ctx is not kept.
func (e *Env) Hosts() *host.Group { return e.hosts(e.containerBatches()) }

func (e *Env) hosts(batches batching) *host.Group {
	in := e.run.Context
	if e.run.Sandbox {
		in = in.Sandbox()
	}
	return host.NewGroup(host.GroupOptions{
		Roles:   limited(e.node.Roles(), e.run.Limit),
		Context: in,
		Hooks:   &hooks{node: e.node, run: e.run},
		Limiter: e.run.groupLimit(e.node),
		Batches: batches,
		Timeout: e.run.Timeout,
	})
}

func limited(roles []host.Role, keep func(host string) bool) []host.Role {
	if keep == nil {
		return roles
	}
	kept := make([]host.Role, len(roles))
	for i, role := range roles {
		kept[i].Name = role.Name
		for _, h := range role.Hosts {
			if keep(h.Name()) {
				kept[i].Hosts = append(kept[i].Hosts, h)
			}
		}
	}
	return kept
}

// Host returns the one host of a cell; an error anywhere else.
func (e *Env) Host() (*host.Handle, error) {
	where := dottedOrRoot(e.node.Path())
	if err := e.node.Usable(); err != nil {
		return nil, err
	}
	if len(e.node.Isolated()) == 0 {
		return nil, fmt.Errorf("%s is no cell: only a cell of an array, or a just_one, has the one host; use its hosts", where)
	}
	group := e.Hosts().Filter(HostRole)
	names := group.Names()
	if len(names) != 1 {
		return nil, fmt.Errorf("%s has %d hosts in its role %s, not one", where, len(names), quoted(HostRole))
	}
	handle, _ := group.Handle(names[0])
	return handle, nil
}

// Attr reads an attribute, evaluating a property or a query. found is false
// when there is none of that name. One that fails gives an *ActionError with its name.
func (e *Env) Attr(ctx context.Context, name string) (value any, found bool, err error) {
	a, ok := e.node.attribute(name)
	if missing, ok := a.Value.(Required); ok {
		return nil, true, &RequiredError{Path: e.node.Path(), Name: a.Name, For: missing.For}
	}
	if ok && a.Query != nil {
		value, err = e.query(ctx, a, nil)
		return value, true, err
	}
	if !ok || a.Property == nil {
		return a.Value, ok, nil
	}
	value, err = e.invoke(ctx, a.Name, 0, a.Property.Fn)
	return value, true, err
}

// RunCommand is --run and --run-with-sudo: the command on every host of the
// node, each host counted like a cell of its own. The error is that of
// host.Group.Run.
func (e *Env) RunCommand(ctx context.Context, command string, o host.RunOptions) ([]host.Result, error) {
	if err := e.node.Usable(); err != nil {
		return nil, err
	}
	return e.hosts(e.commandBatches()).Run(ctx, command, o)
}

// Log writes a line into the run's log.
func (e *Env) Log(text string) { e.run.trace().Log(e.node, e.cellName(), text) }

func (e *Env) cellName() string {
	if !e.node.isCell() {
		return ""
	}
	return cellName(e.node.cell)
}
