package star

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
)

// secretValue is a secret: one that the tree names, a password that was asked
// for, or a text that was made with one. It has no text of its own: it can be
// given to what uses it, and nothing else.
type secretValue struct {
	inert
	name string // "" for none
	sole bool   // it is secret(name), and nothing made of it
	read func() (string, error)
}

func (v *secretValue) String() string {
	if v.name == "" {
		return "<secret>"
	}
	return "<secret " + v.name + ">"
}

func (*secretValue) Type() string { return "secret" }

// formatted implements unformatted.
func (v *secretValue) formatted() error {
	return withHint("give it as input, as a value of .env, as content of .write, or to template", "%s cannot be part of a text", v)
}

// Binary implements starlark.HasBinary: no operator takes a secret.
func (v *secretValue) Binary(syntax.Token, starlark.Value, starlark.Side) (starlark.Value, error) {
	return nil, v.formatted()
}

// asked is a password that a person gave.
func asked(text string) *secretValue {
	return &secretValue{read: func() (string, error) { return text, nil }}
}

var secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)

// makeSecret is secret(name). It is read when it is used, each time.
func makeSecret(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	if !secretName.MatchString(name) {
		return nil, withHint("letters, digits, '.', '_' and '-', beginning with a letter or digit", "secret: %q is no name of a secret", name)
	}
	c := catalogOf(thread)
	c.named.Store(name, nil)
	resolve := c.secrets
	return &secretValue{name: name, sole: true, read: func() (string, error) {
		if resolve == nil {
			return "", fmt.Errorf("secret %s: there are no secrets here", name)
		}
		text, err := resolve(name)
		if err != nil {
			return "", fmt.Errorf("secret %s: %w", name, err)
		}
		return string(text), nil
	}}, nil
}

// catalogOf finds the catalog of a thread that loads, or of a call.
func catalogOf(thread *starlark.Thread) *catalog {
	if l, ok := thread.Local(loaderKey).(*loader); ok {
		return l.catalog
	}
	return callOf(thread).catalog
}

var secretMark = regexp.MustCompile(`<secret ([^<>]+)>`)

// withoutSecrets refuses a command that the text of a secret stands in: what is
// meant is the secret itself, and a command line is seen by everybody.
func (c *catalog) withoutSecrets(command string) error {
	for _, found := range secretMark.FindAllStringSubmatch(command, -1) {
		for name := range strings.SplitSeq(found[1], ", ") {
			if _, ok := c.named.Load(name); ok {
				return withHint("give it as input, or as a value of .env", "<secret %s> cannot be part of a command", name)
			}
		}
	}
	return nil
}

// passwordArgument is an argument of ssh_host that takes a secret. It is read
// when the host asks for it.
type passwordArgument struct {
	what string
	to   **host.Password
}

// Unpack implements starlark.Unpacker.
func (p passwordArgument) Unpack(v starlark.Value) error {
	if v == starlark.None {
		return nil
	}
	s, ok := v.(*secretValue)
	if !ok {
		return withHint(`secret("name") is read from a file when it is used`, "%s: got %s, want a secret", p.what, v.Type())
	}
	if !s.sole {
		return withHint(`secret("name") itself`, "%s: %s was made of others", p.what, s)
	}
	*p.to = &host.Password{Name: s.String(), Read: s.read}
	return nil
}

// withSecret is .env(name, secret): the value is read now, and goes to a target
// on the standard input of each command.
func withSecret(c host.Context, variable string, s *secretValue, escape bool) (host.Context, error) {
	if !escape {
		return c, fmt.Errorf("env %s: no shell expands a secret: leave out escape = False", variable)
	}
	text, err := s.read()
	if err != nil {
		return c, fmt.Errorf("env %s: %w", variable, err)
	}
	return c.SetSecret(variable, text)
}

// errContent refuses what is no text.
var errContent = errors.New("want a text, bytes or a secret")

// contentOf gives the bytes of an input or of a file's content; those of a
// secret are read now, and belong into no error, log or trace.
func contentOf(v starlark.Value) ([]byte, error) {
	switch v := v.(type) {
	case starlark.String:
		return []byte(v), nil
	case starlark.Bytes:
		return []byte(v), nil
	case *secretValue:
		text, err := v.read()
		return []byte(text), err
	}
	return nil, fmt.Errorf("got %s, %w", v.Type(), errContent)
}
