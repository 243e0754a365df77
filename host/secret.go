package host

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// secret is a variable whose value stands in no line: whoever may look at a
// target's processes sees those. The command's shell reads it from its standard
// input, before the command gets what is left.
type secret struct{ name, value string }

// Bounds of a secret variable.
const (
	maxSecret      = 64 << 10 // bytes
	maxSecretLines = 200
)

// SetSecret returns a context with a variable whose value reaches a target on
// the standard input of each command and is in no line, no process's arguments,
// no [Call] and no [Result]. Names are those of [Context.Setenv]. Operations on
// files do not get it, and a terminal, whose input is typed, is refused.
func (c Context) SetSecret(name, value string) (Context, error) {
	if err := checkName(name); err != nil {
		return c, err
	}
	switch {
	case strings.IndexByte(value, 0) >= 0:
		return c, fmt.Errorf("variable %s: %w", name, errNUL)
	case len(value) > maxSecret || strings.Count(value, "\n") >= maxSecretLines:
		return c, fmt.Errorf("variable %s: a secret has at most %d bytes and %d lines", name, maxSecret, maxSecretLines)
	}
	c = c.Unsetenv(name)
	c.secrets = append(slices.Clip(c.secrets), secret{name, value})
	return c, nil
}

func withoutSecret(secrets []secret, name string) []secret {
	if !slices.ContainsFunc(secrets, func(s secret) bool { return s.name == name }) {
		return secrets
	}
	return slices.DeleteFunc(slices.Clone(secrets), func(s secret) bool { return s.name == name })
}

// reading is the script that reads the secrets, before everything else.
func (c Context) reading() string {
	if len(c.secrets) == 0 {
		return ""
	}
	var b strings.Builder
	for _, s := range c.secrets {
		fmt.Fprintf(&b, "%s=\n", s.name)
		for i := range strings.Count(s.value, "\n") + 1 {
			newline := ""
			if i > 0 {
				newline = "\n"
			}
			fmt.Fprintf(&b, "IFS= read -r deployerd_s || exit\n%s=\"$%s%s$deployerd_s\"\n", s.name, s.name, newline)
		}
		fmt.Fprintf(&b, "export %s\n", s.name)
	}
	b.WriteString("unset deployerd_s\n")
	return b.String()
}

// lineWithSecrets is Line, with the options that give it its secrets.
func (c Context) lineWithSecrets(command string, o RunOptions) (Line, RunOptions, error) {
	if len(c.secrets) == 0 || c.sandbox {
		l, err := c.Line(command)
		return l, o, err
	}
	if o.Terminal != nil {
		return Line{}, o, errors.New("a secret variable and a terminal together are not in this version")
	}
	var values strings.Builder
	for _, s := range c.secrets {
		values.WriteString(s.value + "\n")
	}
	if o.Input != nil {
		o.Input = io.MultiReader(strings.NewReader(values.String()), o.Input)
	} else {
		o.InputAll = append([]byte(values.String()), o.InputAll...)
	}
	c.asks = true
	l, err := c.Line(command)
	return l, o, err
}
