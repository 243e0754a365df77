package auth

import "strings"

// Verb is something that can be allowed.
type Verb string

// The verbs of CONFIG.md.
const (
	See     Verb = "see"
	Run     Verb = "run"
	Shell   Verb = "shell"
	Sudo    Verb = "sudo"
	Files   Verb = "files"
	Tunnel  Verb = "tunnel"
	Watch   Verb = "watch"
	Join    Verb = "join"
	Approve Verb = "approve"
	Lock    Verb = "lock"
	Hostkey Verb = "hostkey"
	Admin   Verb = "admin"
	All     Verb = "all" // only in rules
)

// verbs says for each verb what it lets one do, at some place, and whether this
// version has it.
var verbs = []struct {
	verb  Verb
	does  string
	built bool
}{
	{See, "see", true},
	{Run, "run", true},
	{Shell, "open a shell at", true},
	{Sudo, "use sudo at", true},
	{Files, "copy files at", false},
	{Tunnel, "open a tunnel at", false},
	{Watch, "watch runs at", false},
	{Join, "join a session at", false},
	{Approve, "approve runs at", false},
	{Lock, "lock", false},
	{Hostkey, "trust host keys at", false},
	{Admin, "administer", true},
}

// Verbs lists all verbs but All, in the contract's order.
func Verbs() []Verb {
	list := make([]Verb, 0, len(verbs))
	for _, v := range verbs {
		list = append(list, v.verb)
	}
	return list
}

// parseVerb checks a verb of a rule.
func parseVerb(text string) (Verb, error) {
	if Verb(text) == All {
		return All, nil
	}
	var built []string
	for _, v := range verbs {
		switch {
		case string(v.verb) == text && v.built:
			return v.verb, nil
		case string(v.verb) == text:
			return "", notYet("the verb " + text)
		case v.built:
			built = append(built, string(v.verb))
		}
	}
	return "", advise("one of "+strings.Join(append(built, string(All)), ", "), "%q is no verb", text)
}

// does is a verb in a sentence.
func (v Verb) does() string {
	for _, row := range verbs {
		if row.verb == v {
			return row.does
		}
	}
	return "do that at"
}
