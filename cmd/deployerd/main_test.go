package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deployerd runs a command line.
func deployerd(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestAWrongCommandIsAnsweredWithTheNearest(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"chek": "deployerd: chek: no such command; did you mean check?\n",
		"xyzz": "deployerd: xyzz: no such command\n",
	} {
		if _, errs, code := deployerd(t, arg); code != exitUsage || errs != want {
			t.Errorf("%d %q, want %q", code, errs, want)
		}
	}
}

func TestBothWaysToAskForTheVersionAgree(t *testing.T) {
	t.Parallel()
	command, _, _ := deployerd(t, "version")
	if flag, errs, code := deployerd(t, "--version"); code != 0 || flag != command {
		t.Errorf("%d %q %s, want %q", code, flag, errs, command)
	}
}

func TestCheckWarnsOfNamesThatAreCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tree.star":      "root = node(status = lambda env: 1, web = node())\n",
		"deployerd.yaml": "tree: tree.star\nssh: {listen: ['127.0.0.1:2222']}\nrules: [{roles: [admin], allow: [all]}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := deployerd(t, "check", "--config", filepath.Join(dir, "deployerd.yaml"))
	if code != 0 || !strings.Contains(out, "good: ") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if want := "deployerd: warning: /status has the name of a command: where it stands, ./status reaches it\n"; errs != want {
		t.Errorf("got %q, want %q", errs, want)
	}
}
