package auth

import (
	"fmt"
	"net/netip"
	"slices"
)

// maxRules bounds the rules and the items of each list in one.
const maxRules = 10_000

// RuleOptions are one rule, as written. Of each list, nil means that the rule
// is not narrowed by it; an empty one is an error, for it would match nothing.
type RuleOptions struct {
	// Users and Roles say for whom the rule is: someone named or having one of
	// the roles; both nil: everybody.
	Users, Roles []string
	// Allow or Deny are verbs; one of them, not both.
	Allow, Deny []string
	// Paths, Groups and Hosts are patterns that narrow the rule; all given must
	// match.
	Paths, Groups, Hosts []string
	// Actions are patterns that narrow the verb run; the rule's other verbs are
	// not narrowed by them.
	Actions []string
	// From are networks or addresses. An unknown address is in none of an
	// allowing rule and in all of a denying one.
	From []string
	// Require is "reason"; the others are refused as not in this version.
	Require []string
}

// Rules decide. Immutable and safe for concurrent use. Without rules nothing is
// allowed.
type Rules struct {
	allow, deny []*rule // each in the order written
}

// rule is one rule, as checked.
type rule struct {
	users, roles []string
	verbs        map[Verb]bool
	paths        []pathPattern
	groups       []namePattern
	hosts        []namePattern
	actions      []namePattern
	from         []netip.Prefix
	reason       bool
	deny         bool
}

// NewRules checks all rules and returns every *FieldError joined (rules[i].allow
// and so on; an item of a list is rules[i].paths[j]). With an error there are no
// Rules.
func NewRules(rules []RuleOptions) (*Rules, error) {
	var wrong faults
	if len(rules) > maxRules {
		wrong.add("rules", fmt.Errorf("there are more than %d rules", maxRules))
		return nil, wrong.join()
	}
	r := &Rules{}
	for i, o := range rules {
		one := newRule(fmt.Sprintf("rules[%d]", i), o, &wrong)
		if one.deny {
			r.deny = append(r.deny, one)
		} else {
			r.allow = append(r.allow, one)
		}
	}
	if err := wrong.join(); err != nil {
		return nil, err
	}
	return r, nil
}

func newRule(field string, o RuleOptions, wrong *faults) *rule {
	r := &rule{deny: o.Deny != nil, verbs: make(map[Verb]bool)}
	verbs, key := o.Allow, ".allow"
	switch {
	case o.Allow == nil && o.Deny == nil:
		wrong.add(field, advise("add allow: [see, run] or the like", "the rule neither allows nor denies"))
	case o.Allow != nil && o.Deny != nil:
		wrong.add(field, advise("make two rules of it", "the rule both allows and denies"))
	case r.deny:
		verbs, key = o.Deny, ".deny"
	}
	for _, v := range items(field+key, verbs, wrong, parseVerb) {
		r.verbs[v] = true
	}
	r.users = items(field+".users", o.Users, wrong, parseName("user name"))
	r.roles = items(field+".roles", o.Roles, wrong, parseName("role"))
	r.paths = items(field+".paths", o.Paths, wrong, parsePath)
	r.groups = items(field+".groups", o.Groups, wrong, parseNamePattern)
	r.hosts = items(field+".hosts", o.Hosts, wrong, parseNamePattern)
	r.actions = items(field+".actions", o.Actions, wrong, parseNamePattern)
	r.from = items(field+".from", o.From, wrong, parseNetwork)
	r.reason = slices.Contains(items(field+".require", o.Require, wrong, parseRequirement), "reason")
	r.checkSense(field, o, wrong)
	return r
}

// checkSense refuses what could only be a mistake.
func (r *rule) checkSense(field string, o RuleOptions, wrong *faults) {
	if r.deny && o.Require != nil {
		wrong.add(field+".require", advise("a deny is a deny; leave it out", "a rule that denies requires nothing"))
	}
	if o.Actions != nil && len(r.verbs) > 0 && !r.verbs[Run] && !r.verbs[All] {
		wrong.add(field+".actions", advise("leave it out, or add run", "actions narrow run, which is not in this rule"))
	}
}

// items checks each item of a list and returns those that are good.
func items[T any](field string, list []string, wrong *faults, parse func(string) (T, error)) []T {
	if list != nil && len(list) == 0 {
		wrong.add(field, advise("leave the key out to mean all", "an empty list matches nothing"))
	}
	if len(list) > maxRules {
		wrong.add(field, fmt.Errorf("the list has more than %d items", maxRules))
		return nil
	}
	var good []T
	for j, text := range list {
		item, err := parse(text)
		if err != nil {
			wrong.add(fmt.Sprintf("%s[%d]", field, j), err)
			continue
		}
		good = append(good, item)
	}
	return good
}

func parseName(what string) func(string) (string, error) {
	return func(text string) (string, error) { return text, checkName(what, text) }
}

func parseRequirement(text string) (string, error) {
	switch text {
	case "reason":
		return text, nil
	case "approval", "mfa":
		return "", notYet("the requirement " + text)
	}
	return "", advise("reason is the only one in this version", "%q is no requirement", text)
}
