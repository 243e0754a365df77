package session

import (
	"fmt"
	"strings"

	"github.com/deployerd/deployerd/auth"
)

func shellCommands() []command {
	const section = "The session"
	return []command{
		{
			name: "env", section: section, usage: "env [NAME=VALUE...] | env -u NAME",
			doc:     "variables of every later command of this session; alone it lists them",
			example: "env RELEASE=v1.2", right: "-",
			do: doEnv,
		},
		{
			name: "sandbox", section: section, usage: "sandbox LINE",
			doc:     "the same as --sandbox: change nothing, show what would be done",
			example: "sandbox production.web deploy v1.2", right: "as the line",
		},
		{
			name: "reload", section: section, usage: "reload",
			doc:     "read configuration and tree again; what is wrong changes nothing",
			example: "reload", right: "admin",
			takes: takesReason, do: doReload,
		},
		{
			name: "help", section: section, usage: "help [command]",
			doc:     "the commands, or one of them with an example",
			example: "help --run", right: "-",
			names: true, do: doHelp,
		},
		{
			name: "exit", section: section, usage: "exit",
			doc:     "end the session",
			example: "exit", right: "-",
			do: doExit,
		},
		{
			name: "return", section: section, usage: "return",
			doc:     "leave where an action took you; where none did it ends the session",
			example: "return", right: "-",
			do: doReturn,
		},
		{
			name: "--version", section: section, usage: "--version",
			doc:     "the daemon's version",
			example: "--version", right: "-",
			do: doVersion,
		},
	}
}

func doEnv(c *invocation) error {
	words := c.args()
	if len(words) == 0 {
		var b strings.Builder
		for _, v := range c.s.context.Environ() {
			b.WriteString(printable(v) + "\n")
		}
		return c.out.answer(b.String())
	}
	if words[0] == "-u" {
		if len(words) != 2 {
			return c.usage()
		}
		c.s.context = c.s.context.Unsetenv(words[1])
		return nil
	}
	context := c.s.context
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return c.usage()
		}
		var err error
		if context, err = context.Setenv(name, value, true); err != nil {
			return wrongf("env: %v", err)
		}
	}
	c.s.context = context
	return nil
}

func doReload(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if err := c.s.rights.authorize(auth.Request{Verb: auth.Admin, Reason: c.opts().reason}); err != nil {
		return err
	}
	reload := c.s.m.o.Reload
	if reload == nil {
		return &refusedError{fmt.Errorf("this daemon cannot reload")}
	}
	if err := reload(c.s.ctx); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return c.out.say("configuration and tree were read again")
}

func doExit(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	return errExit
}

func doVersion(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	return c.out.answer("deployerd " + c.s.m.o.Version + "\n")
}

func doHelp(c *invocation) error {
	words := c.args()
	switch len(words) {
	case 0:
		return c.out.answer(overview())
	case 1:
		return c.explain(words[0])
	}
	return c.usage()
}

// overview lists the commands by section.
func overview() string {
	var b strings.Builder
	b.WriteString("[options] path... action [argument...]\n[options] command ...\n")
	section := ""
	var rows [][]string
	for _, cmd := range commands() {
		if cmd.section == "" {
			continue
		}
		if cmd.section != section {
			b.WriteString(columns(rows))
			section, rows = cmd.section, nil
			b.WriteString("\n" + section + "\n")
		}
		rows = append(rows, []string{"  " + cmd.usage, cmd.doc})
	}
	b.WriteString(columns(rows))
	b.WriteString("\nOptions of a run, before its action\n")
	rows = nil
	for _, o := range runOptions() {
		if o.set != nil {
			rows = append(rows, []string{strings.TrimRight("  "+o.name+" "+o.value, " "), o.doc})
		}
	}
	b.WriteString(columns(rows))
	return b.String() + "\nhelp COMMAND says more of one.\n"
}

// explain is help for one command.
func (c *invocation) explain(name string) error {
	cmd, ok := findCommand(name)
	if !ok {
		cmd, ok = findCommand("--" + name)
	}
	switch {
	case !ok:
		return &missingError{name + ": no such command" + didYouMean(suggest(name, commandNames()))}
	case cmd.section == "":
		return notYet(cmd.name)
	}
	var takes []string
	for _, o := range runOptions() {
		if o.set != nil && o.in&cmd.takes != 0 {
			takes = append(takes, o.name)
		}
	}
	return c.out.answer(fmt.Sprintf("%s\n  %s\n%s", cmd.usage, cmd.doc, columns([][]string{
		{"right:", cmd.right},
		{"options:", strings.Join(takes, " ")},
		{"example:", cmd.example},
	})))
}
