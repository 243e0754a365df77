package session

import (
	"strings"

	"github.com/deployerd/deployerd/session/internal/screen"
)

func peopleCommands() []command {
	const section = "People"
	return []command{
		{
			name: "w", section: section, usage: "w",
			doc:     "who is here, from where, at what place, and what runs",
			example: "w", right: "see",
			takes: takesJSON | takesReason, do: doWho,
		},
		{
			name: "history", section: section, usage: "history",
			doc:     "the lines you typed before, in all your sessions",
			example: "history", right: "-",
			do: doHistory,
		},
		{
			name: "clear", section: section, usage: "clear",
			doc:     "empty the screen",
			example: "clear", right: "-",
			do: doClear,
		},
	}
}

func doWho(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if err := c.seesAnything(); err != nil {
		return err
	}
	sessions := c.s.m.Sessions()
	for i := range sessions {
		c.discreet(&sessions[i])
	}
	if c.opts().json {
		return c.out.object(whoObjects(sessions))
	}
	rows := [][]string{{"session", "user", "from", "by", "place", "runs", "idle"}}
	for _, l := range sessions {
		rows = append(rows, []string{
			l.ID, l.User, l.From.String(), l.Transport, label(l.Place, ""), or(l.Running, "-"), screen.Seconds(l.Idle),
		})
	}
	return c.out.answer(columns(rows))
}

// discreet takes away what the user may not know of a session: places that
// are not there for them.
func (c *invocation) discreet(l *Listed) {
	if l.User == c.view.subject.User {
		return
	}
	hidden := func(path string) bool {
		n, ok := c.at(path)
		return !ok || !c.view.sees(n)
	}
	if hidden(l.Place) {
		l.Place = "-"
	}
	if l.running != "" && hidden(l.running) {
		l.Running = "-"
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func whoObjects(sessions []Listed) []object {
	objects := make([]object, len(sessions))
	for i, l := range sessions {
		objects[i] = object{
			{"session", l.ID},
			{"user", l.User},
			{"from", l.From.String()},
			{"transport", l.Transport},
			{"place", l.Place},
			{"running", l.Running},
			{"since", l.Since.UTC()},
			{"idle_seconds", seconds(l.Idle)},
		}
	}
	return objects
}

func doHistory(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	lines := c.s.past()
	if c.s.shell != nil {
		lines = c.s.shell.history.Lines()
	}
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(printable(strings.ReplaceAll(line, "\n", "↵")) + "\n")
	}
	return c.out.answer(text.String())
}

func doClear(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if c.out.display == nil || c.out.display.plain {
		return nil // there is no screen
	}
	const emptyScreen = "\x1b[H\x1b[2J" // ECMA-48, 8.3.21 and 8.3.39
	return c.out.inTurn(func() error { return c.out.display.raw([]byte(emptyScreen)) })
}

// historySize is how many lines are kept of a user.
func (s *Session) historySize() int {
	if n := s.m.state.Load().Limits.History; n != 0 {
		return n
	}
	return defaultHistory
}

// past are the lines of the user's sessions before.
func (s *Session) past() []string {
	lines, err := s.m.past.load(s.rights.client.Identity.User, s.historySize())
	if err != nil {
		s.log.Warn("load a history", "err", err)
	}
	return lines
}

// remember keeps a line for the user's next sessions. A history that cannot be
// written stops nobody from working.
func (s *Session) remember(line string) {
	if err := s.m.past.add(s.rights.client.Identity.User, line, s.historySize()); err != nil {
		s.log.Warn("keep a line in the history", "err", err)
	}
}
