package star_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// person answers questions in the order they are expected, and writes down
// what was asked.
type person struct {
	mu      sync.Mutex
	away    bool
	asked   []string
	answers []node.Answer
}

func (p *person) Interactive() bool { return !p.away }

func (p *person) Ask(_ context.Context, q node.Question) (node.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, fmt.Sprintf("%s|%s|%v|%s", q.Host, q.Label, q.Options, q.Default))
	if len(p.answers) == 0 {
		return node.Answer{}, errors.New("no more answers")
	}
	a := p.answers[0]
	p.answers = p.answers[1:]
	return a, nil
}

func asking(p *person) func(*node.Run) { return func(r *node.Run) { r.Console = p } }

func (r *recorder) said() string { return strings.Join(r.logs, "\n") }

const questions = `
    c = env.console
    print(c.interactive)
    print(c.input("name", default = "bob"), c.input("colour", answers = ["red", "blue"], default = "red"))
    print(c.choice("which", ["a", ("b", 7)], default = 7), c.confirm("sure", default = True))
    print(c.input("word", password = True, default = "hidden"))
    c.warning("careful")
`

func TestQuestions(t *testing.T) {
	t.Parallel()
	p := &person{answers: []node.Answer{{Text: "eve"}, {Text: "blue"}, {Index: 0}, {Yes: false}, {Text: "s3cret"}}}
	_, r, _, err := script(t, questions, nil, asking(p))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("True\neve blue\na False\n<secret>\nwarning: careful", r.said()); diff != "" {
		t.Error(diff)
	}
	want := []string{"|name|[]|bob", "|colour|[red blue]|red", "|which|[a b]|b", "|sure|[]|yes", "|word|[]|hidden"}
	if diff := cmp.Diff(want, p.asked); diff != "" {
		t.Error(diff)
	}
}

func TestQuestionsWithoutAPersonTakeTheirDefaults(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*node.Run){"no console": nil, "away": asking(&person{away: true})} {
		_, r, _, err := script(t, questions, nil, change)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("False\nbob red\n7 True\n<secret>\nwarning: careful", r.said()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAQuestionThatNobodyAnswersFailsTheAction(t *testing.T) {
	t.Parallel()
	_, _, _, err := script(t, `
    env.console.confirm("delete it all?")
`, nil, nil)
	var q *node.QuestionError
	if !errors.As(err, &q) || !strings.Contains(err.Error(), `question "delete it all?": nobody can be asked here, and it has no default`) {
		t.Errorf("%v", err)
	}
	_, _, _, err = script(t, `
    env.console.input("colour", answers = ["red"])
`, nil, asking(&person{answers: []node.Answer{{Text: "green"}}}))
	if !errors.As(err, &q) || !strings.Contains(err.Error(), "none of those") {
		t.Errorf("%v", err)
	}
}

func TestAPasswordGoesOnlyIntoACommand(t *testing.T) {
	t.Parallel()
	p := &person{answers: []node.Answer{{Text: "s3cret"}}}
	_, r, _, err := script(t, `
    word = env.console.input("word", password = True)
    print(env.hosts["web1"].run("cat", input = word).stdout == "s3cret")
    print(env.hosts["web1"].env("X", word).run("cat", input = "y").stdout == "s3cret\ny")
    print(str(word), [word], env.attempt(lambda: word + "").error, env.attempt(lambda: "%s" % word).error)
`, map[string]hosttest.Answer{"web1 cat": {Cat: true}}, asking(p))
	if err != nil {
		t.Fatal(err)
	}
	if text := r.said(); !strings.HasPrefix(text, "True\nTrue\n<secret> [<secret>] <secret> cannot be part of a text") || strings.Contains(text, "s3cret") {
		t.Errorf("%q", text)
	}
}

// Question's host is the cell; cells ask one at a time.
func TestCellsAskOneAtATime(t *testing.T) {
	t.Parallel()
	p := &person{answers: make([]node.Answer, 3)}
	f, r := newFleet(), &recorder{}
	made := tree(t, `
def sure(env): return env.console.confirm("go?")
`+three+`
root = node(web = parallel_node(sure = sure).array(hosts = {"host": hosts}))`, star.Options{NewHost: f.newHost})
	if _, err := r.run(t.Context(), made, asking(p), "web sure"); err != nil {
		t.Fatal(err)
	}
	hosts := map[string]bool{}
	for _, q := range p.asked {
		host, _, _ := strings.Cut(q, "|")
		hosts[host] = true
	}
	if len(hosts) != 3 || len(p.asked) != 3 {
		t.Errorf("asked %q", p.asked)
	}
}

// flaky fails as often as told, then is good.
func flaky(f *hosttest.Fake, command string, times int) {
	var mu sync.Mutex
	f.On(command, hosttest.Answer{Code: 2, Stderr: "no luck\n", OnStart: func() {
		mu.Lock()
		defer mu.Unlock()
		if times--; times == 0 {
			f.On(command, hosttest.Answer{Stdout: "done\n"})
		}
	}})
}

func retrying(t *testing.T, body string, p *person) (*fleet, *recorder, error) {
	t.Helper()
	f, r := newFleet(), &recorder{}
	made := tree(t, "def go(env):\n"+body+site, star.Options{NewHost: f.newHost})
	flaky(f.hosts["web2"], "release", 2)
	f.hosts["web3"].Default(hosttest.Answer{Code: 9})
	_, err := r.run(t.Context(), made, asking(p), "go")
	return f, r, err
}

const deploying = `
    r = env.hosts.filter("host").run("release")
    print([x.ok for x in r], r["web2"].stdout)
`

const (
	retry = iota
	skip
	abort
)

func TestAFailedCommandIsRetriedOrSkipped(t *testing.T) {
	t.Parallel()
	p := &person{answers: []node.Answer{{Index: retry}, {Index: retry}, {Index: skip}}}
	f, r, err := retrying(t, deploying, p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[True, True, False] done\n", r.said()); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"web2|web2: exit status 2|[retry skip abort]|",
		"web2|web2: exit status 2|[retry skip abort]|",
		"web3|web3: exit status 9|[retry skip abort]|",
	}
	if diff := cmp.Diff(want, p.asked); diff != "" {
		t.Error(diff)
	}
	if n := len(f.hosts["web1"].Lines()); n != 1 {
		t.Errorf("web1 ran it %d times", n)
	}
}

func TestAFailedCommandIsAborted(t *testing.T) {
	t.Parallel()
	_, _, err := retrying(t, deploying, &person{answers: []node.Answer{{Index: abort}}})
	var failed *host.CallError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "web2: exit status 2") {
		t.Errorf("%v", err)
	}
}

func TestInsideAnAttemptNobodyIsAsked(t *testing.T) {
	t.Parallel()
	p := &person{}
	_, r, err := retrying(t, `
    print(env.attempt(lambda: env.hosts["web3"].run("release")).ok)
    print(env.attempt(lambda: env.web["web3"].mixed()).ok)
    print(env.hosts["web3"].run("release", check = False).ok)
`, p)
	if err != nil || len(p.asked) > 0 {
		t.Errorf("%v, asked %q", err, p.asked)
	}
	if diff := cmp.Diff("False\nFalse\nFalse", r.said()); diff != "" {
		t.Error(diff)
	}
}

// lent is a terminal that is lent to one at a time.
type lent struct {
	mu     sync.Mutex
	screen strings.Builder
	out    int
	times  int
}

func (l *lent) Lend(context.Context) (host.TerminalIO, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out++
	l.times++
	return host.TerminalIO{Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, Output: &l.screen}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.out--
	}, nil
}

func TestACommandInTheUsersTerminal(t *testing.T) {
	t.Parallel()
	l := &lent{}
	f, r, _, err := script(t, `
    print(env.hosts["web1"].run("top", pty = True).stdout == "\033[2Jtop\r\n")
    print(env.attempt(lambda: env.hosts.run("top", pty = True)).error)
    print(env.attempt(lambda: env.hosts["web1"].run("top", pty = True, input = "x")).error)
    print(env.hosts["web1"].run("top", pty = False).ok, env.hosts["web1"].run("top", pty = None).ok)
`, map[string]hosttest.Answer{"web1 top": {Stdout: "\033[2Jtop\r\n"}}, func(r *node.Run) { r.Terminal = l })
	if err != nil {
		t.Fatal(err)
	}
	if got := l.screen.String(); got != "\033[2Jtop\r\n" {
		t.Errorf("the screen is %q", got)
	}
	want := "True\npty = True is for one host, not for 4 (use env.host, or one of env.hosts)\nterminal: it shows the output and types the input: neither an input nor quiet goes with it\nTrue True"
	if diff := cmp.Diff(want, r.said()); diff != "" {
		t.Error(diff)
	}
	if n := len(f.hosts["web1"].Ptys()); n != 1 || l.out != 0 || l.times != 2 {
		t.Errorf("%d terminals at the host, lent %d times, %d not given back", n, l.times, l.out)
	}
}

func TestInASandboxNoTerminalIsLent(t *testing.T) {
	t.Parallel()
	l := &lent{}
	f, _, _, err := script(t, `
    env.hosts["web1"].run("top", pty = True)
`, nil, func(r *node.Run) { r.Terminal, r.Sandbox = l, true })
	if err != nil || l.times > 0 || len(f.hosts["web1"].Ptys()) > 0 {
		t.Errorf("%v, lent %d times", err, l.times)
	}
}

func TestWithoutATerminalThereIsNoPty(t *testing.T) {
	t.Parallel()
	f, _, _, err := script(t, `
    env.hosts["web1"].run("top", pty = True)
`, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "pty = True: a terminal is wanted, and this session has none") {
		t.Errorf("%v", err)
	}
	if n := len(f.hosts["web1"].Lines()); n > 0 {
		t.Errorf("%d lines were run", n)
	}
}
