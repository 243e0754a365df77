package star

import (
	"errors"
	"fmt"
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
}

var laterConsole = []string{"select_node", "select_cell", "page", "columns", "progress"}

// Attr implements starlark.HasAttrs.
func (v consoleValue) Attr(name string) (starlark.Value, error) {
	if name == "interactive" {
		return starlark.Bool(v.env.e.Interactive()), nil
	}
	if fn, ok := consoleMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	if slices.Contains(laterConsole, name) {
		return nil, notYet("env.console." + name)
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (consoleValue) AttrNames() []string {
	return []string{"choice", "confirm", "input", "interactive", "warning"}
}

// ask puts a question to the person.
func ask(thread *starlark.Thread, b *starlark.Builtin, q node.Question) (node.Answer, error) {
	return b.Receiver().(consoleValue).env.e.Ask(callOf(thread).ctx, q)
}

// askInput is console.input(label, password, answers, default).
func askInput(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	q := node.Question{Kind: node.AskInput}
	var password bool
	var answers *starlark.List
	var standard starlark.Value
	err := arguments("input", args, kwargs, "label", &q.Label, "password?", &password, "answers??", &answers, "default??", &standard)
	if err != nil {
		return nil, err
	}
	if answers != nil {
		if q.Options, _, err = options(answers); err != nil {
			return nil, err
		}
	}
	if standard != nil {
		text, ok := starlark.AsString(standard)
		if !ok {
			return nil, fmt.Errorf("input: default is a %s, want a text", standard.Type())
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
		return secretValue{text: a.Text}, nil
	}
	return starlark.String(a.Text), nil
}

// askChoice is console.choice(question, options, default).
func askChoice(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	q := node.Question{Kind: node.AskChoice}
	var list starlark.Iterable
	var standard starlark.Value
	err := arguments("choice", args, kwargs, "question", &q.Label, "options", &list, "default??", &standard,
		"allow_random??", &onlyNone{what: "allow_random = True", off: starlark.False})
	if err != nil {
		return nil, err
	}
	labels, values, err := options(list)
	if err != nil {
		return nil, err
	}
	q.Options = labels
	if standard != nil {
		if q.Default, err = labelOf(labels, values, standard); err != nil {
			return nil, err
		}
		q.HasDefault = true
	}
	a, err := ask(thread, b, q)
	if err != nil {
		return nil, err
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

// secretValue is a password that was asked for. It has no text: it can be given
// to a command as its input, and nothing else.
type secretValue struct {
	inert
	text string
}

func (secretValue) String() string { return "<secret>" }
func (secretValue) Type() string   { return "secret" }
