package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// maxGroups bounds how many different outputs a summary tells apart.
const maxGroups = 10

// summarize says what several hosts had to say: equal outputs together, where
// they tell anything new, then every failure, then the counts.
func (l *live) summarize(i run.Info, o run.Outcome) error {
	var err error
	if text := l.alike(o.Hosts); text != "" {
		err = l.out.say(text)
	}
	if failed := l.failures(i, o); failed != "" {
		err = errors.Join(err, l.out.write(l.out.stderr, l.out.words(failed, red)))
	}
	return errors.Join(err, l.out.say(summary(i, o)))
}

// alike are the groups of hosts whose output is the same; "" where all hosts
// agree, or no two do, since the lines themselves were seen.
func (l *live) alike(hosts []run.HostOutcome) string {
	if l.single {
		return "" // what else was reached is not told apart
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, h := range hosts {
		if h.Status == run.OK {
			names = append(names, printable(h.Host))
		}
	}
	groups := l.outputs.Groups(names)
	if len(groups) == len(names) || len(groups) == 1 && len(names) == len(hosts) {
		return ""
	}
	var text strings.Builder
	for n, g := range groups {
		if n == maxGroups {
			fmt.Fprintf(&text, "... and %d more kinds of output\n", len(groups)-n)
			break
		}
		text.WriteString(screen.Names(g.Hosts) + ": " + groupText(g) + "\n")
	}
	return text.String()
}

func groupText(g screen.Group) string {
	switch {
	case g.Lines == 0:
		return "no output"
	case g.Lines == 1:
		return g.Text
	case len(g.Hosts) == 1:
		return fmt.Sprintf("%d lines of its own", g.Lines)
	}
	return fmt.Sprintf("the same %d lines", g.Lines)
}

// failures names every host that failed; those that failed alike together.
func (l *live) failures(i run.Info, o run.Outcome) string {
	where := label(i.Path, i.Action)
	var order []string
	failed := make(map[string][]string)
	for _, h := range o.Hosts {
		if h.Status == run.OK || h.Status == run.Skipped {
			continue
		}
		text := l.failure(h)
		if failed[text] == nil {
			order = append(order, text)
		}
		failed[text] = append(failed[text], printable(h.Host))
	}
	var text strings.Builder
	for _, t := range order {
		text.WriteString(where + ": " + screen.Names(failed[t]) + ": " + t)
	}
	if o.Err != nil && len(order) == 0 {
		text.WriteString(runFailure(where, o.Err, l.text.at))
	}
	return text.String() + stopped(where, o)
}

// failure is what went wrong on one host, with the last it said.
func (l *live) failure(h run.HostOutcome) string {
	text := strings.TrimPrefix(hostFailure(h, l.text.at), h.Host+": ") + "\n"
	if command := failedCommand(h.Err); command != "" && command != l.text.command {
		text += "  the command was: " + firstLine(command) + "\n"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.outputs.Last(printable(h.Host)) {
		text += "  | " + line + "\n"
	}
	return text
}
