package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"strconv"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/server"
	"github.com/deployerd/deployerd/session"
)

// exitLost is the code when the daemon went away under a shell.
const exitLost = 255

func newShell() *cobra.Command {
	c := &cobra.Command{
		Use:   "shell",
		Short: "The living shell, beside a running daemon and without a port",
		Long: "Open the living shell of the daemon that runs on this machine, over its admin socket.\n" +
			"You are the entry of users: with your Unix name; root, when there is no such entry,\n" +
			"may do whatever no rule denies everybody.",
		Example: "  deployerd shell --config /etc/deployerd/deployerd.yaml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(c)
	state := c.Flags().String("state", "", "the daemon's state `folder`; default: as the configuration says")
	c.RunE = func(c *cobra.Command, _ []string) error {
		in, ok := c.InOrStdin().(*os.File)
		if !ok || !term.IsTerminal(in.Fd()) {
			return &exitError{exitUsage, errors.New("shell: standard input is no terminal; deployerd run is not in this version, use ssh")}
		}
		socket, err := socketOf(*file, *state)
		if err != nil {
			return err
		}
		return localShell(c.Context(), socket, in, c.OutOrStdout())
	}
	return c
}

// localShell runs a session of the daemon on this terminal.
func localShell(ctx context.Context, socket string, in *os.File, out io.Writer) error {
	l, err := server.OpenShell(ctx, socket, os.Getenv("TERM"), windowSize(in))
	if err != nil {
		return &exitError{exitFailed, err}
	}
	defer func() { _ = l.Close() }() // it has ended, or ends by that
	was, err := term.MakeRaw(in.Fd())
	if err != nil {
		return &exitError{exitFailed, fmt.Errorf("set up the terminal: %w", err)}
	}
	code, err := attach(l, in, out)
	if restored := term.Restore(in.Fd(), was); restored != nil {
		err = errors.Join(err, fmt.Errorf("set the terminal back: %w", restored))
	}
	switch {
	case errors.Is(err, session.ErrLost):
		return &exitError{exitLost, errors.New("the connection to the daemon was lost")}
	case err != nil:
		return &exitError{exitFailed, err}
	case code != 0:
		return &exitError{code, nil}
	}
	return nil
}

// attach joins terminal and session until that ends. A signal that would end
// this process ends the session, so that the terminal is set back.
func attach(l *server.LocalShell, in *os.File, out io.Writer) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go follow(l, in, signals, done)
	// It ends with the process: a terminal's read cannot be broken off.
	go func() { _, _ = io.Copy(l, in) }()
	return l.Run(out)
}

// follow acts on signals.
func follow(l *server.LocalShell, in *os.File, signals <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if s != syscall.SIGWINCH {
				_ = l.Close() // Run tells
				return
			}
			_ = l.Resize(windowSize(in)) // when it fails, Run does too
		case <-done:
			return
		}
	}
}

// windowSize is the terminal's; zero when it does not tell.
func windowSize(f *os.File) session.Size {
	width, height, err := term.GetSize(f.Fd())
	if err != nil {
		return session.Size{}
	}
	return session.Size{Width: width, Height: height}
}

// rootUser is who root is at the admin socket.
const rootUser = "root"

// localName is the user that a Unix user id is.
func localName(uid uint32) (string, error) {
	if uid == 0 {
		return rootUser, nil
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return "", fmt.Errorf("find out who you are: %w", err)
	}
	return u.Username, nil
}
