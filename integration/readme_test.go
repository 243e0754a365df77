package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The screens of the README are what the demo really shows.
func TestTheREADMEsScreens(t *testing.T) {
	t.Parallel()
	d := startDemo(t, filepath.Join(t.TempDir(), "demo"), freePort(t))
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	if r := d.ssh(t, "", "production.web", "deploy", "v1.2"); r.code != 0 { // it makes the folders, and connects
		t.Fatal(r)
	}
	ask := filepath.Join(d.home, "askpass")
	s := stage{set: "readme", who: "demo@" + host, width: 80, height: 24, first: true, demo: true}
	s.screen = openScreen(t, s.width, s.height, "env", "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force",
		"ssh", "-F", "/dev/null", "-p", d.port, "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile="+filepath.Join(d.home, "kh"),
		"-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no", "demo@localhost")
	s.awaitPrompt("/")

	s.clean()
	s.line("ls")
	s.line("cd production")
	s.line("ls")
	s.keys("w", "e", "Tab")
	s.awaitFlat("> web/")
	s.keys("Tab")
	s.awaitFlat("site's log")
	s.keys("d", "Tab")
	s.compare("walk")

	s.keys("C-c")
	s.line("cd /")
	s.clean()
	s.line("production.web deploy v1.3")
	s.line("--run production.web:web3 -- mv site/current site/old")
	s.line("--run production.web -- cat site/current")
	s.compare("several")
}

// Whatever screen the README shows is one of those.
func TestTheREADMEShowsRealScreens(t *testing.T) {
	t.Parallel()
	real := map[string]bool{}
	files, err := filepath.Glob("testdata/screens/readme-*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no screens: %v", err)
	}
	for _, file := range files {
		real[read(t, file)] = true
	}
	for _, b := range blocks(t, "../README.md", "text") {
		if !real[b.text] {
			t.Errorf("%s is none of %v", b, files)
		}
	}
}
