package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder makes a folder with a tree and keys as a configuration wants them, and
// with the given deployerd.yaml, whose name it returns.
func folder(t testing.TB, text string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tree.star", "", 0o664)
	write(t, dir, "keys/host", "host key\n", 0o600)
	write(t, dir, "keys/outbound", "outbound key\n", 0o640)
	write(t, dir, "keys/ci.pub", "ssh-ed25519 AAAA ci\n", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "tls"), 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tls/cert.pem", "certificate\n", 0o644)
	write(t, dir, "known_hosts", "", 0o644)
	write(t, dir, "deployerd.yaml", text, 0o640)
	return filepath.Join(dir, "deployerd.yaml")
}

func write(t testing.TB, dir, name, text string, mode os.FileMode) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

// load reads a text that is good.
func load(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Load(folder(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// faults reads a text that is not, and returns what is wrong, with DIR for the
// file's folder.
func faults(t testing.TB, text string) string {
	t.Helper()
	file := folder(t, text)
	_, err := Load(file)
	return said(t, file, err)
}

func said(t testing.TB, file string, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) == 0 {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	return strings.ReplaceAll(err.Error(), filepath.Dir(file), "DIR")
}

// minimal is the shortest configuration.
const minimal = "tree: tree.star\nrules: [{ roles: [admin], allow: [all] }]\n"
