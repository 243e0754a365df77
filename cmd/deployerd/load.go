package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
	"github.com/deployerd/deployerd/server"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/run"
)

// loaded is a configuration and its tree, checked as a whole.
type loaded struct {
	config      *config.Config
	state       session.State
	certificate *tls.Certificate // telnet's; nil for none
}

// load reads and checks configuration and tree. The error joins everything
// that is wrong in both; it opens no connection.
func load(ctx context.Context, file string, pool *host.Pool, log *slog.Logger) (*loaded, error) {
	cfg, err := config.Load(file)
	if cfg == nil {
		return nil, err
	}
	users, rules, wrong := accounts(cfg)
	wrong = append(wrong, doors(cfg)...)
	tree, treeErr := loadTree(ctx, cfg, pool, log)
	certificate, tlsErr := loadCertificate(cfg, err)
	if err := errors.Join(inOrder(err, wrong), treeErr, tlsErr); err != nil {
		return nil, err
	}
	return &loaded{cfg, session.State{
		Tree: tree, Users: users, Rules: rules,
		Defaults: run.Defaults{
			Forks: cfg.Runs.Forks, Timeout: cfg.Runs.Timeout, Steps: cfg.Runs.Steps,
			PerUser: cfg.Limits.RunsPerUser,
		},
		Limits: sessionLimits(cfg),
	}, certificate}, nil
}

// loadCertificate reads telnet's certificate, if it has one. With a wrong
// configuration there is nothing sure to read.
func loadCertificate(cfg *config.Config, wrong error) (*tls.Certificate, error) {
	if wrong != nil || cfg.Telnet.Certificate == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.Telnet.Certificate, cfg.Telnet.Key)
	if err != nil {
		return nil, &config.Error{Problems: []config.Problem{
			cfg.Problem("telnet.tls", err.Error(), "the certificate, with those between it and its authority behind it, and its key, both in PEM"),
		}}
	}
	return &pair, nil
}

// inOrder joins what is wrong with the configuration, line by line. err is what
// config.Load said. A line that is wrong in itself is not told twice.
func inOrder(err error, more []config.Problem) error {
	var all []config.Problem
	if found, ok := errors.AsType[*config.Error](err); ok {
		all = found.Problems
	} else if err != nil {
		return err
	}
	told := make(map[int]bool)
	for _, p := range all {
		told[p.Line] = true
	}
	for _, p := range more {
		if !told[p.Line] {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b config.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &config.Error{Problems: all}
}

// accounts builds users and rules, and places what is wrong in the file.
func accounts(cfg *config.Config) (*auth.Users, *auth.Rules, []config.Problem) {
	userOptions := make([]auth.UserOptions, len(cfg.Users))
	for i, u := range cfg.Users {
		userOptions[i] = auth.UserOptions{
			Name: u.Name, Keys: u.Keys, KeysFile: u.KeysText,
			Password: u.Password, Roles: u.Roles, Disabled: u.Disabled,
		}
	}
	ruleOptions := make([]auth.RuleOptions, len(cfg.Rules))
	for i, r := range cfg.Rules {
		ruleOptions[i] = auth.RuleOptions(r)
	}
	userOptions, ruleOptions = withRoot(userOptions, ruleOptions)
	users, usersErr := auth.NewUsers(userOptions)
	rules, rulesErr := auth.NewRules(ruleOptions)
	return users, rules, placed(cfg, errors.Join(usersErr, rulesErr))
}

// withRoot adds who root is at the admin socket: it has neither key nor
// password, so nobody can log in as it, and a rule of its own. When users: has a
// root, that one is meant, with the rights it was given.
func withRoot(users []auth.UserOptions, rules []auth.RuleOptions) ([]auth.UserOptions, []auth.RuleOptions) {
	if slices.ContainsFunc(users, func(u auth.UserOptions) bool { return u.Name == rootUser }) {
		return users, rules
	}
	return append(users, auth.UserOptions{Name: rootUser}),
		append(rules, auth.RuleOptions{Users: []string{rootUser}, Allow: []string{"all"}})
}

// placed turns the field errors of auth into problems of the file.
func placed(cfg *config.Config, err error) []config.Problem {
	var problems []config.Problem
	for _, e := range flatten(err) {
		field, text, hint := "", e.Error(), ""
		if f, ok := errors.AsType[*auth.FieldError](e); ok {
			field, text, hint = f.Field, f.Err.Error(), f.Hint
		}
		problems = append(problems, cfg.Problem(field, text, hint))
	}
	return problems
}

// flatten lists the errors that errors.Join put together.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// doors finds what keeps the doors from opening: no address, or a host key that
// cannot be used.
func doors(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	if len(cfg.SSH.Listen)+len(cfg.Telnet.Listen) == 0 {
		problems = append(problems, cfg.Problem("ssh.listen", "nothing listens: nobody could come in", "give ssh or telnet an address"))
	}
	problems = append(problems, clashes(cfg)...)
	types := make(map[string]bool)
	for i, file := range cfg.SSH.HostKeys {
		field := fmt.Sprintf("ssh.host_keys[%d]", i)
		kind, err := hostKeyType(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// config.Load said so
		case err != nil:
			problems = append(problems, cfg.Problem(field, fmt.Sprintf("host key %s: %v", file, err), "deployerd init makes one; so does ssh-keygen -t ed25519"))
		case types[kind]:
			problems = append(problems, cfg.Problem(field, "a second host key of the type "+kind, "one of each type"))
		}
		types[kind] = true
	}
	return problems
}

// clashes finds addresses of telnet that are SSH's too: only one could be had.
func clashes(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	for i, address := range cfg.Telnet.Listen {
		if slices.Contains(cfg.SSH.Listen, address) {
			problems = append(problems, cfg.Problem(fmt.Sprintf("telnet.listen[%d]", i), "SSH listens on "+address+" already", "each needs an address of its own"))
		}
	}
	return problems
}

// hostKeyType names the type of a private key that the server can use.
func hostKeyType(file string) (string, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	public, err := server.PublicKey(key)
	if err != nil {
		return "", err
	}
	kind, _, _ := strings.Cut(public, " ")
	return kind, nil
}

func loadTree(ctx context.Context, cfg *config.Config, pool *host.Pool, log *slog.Logger) (*node.Tree, error) {
	if cfg.Tree == "" {
		return nil, nil // config.Load said so
	}
	var openssh *host.SSHConfig
	if cfg.Outbound.SSHConfig != "" {
		var err error
		if openssh, err = host.ReadSSHConfig(cfg.Outbound.SSHConfig); err != nil {
			return nil, &config.Error{Problems: []config.Problem{cfg.Problem("outbound.ssh_config", err.Error(), "")}}
		}
	}
	return star.Load(ctx, star.Options{
		File: cfg.Tree, Pool: pool, Log: log, Secrets: cfg.Secret, SSHConfig: openssh,
		Outbound: host.SSHOptions{
			User: cfg.Outbound.User, IdentityFiles: cfg.Outbound.IdentityFiles, Agent: cfg.Outbound.Agent, KnownHosts: cfg.Outbound.KnownHosts,
			ConnectTimeout: cfg.Outbound.ConnectTimeout, Keepalive: cfg.Outbound.Keepalive,
		},
	})
}

func poolOptions(cfg *config.Config, log *slog.Logger) host.PoolOptions {
	return host.PoolOptions{
		IdleClose:             cfg.Outbound.IdleClose,
		ChannelsPerConnection: cfg.Outbound.ChannelsPerConnection,
		Dials:                 cfg.Outbound.Dials,
		Log:                   log,
	}
}

func sessionLimits(cfg *config.Config) session.Limits {
	history := cfg.Session.History
	if history == 0 {
		history = -1 // there 0 is the default
	}
	return session.Limits{
		SessionsPerUser: cfg.Limits.SessionsPerUser, Idle: cfg.Session.Idle, History: history,
	}
}

func serverLimits(cfg *config.Config) server.Limits {
	l := cfg.Limits
	return server.Limits{
		StartupsBegin: l.StartupsBegin, StartupsRate: l.StartupsRate, StartupsFull: l.StartupsFull,
		PerSource: l.PerSource, LoginGrace: l.LoginGrace, LoginGraceTelnet: l.LoginGraceTelnet, ConnectionsPerUser: l.ConnectionsPerUser,
		ChannelsPerConnection: l.ChannelsPerConnection, Exempt: l.Exempt,
	}
}

// newLogger makes the log on stderr that the configuration asks for.
func newLogger(l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // config.Load refuses any other value
	}
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, o))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, o))
}
