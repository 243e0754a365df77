package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// TestBusyboxConforms: a target whose tools are all busybox's, but for sudo,
// and that has no bash.
func TestBusyboxConforms(t *testing.T) {
	t.Parallel()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("SKIPPED, NOTHING IS PROVEN: no busybox")
	}
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range strings.Fields(string(list)) {
		if err := os.Symlink(busybox, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if sudo, err := exec.LookPath("sudo"); err == nil {
		if err := os.Symlink(sudo, filepath.Join(dir, "sudo")); err != nil {
			t.Fatal(err)
		}
	}
	conformsWith(t, "PATH="+dir)
}

// TestDashConforms: a target without bash.
func TestDashConforms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range strings.Fields(`cat chmod chown find head id ip mkdir mv printf ps readlink rm sh sha256sum sleep stat sudo sync tar wc`) {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	conformsWith(t, "PATH="+dir)
}

func conformsWith(t *testing.T, env string) {
	hosttest.FilesConformance(t, func(t *testing.T) host.Host {
		target := startTarget(t, hosttest.TargetOptions{Env: []string{env}})
		return sshHost(t, newPool(t, host.PoolOptions{}), "target", target.options)
	})
}
