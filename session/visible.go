package session

import (
	"errors"
	"slices"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// anyReason stands for the reason that would be given, where it is only asked
// whether something may be done at all.
const anyReason = "-"

// view is what one user may know of one tree. It remembers what the rules said
// for each place, so that large trees cost no more than one pass. It is for
// one goroutine.
type view struct {
	state   *State
	subject auth.Subject
	known   map[string]bool // something may be done there or below
	seen    map[string]bool // it or something below may be seen
	own     map[string]bool // it may be seen itself
}

func newView(state *State, subject auth.Subject) *view {
	return &view{
		state: state, subject: subject,
		known: make(map[string]bool), seen: make(map[string]bool), own: make(map[string]bool),
	}
}

// hostNames are the names of a node's hosts, each once.
func hostNames(roles []host.Role) []string {
	var names []string
	have := make(map[string]bool)
	for _, role := range roles {
		for _, h := range role.Hosts {
			if !have[h.Name()] {
				have[h.Name()] = true
				names = append(names, h.Name())
			}
		}
	}
	return names
}

// may says whether a verb is allowed at a node: on some of its hosts at least,
// and perhaps only with a reason.
func (v *view) may(verb auth.Verb, n *node.Node, action string) bool {
	q := request(verb, n, hostNames(n.Roles()))
	q.Action, q.Reason = action, anyReason
	err := v.state.Rules.Authorize(v.subject, q)
	var denied *auth.DeniedError
	switch {
	case err == nil:
		return true
	case len(q.Hosts) == 0:
		return false
	case errors.As(err, &denied) && len(denied.Hosts) > 0 && len(denied.Hosts) < len(q.Hosts):
		return true
	case verb == auth.See:
		return false // one host would have been enough
	}
	q.Hosts = nil
	return v.state.Rules.Authorize(v.subject, q) == nil
}

// sees says whether the node itself may be seen, with all that is in it.
func (v *view) sees(n *node.Node) bool {
	return remember(v.own, n, func() bool { return v.may(auth.See, n, "") })
}

// shows says whether the node is shown: it may be seen, or something below it,
// whose ancestors are shown with nothing else in them.
func (v *view) shows(n *node.Node) bool {
	return remember(v.seen, n, func() bool { return v.sees(n) || v.below(n, v.shows) })
}

// knows says whether the node exists for the user: something may be done there
// or below.
func (v *view) knows(n *node.Node) bool {
	return remember(v.known, n, func() bool {
		return v.sees(n) || len(v.verbs(n)) > 0 || v.below(n, v.knows)
	})
}

func remember(memory map[string]bool, n *node.Node, decide func() bool) bool {
	if n.OnTheSpot() {
		return decide() // the next one may have the same path
	}
	path := n.Path()
	known, ok := memory[path]
	if !ok {
		known = decide()
		memory[path] = known
	}
	return known
}

func (v *view) below(n *node.Node, is func(*node.Node) bool) bool {
	for _, child := range n.Children(true) {
		if is(child) {
			return true
		}
	}
	return false
}

// verbs are those that the user has at the node, of those that there is
// something to do with in this version: all allows the later ones too.
func (v *view) verbs(n *node.Node) []auth.Verb {
	var list []auth.Verb
	for _, verb := range v.state.Rules.Allowed(v.subject, n.RulePath(), n.Group().Name) {
		if slices.Contains(builtVerbs(), verb) && v.has(verb, n) {
			list = append(list, verb)
		}
	}
	return list
}

func builtVerbs() []auth.Verb {
	return []auth.Verb{auth.See, auth.Run, auth.Shell, auth.Sudo, auth.Admin}
}

func (v *view) has(verb auth.Verb, n *node.Node) bool {
	switch verb {
	case auth.See:
		return v.sees(n)
	case auth.Run:
		if slices.ContainsFunc(n.Actions(true), func(a node.NamedAction) bool { return v.may(verb, n, a.Name) }) {
			return true
		}
	}
	return v.may(verb, n, "")
}

// action says whether an action exists for the user.
func (v *view) action(n *node.Node, a node.NamedAction) bool {
	return v.sees(n) || v.may(auth.Run, n, a.Name)
}

// running finds what the user may do something at; watching what may be seen.
func (v *view) running(last *node.Node) node.Lookup {
	return node.Lookup{Last: last, Node: v.knows, Action: v.action}
}

func (v *view) watching(last *node.Node) node.Lookup {
	return node.Lookup{Last: last, Node: v.shows, Action: v.action}
}
