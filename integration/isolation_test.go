package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTwoUsersNeverSeeEachOthersEnvironment(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	var users sync.WaitGroup
	for _, user := range []string{"alice", "bob"} {
		users.Go(func() {
			script := "env WHO=" + user + "\n" + strings.Repeat("production.web variable\n", 5)
			r := run(t, script, "ssh", d.sshArgs(user)...)
			if got := strings.Count(r.stdout, ": "+user+"\n"); r.code != 0 || got != 100 || len(lines(r.stdout)) != 100 {
				t.Errorf("%s saw its own value %d times of 100: %s", user, got, r)
			}
		})
	}
	users.Wait()
	if r := d.ssh(t, "alice", "--", "--limit", "web1", "production.web", "variable"); r.stdout != "\n" {
		t.Errorf("a new session starts with a variable: %s", r)
	}
}

func TestAFolderWithBlanksAndQuotesInItsName(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	dir := filepath.Join(t.TempDir(), `it's "a" $HOME `+"`id`"+` \ folder`)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := run(t, "production.web:web1 here '"+strings.ReplaceAll(dir, "'", `'\''`)+"'\n", "ssh", d.sshArgs("alice")...)
	expect(t, r, 0, dir+"\n")
}

func TestAHostileTermReachesNoShell(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	mark := filepath.Join(t.TempDir(), "mark")
	for _, term := range []string{"x; touch " + mark, "$(touch " + mark + ")", "`touch " + mark + "`", "-x\ntouch " + mark, strings.Repeat("x", 10_000)} {
		cmd := exec.Command("ssh", append([]string{"-tt"}, d.sshArgs("alice", "--", "--run", "production.web:web1", "--", `'echo "[$TERM]"'`)...)...)
		cmd.Env = append(os.Environ(), "TERM="+term)
		r := finish(t, startCmd(t, cmd))
		if strings.Contains(r.stdout, "touch") || strings.Contains(r.stdout, "xxx") {
			t.Errorf("TERM %.20q reached the target: %s", term, r)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a TERM was executed")
	}
}

func TestRightsDecideAtEveryDoor(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, `rules:
  - { users: [alice], allow: [see, run, shell], paths: ["/**"] }
  - { users: [alice], deny: [shell, run], hosts: ["web7"] }
  - { users: [bob], allow: [run], paths: ["/production/**"], actions: [deploy], require: [reason] }
`)
	refused := func(r result, text string) {
		t.Helper()
		if r.code != 254 || !strings.Contains(r.stderr, text) || r.stdout != "" {
			t.Errorf("want a refusal that says %q: %s", text, r)
		}
	}
	refused(d.ssh(t, "alice", "production.web", "deploy", "v1"), "web7")
	refused(d.ssh(t, "alice", "--", "--run", "production.web:web7", "--", "id"), "web7")
	if r := d.ssh(t, "alice", "--", "--limit", "!web7", "production.web", "deploy", "v1"); r.code != 0 || len(lines(r.stdout)) != 19 {
		t.Error(r)
	}
	refused(d.ssh(t, "alice", "--", "--run-with-sudo", "production.web:web1", "--", "id"), "")
	refused(d.ssh(t, "bob", "production.web", "deploy", "v1"), "reason")
	if r := d.ssh(t, "bob", "--", "--reason", "'ticket 7'", "production.web", "deploy", "v1"); r.code != 0 {
		t.Error(r)
	}
	// Bob may not see what he may not run: the same bytes as for what is not there.
	hidden, missing := d.ssh(t, "bob", "production.web", "hang"), d.ssh(t, "bob", "production.web", "hank")
	if hidden.code != 127 || missing.code != 127 || strings.ReplaceAll(hidden.stderr, "hang", "hank") != missing.stderr {
		t.Errorf("hidden and missing differ: %s\n%s", hidden, missing)
	}
}
