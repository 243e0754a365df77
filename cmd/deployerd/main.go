package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/node/star"
)

// Exit codes of the commands (CONFIG.md, "Rules").
const (
	exitFailed = 1
	exitUsage  = 2
	exitConfig = 78
)

// exitError carries an exit code with an error; without one there is nothing
// left to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if err.Error() != "" {
		fmt.Fprintf(stderr, "deployerd: %v\n", err)
	}
	return exitCode(err)
}

// exitCode maps an error to the contract's codes. What cobra finds wrong with
// a command line carries no type of its own, so it is what is left.
func exitCode(err error) int {
	var coded *exitError
	var wrongConfig *config.Error
	var wrongTree *star.LoadError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &wrongConfig), errors.As(err, &wrongTree):
		return exitConfig
	}
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "deployerd",
		Short:         "A deployment shell that a team shares over SSH and telnet",
		Long:          "deployerd lets a team share one deployment shell: people come in with ssh or\ntelnet, find their servers as a tree, and run actions on one host or on forty at once.",
		Example:       "  deployerd demo\n  deployerd init --user alice --key ~/.ssh/id_ed25519.pub --config ./deployerd.yaml\n  deployerd serve --config ./deployerd.yaml",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate("deployerd {{.Version}}\n")
	root.AddCommand(newServe(), newDemo(), newInit(), newCheck(), newPasswd(), newReload(), newShell(), newFmt(), newTest(), newVersion())
	root.AddCommand(laterCommands()...)
	return root
}

// knownCommand refuses what is left on a line that names no command.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s: no such command", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, ", ") + "?"
	}
	return &exitError{exitUsage, errors.New(text)}
}

// configFlag adds --config to a command that needs the configuration.
func configFlag(c *cobra.Command) *string {
	return c.Flags().String("config", "/etc/deployerd/deployerd.yaml", "the configuration `file`")
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  deployerd version",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "deployerd "+version())
			return err
		},
	}
}

// release is set by the linker when a release is built.
var release = ""

// version is the release, or the module's version with the commit.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	return "devel"
}

// laterCommands are the contract's commands that this version does not have:
// they exist so that they are refused by name.
func laterCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, name := range []string{"run", "totp", "hosts", "replay", "audit"} {
		all = append(all, &cobra.Command{
			Use:                name,
			Short:              "Not in this version",
			Example:            "  deployerd " + name,
			DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return &exitError{exitUsage, fmt.Errorf("%s: not in this version", name)}
			},
		})
	}
	return all
}
