package host

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Context is the HostContext: the working folder, variables, prefixes, sudo
// and sandbox that commands run in. It is a value: every method returns a
// changed copy, so nothing is shared and nothing leaks. The zero value is the
// login's own folder and environment.
//
// A line is built from it in this order: with sudo all of it runs as the other
// user; the folders, outermost first; the variables in the order they were
// set; the prefixes; the command. Whatever of these fails ends the line with
// its status, and the command does not run.
type Context struct {
	folders  []folder
	vars     []variable
	secrets  []secret
	asks     bool // its lines read the secrets
	prefixes []string
	sudo     bool
	user     string
	sandbox  bool
}

type folder struct {
	path   string
	expand bool
}

type variable struct {
	name, value string
	escape      bool
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	tildePrefix  = regexp.MustCompile(`^~[A-Za-z0-9._-]*$`)
)

// refusedNames change how a shell or the loader runs programs.
var refusedNames = []string{"PATH", "IFS", "ENV", "BASH_ENV"}

// Cd returns a context whose commands start in dir, relative to the folder
// before. With expand the remote shell expands ~ and $ in it, by the rules of
// [Context.Setenv] without escape. An empty dir changes nothing.
func (c Context) Cd(dir string, expand bool) Context {
	if dir == "" {
		return c
	}
	folders := c.folders
	if !expand && strings.HasPrefix(dir, "/") {
		folders = nil // whatever was before has no part in it
	}
	c.folders = append(slices.Clip(folders), folder{dir, expand})
	return c
}

// Setenv returns a context with a variable; one that is set again keeps its
// place. The name must match [A-Za-z_][A-Za-z0-9_]* and not be LD_*, PATH,
// IFS, ENV or BASH_ENV.
//
// Without escape the remote shell expands the value, in this context, as it
// does between double quotes: $NAME, ${...}, $(command), `command` and
// backslashes before $, `, " and \ work, and blanks, * and ~ stand for
// themselves. So does a double quote outside of a ${...} or $(...). A value in
// which one of these is opened and not closed is an error, so no value can
// reach beyond its own variable.
func (c Context) Setenv(name, value string, escape bool) (Context, error) {
	if err := checkName(name); err != nil {
		return c, err
	}
	if strings.IndexByte(value, 0) >= 0 {
		return c, fmt.Errorf("variable %s: %w", name, errNUL)
	}
	if !escape {
		if _, err := expandable(value); err != nil {
			return c, fmt.Errorf("variable %s: %w", name, err)
		}
	}
	v := variable{name, value, escape}
	c.secrets = withoutSecret(c.secrets, name)
	vars := slices.Clone(c.vars)
	if i := indexOf(vars, name); i >= 0 {
		vars[i] = v
	} else {
		vars = append(vars, v)
	}
	c.vars = vars
	return c, nil
}

func checkName(name string) error {
	if !variableName.MatchString(name) {
		return fmt.Errorf("variable %q: a name has letters, digits and _, and no digit first", name)
	}
	if strings.HasPrefix(name, "LD_") || slices.Contains(refusedNames, name) {
		return fmt.Errorf("variable %s: it may not be set, it changes how programs are run", name)
	}
	return nil
}

func indexOf(vars []variable, name string) int {
	return slices.IndexFunc(vars, func(v variable) bool { return v.name == name })
}

// Unsetenv returns a context without the variable that Setenv or SetSecret set.
func (c Context) Unsetenv(name string) Context {
	c.secrets = withoutSecret(c.secrets, name)
	if i := indexOf(c.vars, name); i >= 0 {
		c.vars = slices.Delete(slices.Clone(c.vars), i, i+1)
	}
	return c
}

// Environ lists the variables as NAME=VALUE, in the order they were set; then
// those that are secret, without their values.
func (c Context) Environ() []string {
	list := make([]string, len(c.vars))
	for i, v := range c.vars {
		list[i] = v.name + "=" + v.value
	}
	for _, s := range c.secrets {
		list = append(list, s.name+"=<secret>")
	}
	return list
}

// Prefix returns a context that runs command && before each command, in the
// same shell. An empty one changes nothing.
func (c Context) Prefix(command string) Context {
	if strings.TrimSpace(command) == "" {
		return c
	}
	c.prefixes = append(slices.Clip(c.prefixes), command)
	return c
}

// Sudo returns a context whose whole line runs as user, "" for root. The last
// one counts.
func (c Context) Sudo(user string) Context {
	c.sudo, c.user = true, user
	return c
}

// Sandbox returns a context whose lines are only checked for their syntax
// (bash -n, else sh -n), never run.
func (c Context) Sandbox() Context {
	c.sandbox = true
	return c
}

// Line builds the line that runs command through bash, else sh, without
// profile files, in this context. It refuses NUL, what cannot be quoted and a
// line that is longer than the 128 KiB that a target takes.
//
// In a sandbox the line checks the command alone: it ends with 0 and no
// output, or with another status and the syntax error on stderr.
func (c Context) Line(command string) (Line, error) {
	if strings.IndexByte(command, 0) >= 0 {
		return Line{}, fmt.Errorf("command: %w", errNUL)
	}
	l, err := c.line(command)
	l.command, l.check = command, c.sandbox
	return l, err
}

func (c Context) line(command string) (Line, error) {
	if c.sandbox {
		return newLine(command, runAs{check: true})
	}
	var b strings.Builder
	if c.asks {
		b.WriteString(c.reading())
	}
	for _, f := range c.folders {
		if err := f.write(&b); err != nil {
			return Line{}, err
		}
	}
	for _, v := range c.vars {
		if err := v.write(&b); err != nil {
			return Line{}, err
		}
	}
	for _, p := range c.prefixes {
		fmt.Fprintf(&b, "{ %s\n} || exit\n", p) // the newline ends a comment
	}
	b.WriteString(command)
	return newLine(b.String(), runAs{sudo: c.sudo, user: c.user})
}

// LoginShell builds the line that becomes the account's own login shell in
// this context, with its profile files: its folder, its variables, its
// prefixes, and with sudo as the other user. It is for a terminal. A sandbox
// has none.
func (c Context) LoginShell() (Line, error) {
	if c.sandbox {
		return Line{}, errors.New("login shell: a sandbox opens none")
	}
	return c.Line(`exec "${SHELL:-/bin/sh}" -l`)
}

// write adds the change to the folder. What is expanded is given to eval as
// one word, so that it cannot reach beyond it.
func (f folder) write(b *strings.Builder) error {
	if !f.expand {
		path := f.path
		if !strings.HasPrefix(path, "/") {
			path = "./" + path // neither an option, nor "-", nor looked for in CDPATH
		}
		quoted, err := Quote(path)
		if err != nil {
			return fmt.Errorf("folder: %w", err)
		}
		fmt.Fprintf(b, "cd -- %s || exit\n", quoted)
		return nil
	}
	word, err := tildeWord(f.path)
	if err != nil {
		return fmt.Errorf("folder %q: %w", f.path, err)
	}
	quoted, err := Quote("CDPATH= cd -- " + word)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	fmt.Fprintf(b, "eval %s || exit\n", quoted)
	return nil
}

// tildeWord leaves a ~ or ~user at the start, with the slash behind it, to the
// shell, which expands it only unquoted.
func tildeWord(path string) (string, error) {
	tilde, rest, slash := strings.Cut(path, "/")
	if !tildePrefix.MatchString(tilde) {
		return expandable(path)
	}
	if !slash {
		return tilde, nil
	}
	word, err := expandable(rest)
	return tilde + "/" + word, err
}

func (v variable) write(b *strings.Builder) error {
	if v.escape {
		quoted, err := Quote(v.value)
		if err != nil {
			return fmt.Errorf("variable %s: %w", v.name, err)
		}
		fmt.Fprintf(b, "export %s=%s || exit\n", v.name, quoted)
		return nil
	}
	word, err := expandable(v.value)
	if err != nil {
		return fmt.Errorf("variable %s: %w", v.name, err)
	}
	fmt.Fprintf(b, "eval %s || exit\n", quote("export "+v.name+"="+word))
	return nil
}
