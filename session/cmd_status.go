package session

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/run"
)

func doStatus(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if err := c.seesAnything(); err != nil {
		return err
	}
	s := c.s.m.status()
	for _, i := range c.s.m.o.Engine.List() {
		if c.mayKnow(i) {
			s.runs = append(s.runs, i)
		}
	}
	if c.opts().json {
		return c.out.object(s.document())
	}
	return c.out.answer(s.text())
}

// mayKnow says whether a run may be listed: it is the user's own, or at a place
// that the user sees.
func (c *invocation) mayKnow(i run.Info) bool {
	n, ok := c.at(i.Path)
	return i.User == c.view.subject.User || ok && c.view.sees(n)
}

// status is what the command status shows.
type status struct {
	version   string
	started   time.Time
	users     map[string]int // how many sessions
	runs      []run.Info
	pool      host.Stats
	records   uint64
	bytes     uint64
	journal   error
	reloaded  time.Time
	reloadErr error
}

func (m *Manager) status() *status {
	j := m.o.Journal.State()
	s := &status{version: m.o.Version, started: m.o.Started, records: j.Records, bytes: j.Bytes, journal: j.Err}
	if m.o.Pool != nil {
		s.pool = m.o.Pool.Stats()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.users, s.reloaded, s.reloadErr = maps.Clone(m.perUser), m.reloaded, m.reloadErr
	return s
}

func (s *status) sessions() int {
	sum := 0
	for _, n := range s.users {
		sum += n
	}
	return sum
}

func (s *status) document() object {
	runs := make([]object, len(s.runs))
	for i, r := range s.runs {
		runs[i] = object{
			{"run", r.Run},
			{"user", r.User},
			{"path", r.Path},
			{"action", r.Action},
			{"args", list(r.Args)},
			{"status", r.Status},
			{"started", r.Started.UTC()},
			{"hosts", list(r.Hosts)},
		}
	}
	return object{
		{"version", s.version},
		{"started", s.started.UTC()},
		{"sessions", object{{"count", s.sessions()}, {"users", s.users}}},
		{"runs", runs},
		{"pool", object{{"connections", s.pool.Connections}, {"channels", s.pool.Channels}, {"dialling", s.pool.Dialling}}},
		{"journal", withError(object{{"records", s.records}, {"bytes", s.bytes}}, s.journal)},
		{"reload", withError(object{{"time", s.reloaded.UTC()}}, s.reloadErr)},
	}
}

func withError(o object, err error) object {
	if err == nil {
		return o
	}
	return append(o, field{"error", err.Error()})
}

func (s *status) text() string {
	var users []string
	for _, name := range slices.Sorted(maps.Keys(s.users)) {
		users = append(users, fmt.Sprintf("%s %d", name, s.users[name]))
	}
	rows := [][]string{
		{"version", s.version},
		{"started", s.started.Format(time.RFC3339)},
		{"sessions", fmt.Sprintf("%d (%s)", s.sessions(), strings.Join(users, ", "))},
		{"pool", fmt.Sprintf("%d connections, %d channels, %d being made", s.pool.Connections, s.pool.Channels, s.pool.Dialling)},
		{"journal", fmt.Sprintf("%d records, %d bytes%s", s.records, s.bytes, failing(s.journal))},
		{"reload", s.reloaded.Format(time.RFC3339) + failedReload(s.reloadErr)},
		{"runs", fmt.Sprint(len(s.runs))},
	}
	text := columns(rows)
	var runs [][]string
	for _, r := range s.runs {
		runs = append(runs, []string{
			"  " + r.Run, r.User, label(r.Path, r.Action), strings.Join(r.Args, " "), shortList(r.Hosts),
			elapsed(time.Since(r.Started)),
		})
	}
	text += columns(runs)
	if s.reloadErr != nil {
		text += "the reload that failed:\n" + indented(s.reloadErr.Error())
	}
	return text
}

func failedReload(err error) string {
	if err == nil {
		return ""
	}
	return "; one since then failed and changed nothing"
}

// indented is a text of several lines, set apart.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + printable(strings.TrimRight(line, "\n")) + "\n")
	}
	return b.String()
}

func failing(err error) string {
	if err == nil {
		return ""
	}
	return "; failing: " + err.Error()
}
