package node

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Argument is a word of a command line given to an action; Name is set for
// name=value.
type Argument struct {
	Name  string
	Value string
}

// ArgumentError says what is wrong with an action's arguments, naming the
// parameter and the way out.
type ArgumentError struct {
	Action string
	Param  string // "" when no parameter is concerned
	Text   string
}

func (e *ArgumentError) Error() string { return e.Action + ": " + e.Text }

// Bind checks words against the parameters and converts those whose default is
// an int, a float or a bool: an int in decimal digits, a float as Go writes it
// (finite), a bool as true, yes or 1, false, no or 0 in any case. Everything
// else stays a string, *args and **kwargs too. What has a default and is not
// given is left out of the result. The error is an *ArgumentError. name is the
// action's, for the error.
func (a *Action) Bind(name string, words []Argument) (Args, error) {
	b := binding{action: a, name: name, given: map[string]bool{}}
	for _, word := range words {
		var err error
		if word.Name == "" {
			err = b.positional(word.Value)
		} else {
			err = b.keyword(normal(word.Name), word.Value)
		}
		if err != nil {
			return Args{}, err
		}
	}
	if err := b.complete(); err != nil {
		return Args{}, err
	}
	return b.args, nil
}

type binding struct {
	action *Action
	name   string
	args   Args
	given  map[string]bool
}

func (b *binding) refuse(param, format string, args ...any) error {
	return &ArgumentError{Action: b.name, Param: param, Text: fmt.Sprintf(format, args...) + b.usage()}
}

// positional gives a word to the next parameter by place, else to *args.
func (b *binding) positional(word string) error {
	if p, ok := b.nth(len(b.args.Pos)); ok {
		if b.given[p.Name] {
			return b.refuse(p.Name, "%s is given twice, by name and by place", p.Name)
		}
		return b.give(p, word, func(v any) { b.args.Pos = append(b.args.Pos, v) })
	}
	if _, ok := b.ofKind(VarArgs); !ok {
		return b.refuse("", "the argument %s is too much", quoted(word))
	}
	b.args.Pos = append(b.args.Pos, word)
	return nil
}

func (b *binding) keyword(name, word string) error {
	named := func(v any) { b.args.Named = append(b.args.Named, Keyword{name, v}) }
	if b.given[name] {
		return b.refuse(name, "%s is given twice", name)
	}
	if p, ok := b.called(name); ok {
		return b.give(p, word, named)
	}
	if _, ok := b.ofKind(KwArgs); !ok {
		return b.unknown(name)
	}
	b.given[name] = true
	named(word)
	return nil
}

func (b *binding) unknown(name string) error {
	hint := didYouMean(near(name, b.names()))
	if hint == "" {
		hint = "put -- before it if it is no name=value"
	}
	return b.refuse(name, "there is no parameter %s; %s", quoted(name), hint)
}

func (b *binding) give(p Param, word string, keep func(any)) error {
	b.given[p.Name] = true
	value, err := convert(p, word)
	if err != nil {
		return b.refuse(p.Name, "%s: %v", p.Name, err)
	}
	keep(value)
	return nil
}

// complete tells of every parameter that is missing.
func (b *binding) complete() error {
	var missing []string
	for _, p := range b.action.Params {
		if (p.Kind == Positional || p.Kind == KeywordOnly) && !p.HasDefault && !b.given[p.Name] {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return b.refuse(missing[0], "missing: %s", strings.Join(missing, ", "))
}

// nth is the n-th parameter that is given by place.
func (b *binding) nth(n int) (Param, bool) {
	for _, p := range b.action.Params {
		if p.Kind != Positional {
			continue
		}
		if n == 0 {
			return p, true
		}
		n--
	}
	return Param{}, false
}

func (b *binding) called(name string) (Param, bool) {
	for _, p := range b.action.Params {
		if (p.Kind == Positional || p.Kind == KeywordOnly) && p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

func (b *binding) ofKind(k ParamKind) (Param, bool) {
	for _, p := range b.action.Params {
		if p.Kind == k {
			return p, true
		}
	}
	return Param{}, false
}

func (b *binding) names() []string {
	var names []string
	for _, p := range b.action.Params {
		if p.Kind == Positional || p.Kind == KeywordOnly {
			names = append(names, p.Name)
		}
	}
	return names
}

// usage shows how the action is called.
func (b *binding) usage() string {
	if len(b.action.Params) == 0 {
		return " (" + b.name + " takes no arguments)"
	}
	shown := make([]string, len(b.action.Params))
	for i, p := range b.action.Params {
		shown[i] = p.String()
	}
	return " (usage: " + b.name + " " + strings.Join(shown, " ") + ")"
}

// String shows the parameter as it is written: version, count=3, *args,
// **options; one that can only be given by name without a default is name=.
func (p Param) String() string {
	switch {
	case p.Kind == VarArgs:
		return "*" + p.Name
	case p.Kind == KwArgs:
		return "**" + p.Name
	case p.HasDefault:
		return p.Name + "=" + showDefault(p.Default)
	case p.Kind == KeywordOnly:
		return p.Name + "="
	}
	return p.Name
}

func showDefault(v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	return Text(v)
}

// Text is a value as the tree's language prints it: None, True, 1.0, a text as
// it is, and what has a String method as that says.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if strings.IndexFunc(text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') }) < 0 {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v)
}

// convert makes a word what the parameter's default is.
func convert(p Param, word string) (any, error) {
	if !p.HasDefault {
		return word, nil
	}
	switch p.Default.(type) {
	case int, int64:
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is no whole number", quoted(word))
		}
		return n, nil
	case float64:
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fmt.Errorf("%s is no number", quoted(word))
		}
		return f, nil
	case bool:
		return truth(word)
	}
	return word, nil
}

func truth(word string) (any, error) {
	switch strings.ToLower(word) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%s is neither true (yes, 1) nor false (no, 0)", quoted(word))
}
