package run

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// Spec is what is to run. It must not be changed after Start.
type Spec struct {
	User     string
	From     string
	Node     *node.Node
	Action   *node.NamedAction // nil: Command
	Args     node.Args
	Words    []string  // the arguments as written, for records and events
	Command  string    // --run
	Sudo     bool      // --run-with-sudo
	Connect  bool      // --connect: Command, "" for a login shell, in Terminal on the node's one host
	Input    io.Reader // standard input for the one host of a Command; nil: none. Start fails with several hosts
	InputAll []byte    // --stdin: for each host of a Command
	Reason   string
	Sandbox  bool
	Limit    *Limit
	Forks    int           // 0: the node's own, else Defaults.Forks
	Serial   node.Serial   // nil: the action's own, else the node's
	MaxFail  *node.MaxFail // nil likewise
	Timeout  time.Duration // the smallest above 0 of this and Defaults.Timeout; 0: none
	Yes      bool          // --yes: what asks for a confirmation is answered with yes
	Context  host.Context
	// OpenFolder opens the user's private folder; nil: there is none.
	OpenFolder func() (node.Folder, error)
	Sink       Sink // may be nil
	// Check is asked before each command for the hosts it would touch (rights
	// that deny hosts); its error refuses the command. May be nil. It is called
	// by several goroutines at once.
	Check    func(n *node.Node, call host.Call) error
	Console  node.Console  // who answers questions; nil: their defaults do
	Terminal node.Terminal // what is lent to --connect and pty = True; nil: there is none
}

// Title is the name that records, events and listings give it.
func (s *Spec) Title() string {
	switch {
	case s.Action != nil:
		return s.Action.Name
	case s.Connect:
		return "--connect"
	case s.Sudo:
		return "--run-with-sudo"
	}
	return "--run"
}

func (s *Spec) words() []string {
	if s.Action != nil {
		return s.Words
	}
	if s.Connect && s.Command == "" {
		return nil
	}
	return []string{s.Command}
}

// command is what the one call of a Command is recorded as.
func (s *Spec) command() string {
	if s.Connect && s.Command == "" {
		return "--connect"
	}
	return s.Command
}

// NoHostsError says that there is no host: --limit leaves none, or a command
// is given to a node without hosts.
type NoHostsError struct{ Limit, Path string }

func (e *NoHostsError) Error() string {
	if e.Limit == "" {
		return fmt.Sprintf("%s has no hosts", e.Path)
	}
	return fmt.Sprintf("no host of %s matches --limit %s", e.Path, e.Limit)
}

// Hosts lists the hosts a run of spec would start with: those of its node,
// after the limit, each once. What rights are checked on.
func Hosts(n *node.Node, l *Limit) []string {
	var names []string
	seen := make(map[string]bool)
	for _, role := range n.Roles() {
		for _, h := range role.Hosts {
			if name := h.Name(); !seen[name] && l.Match(name) {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// startHosts are the hosts to start with; none is an error when there must be
// one.
func (s *Spec) startHosts() ([]string, error) {
	names := Hosts(s.Node, s.Limit)
	if len(names) == 0 && (s.Limit != nil || s.Action == nil) {
		return nil, &NoHostsError{Limit: s.Limit.String(), Path: s.Node.Path()}
	}
	if s.Input != nil && len(names) != 1 {
		return nil, fmt.Errorf("standard input goes to one host, and %s has %d", s.Node.Path(), len(names))
	}
	if s.Connect {
		return names, s.checkConnect(len(names))
	}
	return names, nil
}

// checkConnect finds what does not go with --connect.
func (s *Spec) checkConnect(hosts int) error {
	switch {
	case hosts != 1:
		return fmt.Errorf("--connect is for one host, and %s has %d", s.Node.Path(), hosts)
	case s.Terminal == nil:
		return errors.New("--connect needs a terminal, and this session has none")
	case s.Sandbox:
		return errors.New("--connect: a sandbox opens no terminal")
	case s.Sudo || s.Input != nil || s.InputAll != nil:
		return errors.New("--connect: neither sudo nor an input goes with it")
	}
	return nil
}
