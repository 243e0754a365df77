package star

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/deployerd/deployerd/host"
)

// playedFleet is the hosts of a tree under test: they run nothing and answer as
// the test has told them. It is safe for concurrent use.
type playedFleet struct {
	mu    sync.Mutex
	names []string // in the order they were made
	hosts map[string]*playedHost
}

func newPlayedFleet() *playedFleet { return &playedFleet{hosts: map[string]*playedHost{}} }

// newHost makes the host of that name.
func (f *playedFleet) newHost(name string, o host.SSHOptions) (host.Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o.Address == "" {
		o.Address = name
	}
	h := &playedHost{name: name, address: o.Address, labels: o.Labels}
	f.names, f.hosts[name] = append(f.names, name), h
	return h, nil
}

// find returns a host, or an error that names one that is meant.
func (f *playedFleet) find(name string) (*playedHost, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h, ok := f.hosts[name]; ok {
		return h, nil
	}
	return nil, withHint(didYouMean(name, f.names), "the tree has no host %s", name)
}

// unanswered lists the commands that no answer was there for.
func (f *playedFleet) unanswered() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, name := range f.names {
		all = append(all, f.hosts[name].unanswered()...)
	}
	return all
}

// playedHost is a host that answers as it was told.
type playedHost struct {
	name, address string
	labels        map[string]string

	mu       sync.Mutex
	answers  []playedAnswer // of those that fit, the last one counts
	commands []string
	missing  []string
}

type playedAnswer struct {
	command        string // with * for anything
	stdout, stderr string
	code           int
	left           int // how often it answers still; below 0: always
}

var _ host.Host = (*playedHost)(nil)

func (h *playedHost) Name() string              { return h.name }
func (h *playedHost) Address() string           { return h.address }
func (h *playedHost) Labels() map[string]string { return h.labels }

// told adds an answer.
func (h *playedHost) told(a playedAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, a)
}

func (h *playedHost) unanswered() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.missing)
}

func (h *playedHost) ran() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.commands)
}

// Start implements host.Host.
func (h *playedHost) Start(_ context.Context, line host.Line, streams host.IO) (host.Process, error) {
	command, sudo := line.Command()
	if command == "" {
		return playedProcess{}, nil
	}
	a := h.answer(command, sudo)
	if a.code == 0 {
		a.stdout = line.Played(a.stdout)
	}
	if streams.Stdin != nil && streams.Pty == nil {
		_, _ = io.Copy(io.Discard, streams.Stdin) // what is given to a command that reads nothing
	}
	for _, part := range []struct {
		to   io.Writer
		text string
	}{{streams.Stdout, a.stdout}, {streams.Stderr, a.stderr}} {
		if part.to != nil && part.text != "" {
			_, _ = io.WriteString(part.to, part.text) // as with every host, that ends no command
		}
	}
	return playedProcess{code: a.code}, nil
}

// answer finds the answer to a command and remembers the command.
func (h *playedHost) answer(command string, sudo bool) playedAnswer {
	shown := command
	if sudo {
		shown = "sudo " + command
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands = append(h.commands, shown)
	for i := len(h.answers) - 1; i >= 0; i-- {
		a := &h.answers[i]
		if a.left != 0 && (fits(a.command, command) || fits(a.command, shown)) {
			a.left--
			return *a
		}
	}
	h.missing = append(h.missing, fmt.Sprintf("%s: %s", h.name, shown))
	return playedAnswer{code: 127, stderr: fmt.Sprintf("the test has no answer for: %s\n", shown)}
}

// fits says whether a pattern with * for anything fits a text.
func fits(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || len(text) < len(first)+len(last) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return true
}

// playedProcess is an answer that was given.
type playedProcess struct{ code int }

// Wait implements host.Process.
func (p playedProcess) Wait() (host.Exit, error) { return host.Exit{Code: p.code}, nil }

// Resize implements host.Process.
func (playedProcess) Resize(int, int) error { return nil }

// Kill implements host.Process.
func (playedProcess) Kill(context.Context) error { return nil }
