package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// later takes a key of CONFIG.md that this version has not got: it is refused
// unless its value is one of off, the forms that switch the thing off.
// Accepted and ignored would be a hole.
func (r *reader) later(off ...string) setter {
	return func(field string, n ast.Node) {
		for _, form := range off {
			if isOff(n, form) {
				return
			}
		}
		hint := "leave it out"
		if len(off) > 0 {
			name := field[strings.LastIndexByte(field, '.')+1:]
			hint += ", or switch it off with `" + name + ": " + off[0] + "`"
		}
		r.wrong(field, hint, "`%s` is not in this version", field)
	}
}

// isOff says whether a value is the one that a form stands for.
func isOff(n ast.Node, form string) bool {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return form == "[]" && len(n.Values) == 0
	case *ast.BoolNode:
		return form == "false" && !n.Value
	case *ast.StringNode:
		return n.Value == strings.Trim(form, `"`)
	case *ast.IntegerNode:
		return n.GetToken().Value == form
	}
	return false
}

func (r *reader) journal() keys {
	return keys{
		"servers":      r.later("[]"),
		"credentials":  r.later(`""`),
		"keep":         r.later(),
		"max_size":     r.later(),
		"minimum_free": r.later(),
		"recording":    r.later(`"off"`),
	}
}
