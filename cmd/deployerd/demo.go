package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/auth"
)

//go:embed templates/demo.yaml
var demoConfig string

//go:embed templates/demo.star
var demoTree string

// maxDemoHosts bounds --hosts.
const maxDemoHosts = 500

// demoOptions are the flags of demo.
type demoOptions struct {
	dir   string
	ssh   string
	hosts int
}

func newDemo() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Try all of it on this machine, with nothing to write",
		Long: "Start SSH targets inside this process (each with its own home folder, host key and a\n" +
			"real shell), a sample tree and the SSH server, and print what to try. Everything is on\n" +
			"loopback and in one folder; Ctrl-C ends it and leaves nothing running.",
		Example: "  deployerd demo\n  deployerd demo --ssh 127.0.0.1:2022 --hosts 40",
		Args:    cobra.NoArgs,
	}
	var o demoOptions
	c.Flags().StringVar(&o.dir, "dir", "", "the demo's `folder`; default: deployerd/demo in your cache folder")
	c.Flags().StringVar(&o.ssh, "ssh", "127.0.0.1:2222", "the `address` that ssh comes in at")
	c.Flags().IntVar(&o.hosts, "hosts", 8, "how many targets")
	telnet := c.Flags().String("telnet", "", "not in this version")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *telnet != "" {
			return &exitError{exitUsage, errors.New("--telnet: not in this version")}
		}
		if err := o.complete(); err != nil {
			return &exitError{exitUsage, err}
		}
		return demo(c.Context(), o, c.OutOrStdout())
	}
	return c
}

func (o *demoOptions) complete() (err error) {
	if o.hosts < 1 || o.hosts > maxDemoHosts {
		return fmt.Errorf("--hosts %d: give 1 to %d", o.hosts, maxDemoHosts)
	}
	if _, _, err := net.SplitHostPort(o.ssh); err != nil {
		return fmt.Errorf("--ssh %s: give an address and a port, such as 127.0.0.1:2222", o.ssh)
	}
	if o.dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find your cache folder: %w; give --dir", err)
		}
		o.dir = filepath.Join(cache, "deployerd", "demo")
	}
	o.dir, err = filepath.Abs(o.dir)
	return err
}

// demo runs targets and daemon until a signal.
func demo(ctx context.Context, o demoOptions, out io.Writer) error {
	if err := freePort(o.ssh); err != nil {
		return failed(err)
	}
	if err := os.MkdirAll(filepath.Join(o.dir, "keys"), 0o700); err != nil {
		return failed(err)
	}
	// Taken first: a second demo of the same folder would pull it from under
	// this one.
	lock, err := lockState(o.dir)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = lock.release() }()
	fleet, err := startFleet(o.dir, o.hosts)
	if err != nil {
		return failed(err)
	}
	err = demoDaemon(ctx, o, fleet, out)
	return errors.Join(err, failed(fleet.close()))
}

func demoDaemon(ctx context.Context, o demoOptions, fleet *fleet, out io.Writer) error {
	if err := writeDemo(o, fleet); err != nil {
		return failed(err)
	}
	return serve(ctx, filepath.Join(o.dir, "deployerd.yaml"), func(*daemon) error {
		return welcome(out, o)
	})
}

// freePort says which port is taken before anything is started.
func freePort(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s cannot be listened on: %w; choose another with --ssh 127.0.0.1:PORT", address, err)
	}
	return l.Close()
}

// writeDemo writes what depends on this start, and the tree if there is none.
func writeDemo(o demoOptions, fleet *fleet) error {
	hash, err := auth.HashPassword("demo")
	if err != nil {
		return err
	}
	var text strings.Builder
	values := map[string]string{"SSH": o.ssh, "Password": hash}
	if err := template.Must(template.New("").Parse(demoConfig)).Execute(&text, values); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.dir, "deployerd.yaml"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.dir, "hosts.star"), []byte(fleet.star()), 0o600); err != nil {
		return err
	}
	err = writeNew(filepath.Join(o.dir, "tree.star"), []byte(demoTree), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // the user's own by now
	}
	return err
}

// welcome prints what to try.
func welcome(out io.Writer, o demoOptions) error {
	address, port, err := net.SplitHostPort(o.ssh)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(address); address == "" || ip.IsUnspecified() || ip.IsLoopback() {
		address = "localhost"
	}
	door := fmt.Sprintf("ssh -p %s demo@%s", port, address)
	_, err = fmt.Fprintf(out, `deployerd demo: %d targets and a shell for them, in %s

Another terminal, password demo:

  %[3]s help                          what one can type
  %[3]s ls -l                         the tree
  %[3]s production.web deploy v1.2    all web servers at once
  %[3]s production.web status         ... did it arrive?
  %[3]s production.web:web1 uptime    one of them
  %[3]s production versions           one answer from many
  %[3]s sandbox production.web deploy v2
  %[3]s -- --run production -- 'df -h . | tail -1'
  %[3]s -- --json production.web status
  echo hello | %[3]s -- --run production.web:web1 -- tr a-z A-Z

The tree is %[4]s. Ctrl-C here ends the demo.
`, o.hosts, o.dir, door, filepath.Join(o.dir, "tree.star"))
	return err
}
