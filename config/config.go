package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is a whole configuration with its defaults filled in. Paths are
// absolute.
type Config struct {
	File     string
	Tree     string
	State    string
	SSH      SSH
	Telnet   Telnet
	Users    []User
	Rules    []Rule
	Outbound Outbound
	Runs     Runs
	Session  Session
	Limits   Limits
	Log      Log

	source source
	places map[string]place // by field
}

// SSH is ssh:.
type SSH struct {
	Listen        []string // [host]:port; empty and not nil: off
	HostKeys      []string // files; empty: made in State at the first start
	Banner        string
	ProxyProtocol []netip.Prefix
}

// Telnet is telnet:. Without a certificate it is clear text.
type Telnet struct {
	Listen         []string // [host]:port; empty and not nil: off
	Certificate    string   // file; "" for none, and then Key is too
	Key            string   // file
	AllowCleartext bool     // beyond loopback
}

// Session is session:.
type Session struct {
	Idle    time.Duration // without the user's own input; 0: for ever
	History int           // lines that are kept of each user
}

// User is one of users:. KeysFile is the file's name, KeysText its text.
type User struct {
	Name     string
	Keys     []string
	KeysFile string
	KeysText string
	Password string
	Roles    []string
	Disabled bool
}

// Rule is one of rules:, as written. A list that was not given is nil; one that
// was given empty is not.
type Rule struct {
	Users, Roles, Allow, Deny, Paths, Groups, Hosts, Actions, From, Require []string
}

// Outbound is outbound:.
type Outbound struct {
	User                  string // "" for none
	IdentityFiles         []string
	Agent                 bool // the daemon's SSH_AUTH_SOCK
	KnownHosts            []string
	SSHConfig             string // a file; "" for none
	ConnectTimeout        time.Duration
	Keepalive             time.Duration
	IdleClose             time.Duration
	ChannelsPerConnection int
	Dials                 int
}

// Runs is runs:.
type Runs struct {
	Forks   int
	Timeout time.Duration // 0: none
	Drain   time.Duration
	Steps   uint64 // of the tree's interpreter, for one run
}

// Limits is limits:.
type Limits struct {
	StartupsBegin, StartupsRate, StartupsFull int // "10:30:100"
	PerSource                                 int
	LoginGrace                                time.Duration
	LoginGraceTelnet                          time.Duration
	ConnectionsPerUser                        int
	SessionsPerUser                           int
	RunsPerUser                               int
	ChannelsPerConnection                     int
	Exempt                                    []netip.Prefix
}

// Log is log:.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // json, text
}

// Load reads, checks and completes a configuration: the file's form, values,
// and the modes and owners of every file it names. The error is an *Error with
// all problems. With one, a Config that is not nil holds what could be read, for
// finding what else is wrong and for Problem, and for nothing else: it must
// never be used.
func Load(file string) (*Config, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, &Error{[]Problem{{File: file, Text: err.Error()}}}
	}
	text, faults := readFile(file, secretFile)
	if text == nil {
		return nil, &Error{asProblems(file, faults)}
	}
	r := &reader{
		source: newSource(file, text),
		dir:    filepath.Dir(file),
		places: make(map[string]place),
		told:   make(map[fault]bool),
	}
	r.faults("", faults)
	c := defaults(file)
	c.source, c.places = r.source, r.places
	if r.read(c, text) {
		r.checkFiles()
		r.checkSecrets(c.State)
	}
	if len(r.problems) > 0 {
		return c, &Error{sorted(r.problems)}
	}
	return c, nil
}

// read takes the text's values; false when it could not be parsed.
func (r *reader) read(c *Config, text []byte) bool {
	root, err := parse(text)
	var syntax *syntaxError
	if errors.As(err, &syntax) {
		r.problems = append(r.problems, r.problem(syntax.at, syntax.text, syntax.hint))
		return false
	}
	if root != nil {
		r.top(c, root)
	}
	r.checkTelnet(&c.Telnet)
	r.require("tree", "the entry file of the tree, such as tree: tree.star", true)
	r.require("rules", "nothing is allowed that no rule allows", c.Rules == nil || len(c.Rules) > 0)
	if _, given := r.places["state"]; !given {
		r.uses = append(r.uses, fileUse{field: "state", file: c.State, use: stateFolder})
	}
	return true
}

func (r *reader) require(field, hint string, filled bool) {
	if _, given := r.places[field]; !given {
		r.problems = append(r.problems, r.problem(place{}, "`"+field+"` is missing", hint))
	} else if !filled {
		r.wrong(field, hint, "`%s` is empty", field)
	}
}

// defaults is the configuration of a file that says nothing.
func defaults(file string) *Config {
	state := filepath.Join(filepath.Dir(file), "state")
	if dirs := os.Getenv("STATE_DIRECTORY"); dirs != "" { // systemd.exec(5): separated by colons
		state, _, _ = strings.Cut(dirs, ":")
	}
	return &Config{
		File:  file,
		State: filepath.Clean(state),
		SSH:   SSH{Listen: []string{":2222"}},
		// On loopback only: what is said there can be read by who can listen in.
		Telnet: Telnet{Listen: []string{"127.0.0.1:2323"}},
		Outbound: Outbound{
			ConnectTimeout:        10 * time.Second,
			Keepalive:             15 * time.Second,
			IdleClose:             10 * time.Minute,
			ChannelsPerConnection: 8,
			Dials:                 64,
		},
		Runs:    Runs{Forks: 20, Drain: 30 * time.Second, Steps: 50_000_000},
		Session: Session{Idle: 30 * time.Minute, History: 1000},
		Limits: Limits{
			StartupsBegin: 10, StartupsRate: 30, StartupsFull: 100,
			PerSource:             10,
			LoginGrace:            20 * time.Second,
			LoginGraceTelnet:      60 * time.Second,
			ConnectionsPerUser:    20,
			SessionsPerUser:       20,
			RunsPerUser:           10,
			ChannelsPerConnection: 10,
		},
		Log: Log{Level: "info", Format: "json"},
	}
}

// Problem places what another package found wrong with a field, such as
// users[1].keys[0], in the file: there, or at what holds the field, or at the
// file as a whole.
func (c *Config) Problem(field, text, hint string) Problem {
	for field != "" {
		if at, ok := c.places[field]; ok {
			return c.source.problem(at, text, hint)
		}
		field = field[:max(strings.LastIndexAny(field, ".["), 0)]
	}
	return Problem{File: c.File, Text: text, Hint: hint}
}
