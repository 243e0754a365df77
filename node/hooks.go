package node

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/deployerd/deployerd/host"
)

// hooks take what a container reports to the run's Gate and Trace.
type hooks struct {
	node *Node
	run  *Run

	mu    sync.Mutex
	calls []*granted // those between Before and After
}

// granted is a call that the Gate let pass.
type granted struct {
	call host.Call
	done func([]host.Result)
}

// errNoGate refuses the commands of a run that was not meant to reach hosts.
var errNoGate = errors.New("this run reaches no host: the command is refused")

// Before implements host.Hooks.
func (h *hooks) Before(ctx context.Context, call host.Call) error {
	if err := errInQuery(ctx); err != nil {
		return err
	}
	if h.run.Gate == nil {
		return errNoGate
	}
	done, err := h.run.Gate.Command(ctx, h.node, call)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, &granted{call: call, done: done})
	return nil
}

// Started implements host.Hooks.
func (h *hooks) Started(call host.Call, name string) {
	h.run.trace().Command(h.node, name, call, nil)
}

// Output implements host.Hooks.
func (h *hooks) Output(name string, stream host.Stream, data []byte) {
	h.run.trace().Output(h.node, name, stream, data)
}

// Finished implements host.Hooks.
func (h *hooks) Finished(call host.Call, result host.Result) {
	if result.Note != "" {
		h.run.trace().Log(h.node, result.Host, result.Note)
	}
	h.run.trace().Command(h.node, result.Host, call, &result)
}

// After implements host.Hooks.
func (h *hooks) After(call host.Call, results []host.Result) {
	if done := h.finish(call); done != nil {
		done(results)
	}
}

// finish takes a call out and gives what the Gate wants to hear its results.
func (h *hooks) finish(call host.Call) func([]host.Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := h.find(call)
	if i < 0 {
		return nil
	}
	done := h.calls[i].done
	h.calls = slices.Delete(h.calls, i, i+1)
	return done
}

func (h *hooks) find(call host.Call) int {
	return slices.IndexFunc(h.calls, func(g *granted) bool { return sameCall(g.call, call) })
}

// sameCall compares two calls of one container. Their hosts are the same list,
// not merely an equal one.
func sameCall(a, b host.Call) bool {
	if len(a.Hosts) != len(b.Hosts) || len(a.Hosts) > 0 && &a.Hosts[0] != &b.Hosts[0] {
		return false
	}
	a.Hosts, b.Hosts = nil, nil
	return a.Command == b.Command && a.Sudo == b.Sudo && a.User == b.User &&
		a.ReadOnly == b.ReadOnly && a.Sandbox == b.Sandbox && a.Quiet == b.Quiet
}
