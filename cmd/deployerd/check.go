package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/server"
	"github.com/deployerd/deployerd/session"
)

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use:     "check",
		Short:   "Say all that is wrong in the configuration and the tree",
		Example: "  deployerd check --config ./deployerd.yaml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(c)
	against := c.Flags().String("against", "", "say which rights change from this older configuration `file`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *against != "" {
			return &exitError{exitUsage, fmt.Errorf("--against: not in this version")}
		}
		return check(c, *file)
	}
	return c
}

func check(c *cobra.Command, file string) error {
	pool := host.NewPool(host.PoolOptions{})
	defer func() { _ = pool.Shutdown(context.WithoutCancel(c.Context())) }() // it opened nothing
	l, err := load(c.Context(), file, pool, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	tree := l.state.Tree
	for _, name := range session.Shadowed(tree) {
		if _, err := fmt.Fprintln(c.ErrOrStderr(), "deployerd: warning: "+name); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: good: %d users, %d rules, %d nodes, %d hosts\n",
		file, len(l.config.Users), len(l.config.Rules), tree.Size(), len(tree.Hosts()))
	return err
}

func newReload() *cobra.Command {
	c := &cobra.Command{
		Use:     "reload",
		Short:   "Tell the running daemon to read its configuration and tree again",
		Example: "  deployerd reload --config ./deployerd.yaml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(c)
	state := c.Flags().String("state", "", "the daemon's state `folder`; default: as the configuration says")
	c.RunE = func(c *cobra.Command, _ []string) error { return reload(c, *file, *state) }
	return c
}

// reload asks over the admin socket. The configuration is only read for where
// that is; a broken one is the daemon's to refuse.
func reload(c *cobra.Command, file, state string) error {
	socket, err := socketOf(file, state)
	if err != nil {
		return err
	}
	answer, err := server.AskAdmin(c.Context(), socket, "reload")
	if err != nil {
		return &exitError{exitFailed, err}
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), answer)
	return err
}

// unitSocket is where the daemon of the systemd unit in deploy/ listens.
const unitSocket = "/run/deployerd/admin.sock"

// socketOf finds the admin socket of the daemon that a configuration is for.
// Beside a daemon that systemd started, a person's shell has not the variables
// that say where its folders are, so its usual place is looked at too.
func socketOf(file, state string) (string, error) {
	if state != "" {
		return adminSocket(state), nil
	}
	cfg, err := config.Load(file)
	if cfg == nil {
		return "", err
	}
	socket := adminSocket(cfg.State)
	if _, err := os.Stat(socket); err == nil {
		return socket, nil
	}
	if _, err := os.Stat(unitSocket); err == nil {
		return unitSocket, nil
	}
	return "", &exitError{exitFailed, fmt.Errorf("no daemon is running: there is no socket at %s or %s", socket, unitSocket)}
}
