package star

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// consoleValue is env.console: the person who started the run.
type consoleValue struct {
	inert
	env *envValue
}

func (consoleValue) String() string { return "console" }
func (consoleValue) Type() string   { return "console" }

var consoleMethods = map[string]builtinFunc{
	"input": askInput, "choice": askChoice, "confirm": askConfirm, "warning": warn,
	"select_node": selectNode, "select_cell": selectCell, "page": page, "columns": columns, "progress": progress,
}

// Attr implements starlark.HasAttrs.
func (v consoleValue) Attr(name string) (starlark.Value, error) {
	if name == "interactive" {
		return starlark.Bool(v.env.e.Interactive()), nil
	}
	if fn, ok := consoleMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (consoleValue) AttrNames() []string {
	return append(slices.Sorted(maps.Keys(consoleMethods)), "interactive")
}

// ask puts a question to the person.
func ask(thread *starlark.Thread, b *starlark.Builtin, q node.Question) (node.Answer, error) {
	return b.Receiver().(consoleValue).env.e.Ask(callOf(thread).ctx, q)
}

// askInput is console.input(label, password, answers, default).
func askInput(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	q := node.Question{Kind: node.AskInput}
	var password bool
	var answers starlark.Iterable
	var standard starlark.Value
	err := arguments("input", args, kwargs, "label", &q.Label, "password?", &password, "answers??", &answers, "default??", &standard)
	if err != nil {
		return nil, err
	}
	if answers != nil {
		if q.Options, _, err = options(answers); err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
	if standard != nil {
		text, ok := starlark.AsString(standard)
		if !ok {
			return nil, fmt.Errorf("input: default is a %s, want a text", standard.Type())
		}
		if q.Options != nil && !slices.Contains(q.Options, text) {
			return nil, withHint(didYouMean(text, q.Options), "input: the default %q is none of the answers", text)
		}
		q.Default, q.HasDefault = text, true
	}
	if password {
		q.Kind = node.AskPassword
	}
	a, err := ask(thread, b, q)
	if err != nil {
		return nil, err
	}
	if password {
		return asked(a.Text), nil
	}
	return starlark.String(a.Text), nil
}

// random is the option that leaves the choice to chance.
const random = "random"

// askChoice is console.choice(question, options, default, allow_random).
func askChoice(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	q := node.Question{Kind: node.AskChoice}
	var list starlark.Iterable
	var standard starlark.Value
	var allowRandom bool
	err := arguments("choice", args, kwargs, "question", &q.Label, "options", &list, "default??", &standard,
		"allow_random?", &allowRandom)
	if err != nil {
		return nil, err
	}
	labels, values, err := options(list)
	if err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	q.Options = labels
	if allowRandom && !slices.Contains(labels, random) {
		q.Options = append(slices.Clip(labels), random)
	}
	if standard != nil {
		if q.Default, err = labelOf(q.Options, values, standard); err != nil {
			return nil, err
		}
		q.HasDefault = true
	}
	a, err := ask(thread, b, q)
	if err != nil {
		return nil, err
	}
	if a.Index == len(values) {
		a.Index = rand.IntN(len(values))
	}
	return values[a.Index], nil
}

// options are texts, or tuples of a label and a value.
func options(list starlark.Iterable) (labels []string, values []starlark.Value, err error) {
	for v := range starlark.Elements(list) {
		value := v
		if pair, ok := v.(starlark.Tuple); ok && len(pair) == 2 {
			v, value = pair[0], pair[1]
		}
		label, ok := starlark.AsString(v)
		switch {
		case !ok:
			return nil, nil, withHint(`a text, or a tuple ("label", value)`, "an option is a %s", v.Type())
		case slices.Contains(labels, label):
			return nil, nil, fmt.Errorf("there are two options %q", label)
		}
		labels, values = append(labels, label), append(values, value)
	}
	if len(labels) == 0 {
		return nil, nil, errors.New("there is nothing to choose from")
	}
	return labels, values, nil
}

// labelOf finds the option that a default is: by its value, else by its label.
func labelOf(labels []string, values []starlark.Value, standard starlark.Value) (string, error) {
	for i, v := range values {
		if same, err := starlark.Equal(v, standard); err == nil && same {
			return labels[i], nil
		}
	}
	label, ok := starlark.AsString(standard)
	if ok && slices.Contains(labels, label) {
		return label, nil
	}
	return "", withHint(didYouMean(label, labels), "choice: the default %v is none of the options", standard)
}

// askConfirm is console.confirm(question, default).
func askConfirm(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	q := node.Question{Kind: node.AskConfirm}
	var standard starlark.Value
	if err := arguments("confirm", args, kwargs, "question", &q.Label, "default??", &standard); err != nil {
		return nil, err
	}
	if standard != nil {
		yes, ok := standard.(starlark.Bool)
		if !ok {
			return nil, fmt.Errorf("confirm: default is a %s, want True or False", standard.Type())
		}
		q.HasDefault, q.Default = true, "no"
		if yes {
			q.Default = "yes"
		}
	}
	a, err := ask(thread, b, q)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(a.Yes), nil
}

// warn is console.warning(text).
func warn(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var text starlark.Value
	if err := arguments("warning", args, kwargs, "text", &text); err != nil {
		return nil, err
	}
	b.Receiver().(consoleValue).env.e.Log("warning: " + shown(text))
	return starlark.None, nil
}
