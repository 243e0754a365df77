// Package deployerd_test holds the arrows between the rooms: which package may
// know which, and where a library may stand.
package deployerd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/deployerd/deployerd/"

// arrows are all imports between packages of ours that are allowed, in the
// order data flows.
var arrows = map[string][]string{
	"host":            {},
	"host/hosttest":   {"host"},
	"node":            {"host"},
	"node/star":       {"node", "host"},
	"auth":            {},
	"session/journal": {},
	"session/run":     {"host", "node", "session/journal"},
	"session":         {"node", "host", "auth", "session/journal", "session/run", "session/internal/lineedit", "session/internal/screen"},
	"server":          {"session", "auth", "host", "session/journal", "server/internal/telnet"},

	"session/internal/lineedit": {},
	"session/internal/screen":   {},
	"server/internal/telnet":    {},
	"config":                    {},
	"cmd/deployerd":             {"host", "host/hosttest", "node", "node/star", "auth", "session/journal", "session/run", "session", "server", "config"},
	"integration":               {},
}

// homes are the only packages in which a library may stand, and why.
var homes = []struct {
	library, why string
	in           []string
}{
	{"golang.org/x/crypto/ssh", "one place goes out, one lets in, and auth parses keys", []string{"host", "host/hosttest", "server", "integration", "auth"}},
	{"go.starlark.net/", "the tree's model does not know its language", []string{"node/star"}},
	{"github.com/nats-io/", "how the journal is kept is its own matter", []string{"session/journal"}},
	{"github.com/goccy/go-yaml", "only one place reads the configuration", []string{"config"}},
	{"charm.land/", "only the door knows the SSH server", []string{"server"}},
	{"github.com/gliderlabs/ssh", "it mixes users up: it serves targets, never people", []string{"host/hosttest"}},
}

type listed struct {
	ImportPath string
	Imports    []string
}

// packages lists the project's own packages with their imports.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestTheArrowsBetweenTheRooms(t *testing.T) {
	for _, p := range packages(t) {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours { // the module's root, which holds only this test
			continue
		}
		allowed, known := arrows[name]
		if !known {
			t.Errorf("%s has no place in the layout: give it one here and in CONTRIBUTING.md", name)
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(allowed, other) {
				t.Errorf("%s must not import %s: it may know only %v", name, other, allowed)
			}
		}
	}
}

func TestLibrariesStandInTheirHomes(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, imported := range p.Imports {
			for _, home := range homes {
				if strings.HasPrefix(imported, home.library) && !slices.Contains(home.in, name) {
					t.Errorf("%s must not import %s (%s): it stands only in %v", name, imported, home.why, home.in)
				}
			}
		}
	}
}

// forbidden are words that must stand in no source file, and why.
var forbidden = map[string]string{
	"Insecure" + "IgnoreHostKey": "an unknown host key is refused, always",
	"WithAuthorized" + "Keys":    "it ignores from= and expiry-time=",
	"WithTrustedUser" + "CAKeys": "it takes a certificate without principals for anybody's",
}

func TestForbiddenWords(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		text, err := os.ReadFile(file)
		for word, why := range forbidden {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s says %s: %s", file, word, why)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
