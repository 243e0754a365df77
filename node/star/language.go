package star

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// languageNames are the tree language's own names, which no name of a module
// can be. Starlark's own (list, len, ...) are not among them.
var languageNames = map[string]bool{}

// builtinFunc is the Go side of a builtin.
type builtinFunc = func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error)

// predeclared are the names that every file sees besides Starlark's own.
var predeclared = sync.OnceValue(func() starlark.StringDict {
	names := starlark.StringDict{
		"groups": groupsValue{},
		"json":   jsonModule(),
		"Q":      &queryValue{part: rootPart{}, size: 1, depth: 1},

		"public_only":  &filterValue{f: node.PublicOnly},
		"private_only": &filterValue{f: node.PrivateOnly},
		"ALL_HOSTS":    allHosts{},
	}
	for name, fn := range map[string]builtinFunc{
		"node": makeNode, "parallel_node": makeNode, "property": makeProperty, "action": makeAction, "required": makeRequired, "map_roles": mapRoles,
		"ssh_host": sshHost, "local_host": localHost, "group": makeGroup, "quote": quote,
		"secret": makeSecret, "file": readText, "template": fillTemplate, "match": matchText, "struct": starlarkstruct.Make,
		"inspect": makeInspect, "is_instance": isInstance, "has_action": hasAction, "in_group": inGroup,
	} {
		names[name] = starlark.NewBuiltin(name, fn)
	}
	for name, v := range bounded() {
		names[name] = v
	}
	for op, fn := range operators {
		names[op.String()] = starlark.NewBuiltin(op.String(), fn)
	}
	names[loopRange] = starlark.NewBuiltin("range", rangeOfLoop)
	names["fail"] = starlark.NewBuiltin("fail", fail)
	names["getattr"] = starlark.NewBuiltin("getattr", getAttr)
	names["hasattr"] = starlark.NewBuiltin("hasattr", hasAttr)
	names.Freeze()
	return names
})

func init() {
	for _, name := range []string{
		"groups", "ALL_HOSTS", "node", "parallel_node", "property", "action", "required", "map_roles", "ssh_host", "local_host", "group",
		"quote", "print", "secret", "file", "template", "json", "match", "struct",
		"Q", "inspect", "is_instance", "has_action", "in_group", "public_only", "private_only",
	} {
		languageNames[name] = true
	}
}

// inert are the methods of starlark.Value that most of our values share: they
// are immutable, true, and no keys.
type inert struct{}

func (inert) Freeze()              {}
func (inert) Truth() starlark.Bool { return true }
func (inert) Hash() (uint32, error) {
	return 0, errors.New("it cannot be a key of a dictionary")
}

// arguments unpacks a builtin's arguments as starlark.UnpackArgs does, and
// suggests the right name for a misspelt keyword.
func arguments(name string, args starlark.Tuple, kwargs []starlark.Tuple, pairs ...any) error {
	known := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		known = append(known, trimMarks(pairs[i].(string)))
	}
	for _, kw := range kwargs {
		word := string(kw[0].(starlark.String))
		if !contains(known, word) {
			return withHint(didYouMean(word, known), "%s: there is no argument %s", name, word)
		}
	}
	return starlark.UnpackArgs(name, args, kwargs, pairs...)
}

func trimMarks(s string) string {
	for s[len(s)-1] == '?' {
		s = s[:len(s)-1]
	}
	return s
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// quote makes one word for a shell.
func quote(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := arguments(b.Name(), args, kwargs, "value", &v); err != nil {
		return nil, err
	}
	word, err := wordOf(v)
	if err != nil {
		return nil, fmt.Errorf("quote: %w", err)
	}
	quoted, err := host.Quote(word)
	if err != nil {
		return nil, fmt.Errorf("quote: %w", err)
	}
	return starlark.String(quoted), nil
}

// wordOf gives the text of what may stand in a command line.
func wordOf(v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return string(v), nil
	case starlark.Int, starlark.Float:
		return v.String(), nil
	}
	return "", fmt.Errorf("got %s, want a string or a number", v.Type())
}

// sameNamed compares two values that are equal when their names are.
func sameNamed(op syntax.Token, what, a, b string) (bool, error) {
	switch op {
	case syntax.EQL:
		return a == b, nil
	case syntax.NEQ:
		return a != b, nil
	}
	return false, fmt.Errorf("%s values have no order", what)
}

func hashName(name string) (uint32, error) { return starlark.String(name).Hash() }

// fail is Starlark's fail(*args, sep = " "): the text alone is the error.
func fail(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	sep := " "
	if err := arguments("fail", nil, kwargs, "sep?", &sep); err != nil {
		return nil, err
	}
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = shown(arg)
	}
	return nil, errors.New(strings.Join(words, sep))
}
