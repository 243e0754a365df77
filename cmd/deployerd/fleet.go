package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/server"
)

// fleet is the demo's targets.
type fleet struct {
	targets []demoTarget
}

type demoTarget struct {
	*hosttest.Target
	name, role string
}

// startFleet starts n targets below dir, each with its own home and host key,
// which stay for the next start.
func startFleet(dir string, n int) (_ *fleet, err error) {
	f := &fleet{}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	outbound, err := keptKey(filepath.Join(dir, "keys", "outbound_ed25519"))
	if err != nil {
		return nil, err
	}
	login, err := server.PublicKey(outbound)
	if err != nil {
		return nil, err
	}
	for i := range n {
		name, role := demoHost(i, n)
		t, err := startTarget(filepath.Join(dir, "hosts", name), name, login)
		if err != nil {
			return f, fmt.Errorf("start the demo's target %s: %w", name, err)
		}
		f.targets = append(f.targets, demoTarget{t, name, role})
	}
	return f, nil
}

// demoHost names target i of n: a quarter each for staging and databases, the
// rest web servers.
func demoHost(i, n int) (name, role string) {
	quarter := n / 4
	switch web := n - 2*quarter; {
	case i < web:
		return fmt.Sprintf("web%d", i+1), "web"
	case i < web+quarter:
		return fmt.Sprintf("db%d", i-web+1), "db"
	default:
		return fmt.Sprintf("stage%d", i-web-quarter+1), "stage"
	}
}

func startTarget(dir, name, login string) (*hosttest.Target, error) {
	home := filepath.Join(dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	key, err := keptKey(filepath.Join(dir, "host_key"))
	if err != nil {
		return nil, err
	}
	return hosttest.StartTarget(hosttest.TargetOptions{
		Addr: "127.0.0.1:0", HostKeyPEM: key, AuthorizedKeys: []string{login}, Home: home, Name: name,
		Env: []string{"HOSTNAME=" + name}, Log: slog.New(slog.DiscardHandler),
	})
}

// star is the file hosts.star: every target with its port and pinned key.
func (f *fleet) star() string {
	var b strings.Builder
	b.WriteString("# Written by deployerd demo at each start.\nhosts = [\n")
	for _, t := range f.targets {
		address, port, _ := net.SplitHostPort(t.Addr()) // a listener's own address
		fmt.Fprintf(&b, "    ssh_host(%q, address = %q, port = %s, host_key = %s, labels = {\"role\": %q}),\n",
			t.name, address, port, quoted(t.HostKeyLine()), t.role)
	}
	b.WriteString("]\n")
	return b.String()
}

// quoted writes a text as JSON does, which is a Starlark string too.
func quoted(text string) string {
	b, _ := json.Marshal(text) // a string always can be
	return string(b)
}

func (f *fleet) close() error {
	var errs []error
	for _, t := range f.targets {
		errs = append(errs, t.Close())
	}
	return errors.Join(errs...)
}
