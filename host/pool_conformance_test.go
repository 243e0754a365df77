package host_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// newPool makes a pool that is shut down with the test, and checks that
// nothing of it is left.
func newPool(t testing.TB, o host.PoolOptions) *host.Pool {
	t.Helper()
	p := host.NewPool(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return p
}

// testTarget is a Target and what is needed to reach it.
type testTarget struct {
	*hosttest.Target
	options host.SSHOptions
}

func startTarget(t testing.TB, o hosttest.TargetOptions) *testTarget {
	t.Helper()
	dir := t.TempDir()
	key := hosttest.WriteKey(t, dir, "key")
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	o.AuthorizedKeys = []string{string(public)}
	if o.Home == "" {
		o.Home = dir
	}
	target, err := hosttest.StartTarget(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testTarget{target, host.SSHOptions{
		Address: "127.0.0.1", Port: target.Port(), IdentityFiles: []string{key}, HostKey: target.HostKeyLine(),
	}}
}

func sshHost(t testing.TB, p *host.Pool, name string, o host.SSHOptions) host.Host {
	t.Helper()
	h, err := p.SSH(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sshdOptions(t testing.TB, s *hosttest.SSHD) host.SSHOptions {
	return host.SSHOptions{
		Address: "127.0.0.1", Port: s.Port(), User: s.User(),
		IdentityFiles: []string{s.ClientKey()},
		KnownHosts:    []string{writeFile(t, "known_hosts", s.KnownHostsLine()+"\n")},
	}
}

func TestLocalConforms(t *testing.T) {
	t.Parallel()
	hosttest.Conformance(t, func(t *testing.T) host.Host {
		h, err := host.NewLocal("localhost", nil)
		if err != nil {
			t.Fatal(err)
		}
		return h
	})
}

func TestTargetConforms(t *testing.T) {
	t.Parallel()
	hosttest.Conformance(t, func(t *testing.T) host.Host {
		target := startTarget(t, hosttest.TargetOptions{})
		return sshHost(t, newPool(t, host.PoolOptions{}), "target", target.options)
	})
}

func TestSSHDConforms(t *testing.T) {
	t.Parallel()
	sshd := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	hosttest.Conformance(t, func(t *testing.T) host.Host {
		return sshHost(t, newPool(t, host.PoolOptions{}), "sshd", sshdOptions(t, sshd))
	})
}

// One session at a time: what is killed is killed over another connection.
func TestSSHDWithOneSessionConforms(t *testing.T) {
	t.Parallel()
	sshd := hosttest.StartSSHD(t, hosttest.SSHDOptions{MaxSessions: 1})
	hosttest.Conformance(t, func(t *testing.T) host.Host {
		return sshHost(t, newPool(t, host.PoolOptions{}), "sshd", sshdOptions(t, sshd))
	})
}
