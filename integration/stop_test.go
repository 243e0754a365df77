package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSIGTERMLetsRunsEndWithinTheDrain(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "runs: { drain: 20s }\n")
	p := d.startSSH(t, "alice", "production.web:web1", "slow", "2")
	p.stdout.waitFor(t, "begun")
	d.signal(t, syscall.SIGTERM)
	poll(t, "no new logins", func() bool { return d.ssh(t, "bob", "pwd").code == 255 })
	if r := finish(t, p); r.code != 0 || r.stdout != "begun\ndone\n" {
		t.Errorf("the run was not let to its end: %s", r)
	}
	if r := finish(t, d.process); r.code != 0 {
		t.Errorf("want exit 0: %s", r)
	}
}

func TestSIGTERMCancelsWhatOutlivesTheDrain(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "runs: { drain: 1s }\n")
	pids := filepath.Join(t.TempDir(), "pids")
	p := d.startSSH(t, "alice", "production.web", "hang", pids)
	poll(t, "all begin", func() bool { return strings.Count(p.stdout.String(), "begun") == 20 })
	d.signal(t, syscall.SIGTERM)
	r := finish(t, p)
	if r.code != 130 || !strings.Contains(r.stderr, "the daemon is stopping") {
		t.Errorf("want 130 and why: %s", r)
	}
	if r := finish(t, d.process); r.code != 0 {
		t.Errorf("want exit 0: %s", r)
	}
	gone(t, pids)
}

func TestASecondSIGTERMEndsAtOnce(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "runs: { drain: 300s }\n")
	p := d.startSSH(t, "alice", "production.web:web1", "hang")
	p.stdout.waitFor(t, "begun")
	d.signal(t, syscall.SIGTERM)
	poll(t, "it is stopping", func() bool { return !reachable("127.0.0.1:" + d.port) })
	d.signal(t, syscall.SIGTERM)
	finish(t, d.process)
	if r := finish(t, p); r.code != 255 {
		t.Errorf("want ssh to say that its connection broke: %s", r)
	}
}

func TestKilledDuringRunsItStartsAgainWithEveryIntent(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	file := filepath.Join(t.TempDir(), "log")
	kills := 3
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		kills = 30
	}
	for range kills {
		p := d.startSSH(t, "alice", "production.web", "count", file)
		poll(t, "some host has begun", func() bool { _, err := os.Stat(file); return err == nil })
		_ = d.cmd.Process.Kill()
		_ = d.wait()
		if r := finish(t, p); r.code != 255 {
			t.Errorf("want ssh to say that its connection broke: %s", r)
		}
		d.serve(t)
		if r := d.ssh(t, "alice", "--", "--limit", "web1", "production.web", "deploy", "v1"); r.code != 0 {
			t.Fatal(r)
		}
		_ = os.Remove(file)
	}
}

func TestReloadSwapsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "")
	o := daemonOptions{tree: `root = node(one = node())`, identity: s.key, users: []string{"alice", "bob"}}
	d := startDaemon(t, o)
	ls := func(want string) {
		t.Helper()
		if r := d.ssh(t, "alice", "ls"); r.code != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("want %s: %s", want, r)
		}
	}
	ls("one")
	o.tree = `root = node(two = node())`
	d.configure(t, o)
	expect(t, run(t, "", binary, "reload", "--config", d.file("deployerd.yaml")), 0, "reloaded\n")
	ls("two")

	o.tree = "root = node(\n    three = nod())\n"
	d.configure(t, o)
	r := run(t, "", binary, "reload", "--config", d.file("deployerd.yaml"))
	if r.code != 1 || !strings.Contains(r.stderr, "tree.star:2") {
		t.Errorf("want the error with its place: %s", r)
	}
	ls("two")
	if r := d.ssh(t, "alice", "status"); !strings.Contains(r.stdout, "tree.star:2") {
		t.Errorf("status does not tell of the failed reload: %s", r)
	}

	o.tree = `root = node(four = node())`
	d.configure(t, o)
	d.signal(t, syscall.SIGHUP)
	poll(t, "SIGHUP reloads", func() bool { return strings.Contains(d.ssh(t, "alice", "ls").stdout, "four") })

	o.users = []string{"alice"}
	d.configure(t, o)
	d.signal(t, syscall.SIGHUP)
	poll(t, "a removed user is out", func() bool { return d.ssh(t, "bob", "pwd").code == 255 })
}

func TestASecondDaemonIsKeptOut(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := run(t, "", binary, "serve", "--config", d.file("deployerd.yaml"))
	if r.code != 1 || !strings.Contains(r.stderr, "in use") {
		t.Error(r)
	}
}
