package config

import (
	"math"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Bounds on numbers that only a mistake would pass.
const (
	maxCount    = 100_000
	maxForks    = 10_000
	maxChannels = 1_000
)

// top reads the whole file. The keys of CONFIG.md that this version has not got
// stand beside those it has: see later.
func (r *reader) top(c *Config, n ast.Node) {
	r.mapping("", n, keys{
		"tree":     r.path(&c.Tree, treeFile),
		"state":    r.path(&c.State, stateFolder),
		"ssh":      r.section(func() keys { return r.ssh(&c.SSH) }),
		"users":    r.users(&c.Users),
		"rules":    r.rules(&c.Rules),
		"outbound": r.section(func() keys { return r.outbound(&c.Outbound) }),
		"runs":     r.section(func() keys { return r.runs(&c.Runs) }),
		"limits":   r.section(func() keys { return r.limits(&c.Limits) }),
		"log": r.section(func() keys {
			return keys{
				"level":  r.oneOf(&c.Log.Level, "debug", "info", "warn", "error"),
				"format": r.oneOf(&c.Log.Format, "json", "text"),
			}
		}),
		"telnet":  r.section(func() keys { return r.telnet(&c.Telnet) }),
		"session": r.section(func() keys { return r.session(&c.Session) }),
		"journal": r.section(r.journal),
		"metrics": r.section(func() keys { return keys{"listen": r.later(`""`)} }),
	})
}

func (r *reader) section(known func() keys) setter {
	return func(field string, n ast.Node) { r.mapping(field, n, known()) }
}

func (r *reader) ssh(s *SSH) keys {
	return keys{
		"listen":          r.listen(&s.Listen),
		"host_keys":       r.paths(&s.HostKeys, secretFile),
		"banner":          r.banner(&s.Banner),
		"proxy_protocol":  r.networks(&s.ProxyProtocol),
		"trusted_user_ca": r.later("[]"),
		"revoked_keys":    r.later(`""`),
	}
}

func (r *reader) session(s *Session) keys {
	return keys{
		"idle":    r.duration(&s.Idle, 0),
		"history": number(r, &s.History, 0, maxCount),
		"folder":  r.later("0", "0MiB"),
	}
}

func (r *reader) users(to *[]User) setter {
	return func(field string, n ast.Node) {
		r.each(field, n, "- name: alice", func(count int) { *to = make([]User, count) },
			func(i int, field string, n ast.Node) {
				u := &(*to)[i]
				r.mapping(field, n, keys{
					"name":      r.text(&u.Name, "alice"),
					"keys":      r.texts(&u.Keys, `"ssh-ed25519 AAAA... alice@laptop"`),
					"keys_file": r.keysFile(u),
					"password":  r.text(&u.Password, `"$argon2id$v=19$..."`),
					"roles":     r.texts(&u.Roles, "operator"),
					"disabled":  r.flag(&u.Disabled),
					"totp":      r.later(`""`),
					"login":     r.later(),
				})
			})
	}
}

func (r *reader) rules(to *[]Rule) setter {
	return func(field string, n ast.Node) {
		r.each(field, n, "- { roles: [admin], allow: [all] }", func(count int) { *to = make([]Rule, count) },
			func(i int, field string, n ast.Node) {
				u := &(*to)[i]
				r.mapping(field, n, keys{
					"users":   r.texts(&u.Users, "alice"),
					"roles":   r.texts(&u.Roles, "operator"),
					"allow":   r.texts(&u.Allow, "see"),
					"deny":    r.texts(&u.Deny, "sudo"),
					"paths":   r.texts(&u.Paths, `"/staging/**"`),
					"groups":  r.texts(&u.Groups, "staging"),
					"hosts":   r.texts(&u.Hosts, `"db*"`),
					"actions": r.texts(&u.Actions, "deploy"),
					"from":    r.texts(&u.From, `"10.0.0.0/8"`),
					"require": r.texts(&u.Require, "reason"),
				})
			})
	}
}

func (r *reader) outbound(o *Outbound) keys {
	return keys{
		"user":                    r.text(&o.User, "deploy"),
		"identity_files":          r.paths(&o.IdentityFiles, secretFile),
		"known_hosts":             r.paths(&o.KnownHosts, publicFile),
		"connect_timeout":         r.duration(&o.ConnectTimeout, 100*time.Millisecond),
		"keepalive":               r.duration(&o.Keepalive, 100*time.Millisecond),
		"idle_close":              r.duration(&o.IdleClose, 0),
		"channels_per_connection": number(r, &o.ChannelsPerConnection, 1, maxChannels),
		"dials":                   number(r, &o.Dials, 1, maxForks),
		"agent":                   r.flag(&o.Agent),
		"ssh_config":              r.optionalPath(&o.SSHConfig, publicFile),
		"trust":                   r.later(),
		"history":                 r.later("false"),
	}
}

func (r *reader) runs(s *Runs) keys {
	return keys{
		"forks":        number(r, &s.Forks, 1, maxForks),
		"timeout":      r.duration(&s.Timeout, 0),
		"drain":        r.duration(&s.Drain, 0),
		"steps":        number(r, &s.Steps, 1, math.MaxInt64),
		"keep":         r.later(),
		"output_limit": r.later(),
		"confirm":      r.later("false"),
	}
}

func (r *reader) limits(l *Limits) keys {
	return keys{
		"startups":                r.startups(l),
		"per_source":              number(r, &l.PerSource, 1, maxCount),
		"login_grace":             r.duration(&l.LoginGrace, time.Second),
		"connections_per_user":    number(r, &l.ConnectionsPerUser, 1, maxCount),
		"sessions_per_user":       number(r, &l.SessionsPerUser, 1, maxCount),
		"runs_per_user":           number(r, &l.RunsPerUser, 1, maxCount),
		"channels_per_connection": number(r, &l.ChannelsPerConnection, 1, maxChannels),
		"exempt":                  r.networks(&l.Exempt),
		"login_grace_telnet":      r.duration(&l.LoginGraceTelnet, time.Second),
	}
}
