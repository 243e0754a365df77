package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is how far one host is.
type State int

// The states of a host.
const (
	ToCome State = iota
	Running
	Done
	Failed
)

// Progress is how far a run is on its hosts.
type Progress struct {
	hosts []hostProgress
	index map[string]int
	count [Failed + 1]int
}

type hostProgress struct {
	name  string
	state State
	since time.Time
}

// NewProgress begins with hosts that are still to come.
func NewProgress(hosts []string) *Progress {
	p := &Progress{index: make(map[string]int, len(hosts))}
	for _, name := range hosts {
		p.host(name)
	}
	return p
}

func (p *Progress) host(name string) *hostProgress {
	i, ok := p.index[name]
	if !ok {
		i = len(p.hosts)
		p.index[name] = i
		p.hosts = append(p.hosts, hostProgress{name: name})
		p.count[ToCome]++
	}
	return &p.hosts[i]
}

// Set says that a host has come to a state at a time. A new host is taken in.
func (p *Progress) Set(name string, state State, at time.Time) {
	h := p.host(name)
	p.count[h.state]--
	p.count[state]++
	h.state, h.since = state, at
}

// Open lists the hosts that have started and not finished, the one that has
// run longest first.
func (p *Progress) Open() []string {
	var open []hostProgress
	for _, h := range p.hosts {
		if h.state == Running {
			open = append(open, h)
		}
	}
	slices.SortStableFunc(open, func(a, b hostProgress) int { return a.since.Compare(b.since) })
	names := make([]string, len(open))
	for i, h := range open {
		names[i] = h.name
	}
	return names
}

// maxNamed is how many hosts a status row names.
const maxNamed = 3

// Text is all of it in one row, at a time.
func (p *Progress) Text(now time.Time) string {
	var parts []string
	for _, c := range []struct {
		state State
		name  string
	}{{Running, "running"}, {Done, "done"}, {Failed, "failed"}, {ToCome, "to come"}} {
		if n := p.count[c.state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", c.name, n))
		}
	}
	if open := p.Open(); len(open) > 0 {
		since := p.hosts[p.index[open[0]]].since
		named := strings.Join(open[:min(len(open), maxNamed)], ", ")
		if len(open) > maxNamed {
			named = open[0]
		}
		parts = append(parts, fmt.Sprintf("waiting on %s (%s)", named, Seconds(now.Sub(since))))
	}
	return strings.Join(parts, ", ")
}

// Seconds is a time that is still passing, as a person reads it.
func Seconds(d time.Duration) string {
	s := int(max(d, 0).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d m %02d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d m", s/3600, s/60%60)
}
