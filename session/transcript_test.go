package session

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// transcript is a line and all that it shows.
type transcript struct {
	line, stdin string
	out, err    string
	code        int
}

var (
	times = regexp.MustCompile(` in \d+(\.\d)? m?s`)
	runID = regexp.MustCompile(`\(run [a-z0-9]+\)`)
)

// settle replaces what differs from run to run.
func settle(text string) string {
	return runID.ReplaceAllString(times.ReplaceAllString(text, " in T"), "(run ID)")
}

func (w *world) check(t *testing.T, user string, cases []transcript) {
	t.Helper()
	for _, c := range cases {
		out, errs, code := w.exec(t, user, c.line, c.stdin)
		if diff := cmp.Diff(c.out, out); diff != "" {
			t.Errorf("%s: standard output (-want +got):\n%s", c.line, diff)
		}
		if diff := cmp.Diff(c.err, settle(errs)); diff != "" {
			t.Errorf("%s: standard error (-want +got):\n%s", c.line, diff)
		}
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.line, code, c.code)
		}
	}
}

func TestWalkingTheTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{
		{line: "pwd", out: "/\n"},
		{line: "--version", out: "deployerd 1.2.3\n"},
		{line: "ls", out: "staging\nproduction\nnoop\nanswer\neverywhere\nask\n"},
		{line: "ls production web", out: ":web1\n:web2\n:web3\ndeploy\nversion\nlogs\nbroke\n"},
		{line: "ls production.web:web1", out: "deploy\nversion\nlogs\nbroke\n"},
		{line: "ls -R production", out: "/production/web\n/production/web/deploy\n/production/web/version\n" +
			"/production/web/logs\n/production/web/broke\n/production/db\n/production/db/dump\n"},
		{line: "ls -l production", out: "web  array  production  web1,web2,web3  The web servers.\ndb   node   production  db1\n"},
		{line: "find 'd*'", out: "/staging/deploy\n/production/web/deploy\n/production/db\n/production/db/dump\n"},
		{line: "find '/production/**/d*'", out: "/production/web/deploy\n/production/db\n/production/db/dump\n"},
		{line: "ls -x", err: "deployerd: ls takes no -x; usage: ls [-l] [-R] [path]\n", code: 2},
		{line: "ls production.web.deploy", err: "deployerd: production.web deploy is an action, not a node\n", code: 2},
		{line: "pwd x", err: "deployerd: usage: pwd\n", code: 2},
		{line: "cd production.web:web1"},
	})
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{
		{line: "prodution", err: "deployerd: prodution: no such node or action here; did you mean production?\n", code: 127},
		{line: "production.wbe deploy", err: "deployerd: wbe: no such node or action in /production; did you mean web?\n", code: 127},
		{line: "production.web:web9 deploy", err: "deployerd: :web9: no such node or action in /production/web; did you mean :web1, :web2, :web3?\n", code: 127},
		{line: "statsu", err: "deployerd: statsu: no such node or action here; did you mean status?\n", code: 127},
		{line: "- deploy", err: "deployerd: -: there is no last place yet\n", code: 127},
		{line: "production.web port", err: "deployerd: \"port\" is an attribute of production.web, not a place; --inspect shows it\n", code: 2},
		{line: "production.web", err: "deployerd: production.web is a node: name one of its actions too, or use --run, ls or --inspect\n", code: 2},
		{line: "monitor", err: "deployerd: monitor: not in this version\n", code: 2},
		{line: "production.web deploy a b c", err: "deployerd: " + argumentError(t, w, "a", "b", "c") + "\n", code: 2},
		{line: "production.web deploy verson=1", err: "deployerd: " + argumentError(t, w, "verson=1") + "\n", code: 2},
		{line: "production.web deploy --sandbox", err: "deployerd: --sandbox: options stand before the action; put -- before it to pass it on\n", code: 2},
	})
}

// argumentError is what package node says of arguments of deploy.
func argumentError(t *testing.T, w *world, words ...string) string {
	t.Helper()
	n, ok := nodeAt(w.state.Load().Tree, "/production/web")
	if !ok {
		t.Fatal("the node is gone")
	}
	a, _ := n.Action("deploy")
	list := make([]word, len(words))
	for i, text := range words {
		list[i] = word{text: text, bare: len(text)}
	}
	_, err := a.Bind("deploy", arguments(list, len(list)))
	if err == nil {
		t.Fatal("the arguments are good")
	}
	return err.Error()
}

func TestACommandOnOneHostIsLikeSSH(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	web1 := w.fakes["web1"]
	web1.On("binary", hosttest.Answer{Stdout: "\x00\xff\x1b[2Jno newline", Stderr: "warn\r"})
	web1.On("cat", hosttest.Answer{Cat: true})
	web1.On("exit 7", hosttest.Answer{Stdout: "half", Code: 7})
	web1.On("lost", hosttest.Answer{Lost: true})
	web1.On("gone", hosttest.Answer{StartErr: &host.DialError{Host: "web1", Address: "10.0.0.1:22", Stage: host.StageLogin, Err: errors.New("no key was taken")}})
	w.check(t, "alice", []transcript{
		{line: "--run production.web:web1 -- binary", out: "\x00\xff\x1b[2Jno newline", err: "warn\r"},
		{line: "-- --run production.web:web1 -- cat", stdin: "a\x00b\xff", out: "a\x00b\xff"},
		{line: "--run --limit web1 production.web -- cat", stdin: "in", out: "in"},
		{line: "--run production.web:web1 -- exit 7", out: "half", code: 7, err: "" +
			"deployerd: production.web:web1 --run: web1: exit status 7\n" +
			"deployerd: 1 failed in T (run ID)\n"},
		{line: "--run production.web:web1 -- gone", code: 255, err: "" +
			"deployerd: production.web:web1 --run: web1: login web1 (10.0.0.1:22): no key was taken\n" +
			"deployerd: 1 unreachable in T (run ID)\n"},
		{line: "--run production.web:web1 -- lost", code: 255, err: "" +
			"deployerd: production.web:web1 --run: web1: connection to web1 was lost before the exit status came: the result is unknown: unexpected EOF\n" +
			"deployerd: 1 unknown in T (run ID)\n"},
		{line: "--run production.web:web1", code: 2, err: "deployerd: --run needs a command: --run [path] -- COMMAND\n"},
		{line: "--run --limit web9 production.web -- x", code: 2, err: "deployerd: no host of /production/web matches --limit web9\n"},
		{line: "--run-with-sudo production.web:web1 -- binary", out: "\x00\xff\x1b[2Jno newline", err: "warn\r"},
	})
	lines := web1.Lines()
	if last := lines[len(lines)-1]; !strings.Contains(last, "sudo") {
		t.Errorf("the last line has no sudo: %s", last)
	}
}

func TestSeveralHostsAreMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"web1", "web2", "web3"} {
		w.fakes[name].On("hello", hosttest.Answer{Stdout: "hello\n"})
		w.fakes[name].On("quiet", hosttest.Answer{})
		w.fakes[name].On("cat", hosttest.Answer{Cat: true})
	}
	w.fakes["web2"].On("quiet", hosttest.Answer{Stdout: "\x1b[31mred\x1b]0;x\x07 open", Stderr: "\u202e\n"})
	w.fakes["web3"].On("quiet", hosttest.Answer{Code: 3})
	out, errs, code := w.exec(t, "alice", "--run production.web -- hello", "ignored")
	if code != 0 || len(out) != len("web1: hello\n")*3 || !strings.Contains(out, "web3: hello\n") {
		t.Errorf("%d %q", code, out)
	}
	if settle(errs) != "deployerd: 3 ok in T (run ID)\n" {
		t.Errorf("%q", errs)
	}
	w.check(t, "alice", []transcript{
		{line: "--run production.web -- quiet", code: 1, out: "web2: \x1b[31mred\\x1b]0;x\\x07 open\x1b[0m\n", err: "" +
			"web2: \\u{202e}\n" +
			"deployerd: production.web --run: web3: exit status 3\n" +
			"deployerd: 2 ok, 1 failed in T (run ID)\n"},
		{line: "--run --limit '!web3' --forks 1 production.web -- quiet", out: "web2: \x1b[31mred\\x1b]0;x\\x07 open\x1b[0m\n", err: "" +
			"web2: \\u{202e}\n" +
			"deployerd: 2 ok in T (run ID)\n"},
		{line: "--run --stdin --forks 1 production.web -- cat", stdin: "in\n", out: "web1: in\nweb2: in\nweb3: in\n", err: "" +
			"deployerd: 3 ok in T (run ID)\n"},
	})
}

func TestActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"web1", "web2", "web3"} {
		w.fakes[name].On("install", hosttest.Answer{Stderr: "done\n"})
	}
	w.fakes["web3"].On("install v2", hosttest.Answer{Code: 2})
	w.check(t, "alice", []transcript{
		{line: "noop"},
		{line: "answer", out: "42\n"},
		{line: "production.web:web1 version", out: "v1 of /production/web:web1\n"},
		{
			line: "--forks 1 production.web version", out: "" +
				"web1: v1 of /production/web:web1\nweb2: v1 of /production/web:web2\nweb3: v1 of /production/web:web3\n",
			err: "deployerd: 3 ok in T (run ID)\n",
		},
		{line: "production/web --forks=1 deploy v2 force=true", code: 1, err: "web1: done\nweb2: done\n" +
			"deployerd: production.web deploy: web3: exit status 2\n" +
			"deployerd: web3: the command was: install v2 force=true\n" +
			"deployerd: 2 ok, 1 failed in T (run ID)\n"},
		{line: "production.web:web1 deploy 'force=x'", err: "done\n"},
		{line: "production.web:web1 deploy -- force=x", err: "done\n"},
		{line: "production.web:web1 logs", err: "deployerd: one\ndeployerd: two \\x1b]0;title\\x07\n"},
		{line: "--limit web2 production.web broke", code: 1, err: "" +
			"deployerd: production.web broke: web2: no disk\ndeployerd: 1 failed in T (run ID)\n"},
		{line: "production.web:web2 broke", code: 1, err: "" +
			"deployerd: production.web:web2 broke: web2: no disk\ndeployerd: 1 failed in T (run ID)\n"},
		{line: "everywhere"},
		{line: "--stdin noop", code: 2, err: "deployerd: --stdin goes with --run: an action takes no standard input\n"},
	})
}

func TestTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{
		{line: "exit"},
		{line: "return"},
		{line: "reload", err: "deployerd: this daemon cannot reload\n", code: 254},
		{line: "env A", err: "deployerd: usage: env [NAME=VALUE...] | env -u NAME\n", code: 2},
		{line: "env LD_PRELOAD=x", err: "deployerd: env: " + setenvError("LD_PRELOAD") + "\n", code: 2},
		{line: "whoami", out: "user    alice\nroles   admin\nfrom    10.0.0.9\nmethod  publickey\n"},
		{line: "help helo", err: "deployerd: helo: no such command; did you mean help?\n", code: 127},
		{line: "help watch", err: "deployerd: watch: not in this version\n", code: 2},
		{line: "help pwd", out: "pwd\n  where you are\nright:    see\noptions:  --json --reason\nexample:  pwd\n"},
		{line: "hosts 'w*1'", out: "web1  web1.fake  closed  /production/web\n"},
	})
}

func TestInspectAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{
		{line: "--inspect production.web", out: `path: /production/web
kind: array
doc: The web servers.
  All of them.
group: production
hosts:
  host: web1 web2 web3
attributes:
  port: 80
  url: http://x/<y>
  broken: error: production.web broken: no such thing
actions:
  - name: deploy
    doc: Deploy a version.
      More.
    parameters:
      - name: version
        kind: positional
        default: v0
      - name: force
        kind: positional
        default: False
  - name: version
    doc: Tell the version.
  - name: logs
  - name: broke
defined: tree.star:7
`},
		{line: "--inspect production.web url", out: "path: /production/web\nkind: property\nname: url\nvalue: http://x/<y>\ndefined: tree.star:1\n"},
		{line: "--inspect production.web deploy v1", err: "deployerd: usage: --inspect [path]\n", code: 2},
	})
}

// In a sandbox nothing is run, and that is said.
func TestSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(t, "alice", []transcript{
		{line: "sandbox --forks 1 production.web deploy v1", err: "deployerd: web1: would run: install v1\ndeployerd: web2: would run: install v1\n" +
			"deployerd: web3: would run: install v1\ndeployerd: 3 ok in T, sandbox: nothing was changed (run ID)\n"},
	})
	if lines := w.fakes["web1"].Lines(); len(lines) != 1 || !strings.Contains(lines[0], "-n -c") {
		t.Errorf("%q", lines)
	}
}

func setenvError(name string) string {
	_, err := host.Context{}.Setenv(name, "x", true)
	return err.Error()
}

// Every command in the table has a help with an example that is a good line.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	overview, _, _ := w.exec(t, "alice", "help", "")
	for _, c := range commands() {
		if c.section == "" {
			continue
		}
		if !strings.Contains(overview, c.usage) {
			t.Errorf("help does not list %s", c.name)
		}
		text, _, code := w.exec(t, "alice", "help "+c.name, "")
		if code != 0 || c.example == "" || !strings.Contains(text, c.example) {
			t.Errorf("help %s: %d %s", c.name, code, text)
		}
		if _, err := parse(c.example, func([]string) bool { return false }); err != nil {
			t.Errorf("the example %q: %v", c.example, err)
		}
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var on received
	code := w.open(t, t.Context(), "alice").Reject("a session with a terminal", on.io(""))
	if code != 2 || on.err.String() != "deployerd: a session with a terminal: not in this version\n" || on.out.Len() > 0 {
		t.Errorf("%d %q %q", code, on.out.String(), on.err.String())
	}
}
