package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon",
		Long: "Run the daemon until SIGTERM, which gives the runs time to end (runs.drain);\n" +
			"a second SIGTERM ends at once. SIGHUP reloads configuration and tree.",
		Example: "  deployerd serve --config /etc/deployerd/deployerd.yaml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return serve(c.Context(), *file, func(*daemon) error { return nil })
	}
	return c
}

// serve runs a daemon from its start to its end. ready is called when it
// listens.
func serve(ctx context.Context, file string, ready func(*daemon) error) error {
	// Taken before the start, so that a stop during it is not lost.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	d, err := newDaemon(ctx, file)
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.run(running) }()
	if err := ready(d); err != nil {
		cancel()
		return errors.Join(failed(err), d.close(ctx), <-ended)
	}
	notify(d.log, systemd.SdNotifyReady)
	return d.until(ctx, signals, ended)
}

// until acts on signals until the daemon has stopped.
func (d *daemon) until(ctx context.Context, signals <-chan os.Signal, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return errors.Join(failed(err), d.close(ctx))
		case s := <-signals:
			if s != syscall.SIGHUP {
				return d.stopOn(ctx, signals, ended)
			}
			notify(d.log, systemd.SdNotifyReloading+"\n"+systemd.SdNotifyMonotonicUsec())
			// The error is logged, recorded and shown by status.
			_ = d.reload(ctx)
			notify(d.log, systemd.SdNotifyReady)
		}
	}
}

// stopOn drains; another signal that ends cuts it short.
func (d *daemon) stopOn(ctx context.Context, signals <-chan os.Signal, ended <-chan error) error {
	notify(d.log, systemd.SdNotifyStopping)
	d.log.Info("stopping", "drain", d.current.Runs.Drain.String())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- d.stop(ctx) }()
	for {
		select {
		case err := <-stopped:
			return failed(errors.Join(err, <-ended))
		case s := <-signals:
			if s != syscall.SIGHUP {
				return &exitError{exitFailed, fmt.Errorf("ended at once by a second %v", s)}
			}
		}
	}
}

// failed gives an error of a running daemon its exit code.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, err}
}

// notify tells systemd, when it is there.
func notify(log *slog.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("notify systemd", "err", err)
	}
}
