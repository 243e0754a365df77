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
	dir    string
	ssh    string
	telnet string // "" for none
	hosts  int
}

func newDemo() *cobra.Command {
	c := &cobra.Command{
		Use:   "demo",
		Short: "Try all of it on this machine, with nothing to write",
		Long: "Start SSH targets inside this process (each with its own home folder, host key and a\n" +
			"real shell), a sample tree, and the doors: SSH and telnet. It prints what to try. Everything\n" +
			"is on loopback and in one folder; Ctrl-C ends it and leaves nothing running.",
		Example: "  deployerd demo\n  deployerd demo --ssh 127.0.0.1:2022 --telnet 127.0.0.1:2023 --hosts 40",
		Args:    cobra.NoArgs,
	}
	var o demoOptions
	c.Flags().StringVar(&o.dir, "dir", "", "the demo's `folder`; default: deployerd/demo in your cache folder")
	c.Flags().StringVar(&o.ssh, "ssh", "127.0.0.1:2222", "the `address` that ssh comes in at")
	c.Flags().IntVar(&o.hosts, "hosts", 8, "how many targets")
	c.Flags().StringVar(&o.telnet, "telnet", "127.0.0.1:2323", "the loopback `address` that telnet comes in at; empty: none")
	c.RunE = func(c *cobra.Command, _ []string) error {
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
	if err := o.checkTelnet(); err != nil {
		return err
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

// checkTelnet keeps a password that everybody knows off the network.
func (o *demoOptions) checkTelnet() error {
	if o.telnet == "" {
		return nil
	}
	address, _, err := net.SplitHostPort(o.telnet)
	if err != nil {
		return fmt.Errorf("--telnet %s: give an address and a port, such as 127.0.0.1:2323", o.telnet)
	}
	if ip := net.ParseIP(address); address != "localhost" && !ip.IsLoopback() {
		return fmt.Errorf("--telnet %s: it is clear text, so give an address on loopback, such as 127.0.0.1:2323", o.telnet)
	}
	return nil
}

// demo runs targets and daemon until a signal.
func demo(ctx context.Context, o demoOptions, out io.Writer) error {
	if err := errors.Join(freePort("ssh", o.ssh), freePort("telnet", o.telnet)); err != nil {
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

// freePort says which port is taken before anything is started; "" needs none.
func freePort(flag, address string) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s cannot be listened on: %w; choose another with --%s 127.0.0.1:PORT", address, err, flag)
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
	values := map[string]string{"SSH": o.ssh, "Telnet": o.telnet, "Password": hash}
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
	address, port := shownAddress(o.ssh)
	door := fmt.Sprintf("ssh -p %s demo@%s", port, address)
	living := fmt.Sprintf("  %-42s a living shell: Tab completes, help helps\n", door)
	if o.telnet != "" {
		address, port := shownAddress(o.telnet)
		living += fmt.Sprintf("  %-42s the same, login demo\n", "telnet "+address+" "+port)
	}
	_, err := fmt.Fprintf(out, `deployerd demo: %d targets and a shell for them, in %s

Another terminal, password demo:

%[5]s
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
`, o.hosts, o.dir, door, filepath.Join(o.dir, "tree.star"), living)
	return err
}

// shownAddress is where a person on this machine comes in.
func shownAddress(listen string) (address, port string) {
	address, port, _ = net.SplitHostPort(listen) // complete looked at it
	if ip := net.ParseIP(address); address == "" || ip.Equal(net.IPv4(127, 0, 0, 1)) || ip.IsUnspecified() {
		address = "localhost"
	}
	return address, port
}
