package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

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
	config *config.Config
	state  session.State
}

// load reads and checks configuration and tree. The error joins everything
// that is wrong in both; it opens no connection.
func load(ctx context.Context, file string, pool *host.Pool, log *slog.Logger) (*loaded, error) {
	cfg, err := config.Load(file)
	if cfg == nil {
		return nil, err
	}
	users, rules, authErr := accounts(cfg)
	tree, treeErr := loadTree(ctx, cfg, pool, log)
	if err := errors.Join(err, authErr, treeErr); err != nil {
		return nil, err
	}
	return &loaded{cfg, session.State{
		Tree: tree, Users: users, Rules: rules,
		Defaults: run.Defaults{
			Forks: cfg.Runs.Forks, Timeout: cfg.Runs.Timeout, Steps: cfg.Runs.Steps,
			PerUser: cfg.Limits.RunsPerUser,
		},
		Limits: session.Limits{SessionsPerUser: cfg.Limits.SessionsPerUser},
	}}, nil
}

// accounts builds users and rules, and places what is wrong in the file.
func accounts(cfg *config.Config) (*auth.Users, *auth.Rules, error) {
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
	users, usersErr := auth.NewUsers(userOptions)
	rules, rulesErr := auth.NewRules(ruleOptions)
	return users, rules, placed(cfg, errors.Join(usersErr, rulesErr))
}

// placed turns field errors into problems of the file.
func placed(cfg *config.Config, err error) error {
	if err == nil {
		return nil
	}
	var problems []config.Problem
	for _, e := range flatten(err) {
		var field *auth.FieldError
		if !errors.As(e, &field) {
			return err
		}
		problems = append(problems, cfg.Problem(field.Field, field.Err.Error(), field.Hint))
	}
	return &config.Error{Problems: problems}
}

// flatten lists the errors that errors.Join put together.
func flatten(err error) []error {
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

func loadTree(ctx context.Context, cfg *config.Config, pool *host.Pool, log *slog.Logger) (*node.Tree, error) {
	if cfg.Tree == "" {
		return nil, nil // config.Load said so
	}
	return star.Load(ctx, star.Options{
		File: cfg.Tree, Pool: pool, Log: log,
		Outbound: host.SSHOptions{
			User: cfg.Outbound.User, IdentityFiles: cfg.Outbound.IdentityFiles, KnownHosts: cfg.Outbound.KnownHosts,
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

func serverLimits(cfg *config.Config) server.Limits {
	l := cfg.Limits
	return server.Limits{
		StartupsBegin: l.StartupsBegin, StartupsRate: l.StartupsRate, StartupsFull: l.StartupsFull,
		PerSource: l.PerSource, LoginGrace: l.LoginGrace, ConnectionsPerUser: l.ConnectionsPerUser,
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
