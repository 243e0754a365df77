package auth

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Subject is who asks.
type Subject struct {
	User    string
	Roles   []string
	From    netip.Addr // the user's own address; invalid when it is not known
	Methods []string   // how they logged in
}

// Request is what is asked.
type Request struct {
	Verb   Verb
	Path   string // without cells, such as /production/web; "" for the daemon as a whole, which counts as /
	Group  string // the node's group by name, "" for none
	Action string // for run, by its own name and not an alias
	// Hosts are the hosts it would touch; nil when it touches none. For see they
	// are the node's own.
	Hosts  []string
	Reason string
}

// DeniedError is a refusal. Error is what the user may read.
type DeniedError struct {
	Request Request
	Hosts   []string // the denied ones, when it is about hosts
	Missing string   // "reason" when that alone is missing
}

// shownHosts is how many hosts a refusal names.
const shownHosts = 10

// Error says what was refused, never by which rule.
func (e *DeniedError) Error() string {
	if e.Missing == "reason" {
		return "a reason is needed: --reason TEXT"
	}
	text := "you may not " + e.Request.Verb.does()
	if e.Request.Verb == Run && e.Request.Action != "" {
		text += " " + e.Request.Action + " at"
	}
	if e.Request.Path == "" {
		text += " this daemon"
	} else {
		text += " " + e.Request.Path
	}
	if len(e.Hosts) > 0 {
		shown := e.Hosts[:min(len(e.Hosts), shownHosts)]
		text += " on " + strings.Join(shown, ", ")
		if more := len(e.Hosts) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	return text
}

// Authorize is the one decision: nil, or a *DeniedError. Deny beats allow,
// nothing is allowed that no rule allows; one matching allow without require
// is enough, else the requirements of the first matching one count. A request
// with hosts needs every host allowed and none denied; only for See one such
// host is enough. A request without hosts is covered by no allowing rule that
// is narrowed to hosts, and denied by none that is. A path that is not clean,
// or has a cell, is denied.
func (r *Rules) Authorize(s Subject, q Request) error {
	denied := &DeniedError{Request: q}
	if !cleanPath(q.Path) || !slices.Contains(Verbs(), q.Verb) {
		return denied
	}
	c := r.narrow(s, q)
	c.reason = strings.TrimSpace(q.Reason) != ""
	c.byAction(q)
	if len(q.Hosts) > 0 {
		return c.decideHosts(denied, q.Hosts)
	}
	switch c.verdict("") {
	case granted:
		return nil
	case needsReason:
		denied.Missing = "reason"
	}
	return denied
}

// DeniedHosts is the part of Authorize that holds for every command, also
// inside an action that was allowed: nil, or a *DeniedError that names the
// hosts which deny rules narrowed to hosts cover. Allowing rules are not asked.
func (r *Rules) DeniedHosts(s Subject, q Request) error {
	denied := &DeniedError{Request: q}
	if !cleanPath(q.Path) {
		return denied
	}
	c := r.narrow(s, q)
	c.byAction(q)
	for _, host := range q.Hosts {
		if slices.ContainsFunc(c.deny, func(d *rule) bool { return d.hosts != nil && d.covers(host) }) {
			denied.Hosts = append(denied.Hosts, host)
		}
	}
	if len(denied.Hosts) == 0 {
		return nil
	}
	return denied
}

// Allowed lists the verbs that a subject has at a path in a group, for `can`
// and for visibility; a verb that is allowed only for some actions or hosts,
// or with a reason, counts.
func (r *Rules) Allowed(s Subject, path, group string) []Verb {
	if !cleanPath(path) {
		return nil
	}
	var list []Verb
	for _, v := range Verbs() {
		c := r.narrow(s, Request{Verb: v, Path: path, Group: group})
		wholly := func(d *rule) bool { return d.hosts == nil && (d.actions == nil || v != Run) }
		if len(c.allow) > 0 && !slices.ContainsFunc(c.deny, wholly) {
			list = append(list, v)
		}
	}
	return list
}

// cleanPath says whether rules can be asked about a path: a deny of a node must
// not be passed by writing the node another way.
func cleanPath(p string) bool {
	return p == "" || p[0] == '/' && path.Clean(p) == p && !strings.Contains(p, ":")
}
