package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	state, credentials := filepath.Join(dir, "state"), filepath.Join(dir, "credentials")
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"state/secrets/db", "of-the-state\n", 0o600},
		{"state/secrets/both", "of-the-state", 0o600},
		{"credentials/both", "of-systemd\r\n", 0o400},
		{"state/secrets/short", "1234567\n", 0o600},
		{"state/secrets/open", "everybody-reads", 0o644},
		{"state/secrets/lines", "one line\nand another\n\n", 0o640},
	} {
		file := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	c := &Config{State: state}
	for name, want := range map[string]string{"db": "of-the-state", "both": "of-systemd", "lines": "one line\nand another\n"} {
		if got, err := c.Secret(name); err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]string{
		"none": "it is not there: " + filepath.Join(state, "secrets", "none"), "short": "shorter than 8 bytes",
		"open": "readable by others", "../db": "is no name of a secret", "": "is no name of a secret",
	} {
		got, err := c.Secret(name)
		if err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%s: %q %v, want %s", name, got, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "1234567") || strings.Contains(err.Error(), "everybody-reads")) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}
