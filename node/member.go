package node

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// DefaultAction is the name of the action that runs when the node itself is
// named as a command, or called.
const DefaultAction = "call"

// taken are the names that no member can have, with what they are instead.
var taken = map[string]string{
	"host":     "env.host is the one host of a cell",
	"parent":   "env.parent is the node above",
	"root":     "env.root is the tree's root",
	"console":  "env.console asks the user",
	"array":    ".array() is the one-cell-per-host form of a type",
	"just_one": ".just_one() is a form of a type",
}

// normal gives the form in which names are compared (Unicode NFC).
func normal(name string) string {
	if norm.NFC.IsNormalString(name) {
		return name
	}
	return norm.NFC.String(name)
}

// isIdentifier says whether a name is letters, digits and underscores, not
// beginning with a digit.
func isIdentifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || unicode.IsLetter(r)
		if !letter && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != "" && utf8.ValidString(name)
}

func isPrivate(name string) bool { return strings.HasPrefix(name, "_") }

// refusal says why a name and value cannot be a member; nil if they can.
func refusal(m Member) *DefinitionError {
	if what, ok := taken[m.Name]; ok {
		return &DefinitionError{m.Pos, quoted(m.Name) + " cannot be a member", what + "; choose another name"}
	}
	if !isIdentifier(m.Name) {
		return &DefinitionError{m.Pos, quoted(m.Name) + " is no name for a member", "names are letters, digits and _, and do not begin with a digit"}
	}
	return refusedValue(m)
}

func refusedValue(m Member) *DefinitionError {
	if _, later := m.Value.(Required); m.Name == DefaultAction && !later {
		if _, ok := m.Value.(*Action); !ok {
			return &DefinitionError{m.Pos, quoted(m.Name) + " is the default action, and must be a function", "choose another name for anything else"}
		}
	}
	switch v := m.Value.(type) {
	case *Action:
		if v == nil || v.Fn == nil {
			return &DefinitionError{m.Pos, "the action " + quoted(m.Name) + " has no function", ""}
		}
		if err := v.Bounds.Check(); err != nil {
			return &DefinitionError{m.Pos, "the action " + quoted(m.Name) + ": " + err.Error(), ""}
		}
	case *Property:
		if v == nil || v.Fn == nil {
			return &DefinitionError{m.Pos, "the property " + quoted(m.Name) + " has no function", ""}
		}
	case *Query:
		if v == nil || v.Eval == nil {
			return &DefinitionError{m.Pos, "the query " + quoted(m.Name) + " has nothing to evaluate", ""}
		}
	case *Type:
		if v == nil {
			return &DefinitionError{m.Pos, "the child " + quoted(m.Name) + " has no type", ""}
		}
	}
	return nil
}
