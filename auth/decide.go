package auth

import (
	"net/netip"
	"slices"

	"golang.org/x/text/unicode/norm"
)

// candidates are the rules that match a request, in all but the hosts.
type candidates struct {
	allow, deny []*rule
	reason      bool // one was given
}

// narrow finds the rules that match a request in all but action and hosts.
func (r *Rules) narrow(s Subject, q Request) candidates {
	q.Path, q.Group = norm.NFC.String(q.Path), norm.NFC.String(q.Group)
	s.From = plain(s.From)
	var c candidates
	for _, one := range r.allow {
		if one.match(s, q) {
			c.allow = append(c.allow, one)
		}
	}
	for _, one := range r.deny {
		if one.match(s, q) {
			c.deny = append(c.deny, one)
		}
	}
	return c
}

func (r *rule) match(s Subject, q Request) bool {
	return (r.verbs[q.Verb] || r.verbs[All]) && r.isFor(s) && r.isFrom(s.From) &&
		(r.paths == nil || slices.ContainsFunc(r.paths, func(p pathPattern) bool { return p.match(q.Path) })) &&
		(r.groups == nil || matchName(r.groups, q.Group))
}

func (r *rule) isFor(s Subject) bool {
	if r.users == nil && r.roles == nil {
		return true
	}
	return slices.Contains(r.users, s.User) ||
		slices.ContainsFunc(s.Roles, func(role string) bool { return slices.Contains(r.roles, role) })
}

func (r *rule) isFrom(a netip.Addr) bool {
	switch {
	case r.from == nil:
		return true
	case !a.IsValid():
		return r.deny
	}
	return contains(r.from, a)
}

// byAction drops the rules that are about other actions. An action that is not
// named is in none of an allowing rule and in all of a denying one.
func (c *candidates) byAction(q Request) {
	if q.Verb != Run {
		return
	}
	action := norm.NFC.String(q.Action)
	other := func(r *rule) bool {
		if r.actions == nil || action == "" && r.deny {
			return false
		}
		return !matchName(r.actions, action)
	}
	c.allow = slices.DeleteFunc(c.allow, other)
	c.deny = slices.DeleteFunc(c.deny, other)
}

// covers says whether a rule is about a host; "" stands for no host, which only
// a rule that is not narrowed to hosts is about.
func (r *rule) covers(host string) bool { return r.hosts == nil || matchName(r.hosts, host) }

func matchName(patterns []namePattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p namePattern) bool { return p.match(name) })
}

// verdict is what the rules say about one host.
type verdict int

const (
	refused verdict = iota
	needsReason
	granted
)

// verdict judges one host, or with "" a request without hosts.
func (c *candidates) verdict(host string) verdict {
	covers := func(r *rule) bool { return r.covers(host) }
	if slices.ContainsFunc(c.deny, covers) {
		return refused
	}
	best := refused
	for _, one := range c.allow {
		switch {
		case !one.covers(host):
		case !one.reason || c.reason:
			return granted
		default:
			best = needsReason
		}
	}
	return best
}

// decideHosts judges every host and puts the verdicts together.
func (c *candidates) decideHosts(denied *DeniedError, hosts []string) error {
	var bad, needy []string
	for _, host := range hosts {
		switch c.verdict(host) {
		case refused:
			bad = append(bad, host)
		case needsReason:
			needy = append(needy, host)
		}
	}
	if denied.Request.Verb == See && len(bad) < len(hosts) {
		if len(bad)+len(needy) < len(hosts) {
			return nil
		}
		bad = nil
	}
	switch {
	case len(bad) > 0:
		if c.aboutHosts() {
			denied.Hosts = bad
		}
		return denied
	case len(needy) > 0:
		denied.Missing = "reason"
		return denied
	}
	return nil
}

// aboutHosts says whether a refusal hangs on hosts, and not on the rest of the
// request.
func (c *candidates) aboutHosts() bool {
	return len(c.allow) > 0 && !slices.ContainsFunc(c.deny, func(r *rule) bool { return r.hosts == nil })
}
