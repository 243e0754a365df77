package session

import (
	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// rights asks the rules about one user, always those in force now: a session
// and its runs may be older than a reload. It outlives the session with a run.
type rights struct {
	m      *Manager
	client Client
}

// errNoAccount refuses a user whose account is gone or disabled.
var errNoAccount = &refusedError{ErrRightsEnded}

// subject is the user with the roles of a state.
func (r rights) subject(s *State) (auth.Subject, error) {
	id, ok := s.Users.Lookup(r.client.Identity.User)
	if !ok {
		return auth.Subject{}, errNoAccount
	}
	return auth.Subject{
		User: id.User, Roles: id.Roles,
		From: r.client.From, Methods: []string{r.client.Identity.Method},
	}, nil
}

// authorize is the one place where the session asks whether its user may do
// something. A refusal is audited. The error is a *auth.DeniedError or
// errNoAccount.
func (r rights) authorize(q auth.Request) error {
	state := r.m.state.Load()
	subject, err := r.subject(state)
	if err == nil {
		err = state.Rules.Authorize(subject, q)
	}
	if err != nil {
		r.refused(q, err)
	}
	return err
}

// refused audits a refusal. The record is no condition of it, so that a
// journal that fails is only logged.
func (r rights) refused(q auth.Request, reason error) {
	r.m.audit(journal.Record{
		Kind: journal.Refused, User: r.client.Identity.User, From: r.client.From.String(),
		Method: r.client.Identity.Method, Path: q.Path, Action: q.Action, Hosts: q.Hosts,
		Reason: q.Reason, Text: string(q.Verb) + ": " + reason.Error(),
	})
}

// request asks for a verb at a node.
func request(verb auth.Verb, n *node.Node, hosts []string) auth.Request {
	return auth.Request{Verb: verb, Path: n.RulePath(), Group: n.Group().Name, Hosts: hosts}
}

// start asks for all that a run needs where it starts, and has its commands
// checked.
func (r rights) start(spec *run.Spec, verbs []auth.Verb) error {
	action := ""
	if spec.Action != nil {
		action = spec.Action.Name
	}
	spec.Check = r.check(action)
	for _, verb := range verbs {
		q := request(verb, spec.Node, run.Hosts(spec.Node, spec.Limit))
		q.Reason, q.Action = spec.Reason, action
		if err := r.authorize(q); err != nil {
			return err
		}
	}
	return nil
}

// check gives what is asked before each command of a run. What the user may do
// was decided where the run started; here only a rule that denies hosts, or
// the end of the account, refuses (TREE.md, "Rights"). action is the one the
// run started with, "" for a command.
func (r rights) check(action string) func(n *node.Node, call host.Call) error {
	return func(n *node.Node, call host.Call) error {
		state := r.m.state.Load()
		subject, err := r.subject(state)
		if err != nil {
			return err
		}
		verbs := []auth.Verb{auth.Run}
		if call.Sudo {
			verbs = append(verbs, auth.Sudo)
		}
		for _, verb := range verbs {
			q := request(verb, n, call.Hosts)
			q.Action = action
			if err := state.Rules.DeniedHosts(subject, q); err != nil {
				return err // the run audits it
			}
		}
		return nil
	}
}
