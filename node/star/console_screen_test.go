package star_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/node/star"
)

// onlooker is a person with a terminal of 20 columns.
type onlooker struct {
	person
	mu    sync.Mutex
	pages []string
	shown []string
}

func (o *onlooker) Width() int { return 20 }

func (o *onlooker) Page(_ context.Context, lines []string) error {
	o.pages = append(o.pages, strings.Join(lines, "|"))
	return nil
}

func (o *onlooker) Progress(p node.ProgressState) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := p.Text()
	if p.Ended {
		text += "!"
	}
	o.shown = append(o.shown, text)
	return true
}

const showing = `
    c = env.console
    c.page(["one", "two\nthree"])
    c.columns(["a", "bb", "ccc", "d", "e", "f", "g"])
    p = c.progress("upload", expected = 4)
    p.next()
    p.set(3)
    p.done()
    p.done()
    s = c.progress("deploy", steps = ["stop", "start"])
    s.next()
    s.done()
    print(env.attempt(lambda: s.next()).error)
`

func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	o := &onlooker{}
	_, r, _, err := script(t, showing, nil, func(run *node.Run) { run.Console = o })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one|two|three"}, o.pages); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"upload: 0/4 (0%)", "upload: 1/4 (25%)", "upload: 3/4 (75%)", "upload: 4/4 (100%), done!",
		"deploy: stop (1/2)", "deploy: start (2/2)", "deploy: done!",
	}
	if diff := cmp.Diff(want, o.shown); diff != "" {
		t.Error(diff)
	}
	said := "a    ccc  e    g\nbb   d    f\nupload: 4/4 (100%), done\ndeploy: done\nprogress \"deploy\" has ended"
	if diff := cmp.Diff(said, r.said()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsShownWithoutATerminalIsLines(t *testing.T) {
	t.Parallel()
	_, r, _, err := script(t, showing, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "one\ntwo\nthree\na    bb   ccc  d    e    f    g\nupload: 4/4 (100%), done\n" +
		"deploy: stop (1/2)\ndeploy: start (2/2)\ndeploy: done\nprogress \"deploy\" has ended"
	if diff := cmp.Diff(want, r.said()); diff != "" {
		t.Error(diff)
	}
}

// What an action began to show goes when it ends.
func TestAProgressEndsWithItsAction(t *testing.T) {
	t.Parallel()
	o := &onlooker{}
	_, _, _, err := script(t, `
    env.console.progress("upload")
    fail("broken")
`, nil, func(run *node.Run) { run.Console = o })
	if err == nil {
		t.Error("it did not fail")
	}
	if diff := cmp.Diff([]string{"upload: 0", "upload: 0, done!"}, o.shown); diff != "" {
		t.Error(diff)
	}
}

func TestSelecting(t *testing.T) {
	t.Parallel()
	source := `
def go(env):
    c = env.console
    print(c.select_node(env.root, filter = lambda e: e.name in ["web", "db"]))
    print(c.select_node(env.root, filter = has_action("go")))
    print(c.select_cell(env.web), c.select_cell(env.db))
    print(c.choice("one", ["a"], default = "a", allow_random = True), c.choice("two", ["b"], allow_random = True))
    print(env.attempt(lambda: c.select_node(env.root, filter = lambda e: False)).error)
h = [ssh_host("h1"), ssh_host("h2")]
root = node(go = go, web = parallel_node().array(hosts = {"host": h}), db = node(_inner = node()))
`
	p := &person{answers: []node.Answer{{Index: 1}, {Index: 1}, {Index: 0}, {Index: 1}}}
	r := &recorder{}
	made := tree(t, source, star.Options{NewHost: newFleet().newHost})
	if _, err := r.run(t.Context(), made, asking(p), "go"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("/db\n/\n/web:h2 /db\na b\nselect_node: there is no node to choose", r.said()); diff != "" {
		t.Error(diff)
	}
	want := []string{"|which node|[/web /db]|", "|which cell|[/web:h1 /web:h2]|", "|one|[a random]|a", "|two|[b random]|"}
	if diff := cmp.Diff(want, p.asked); diff != "" {
		t.Error(diff)
	}
	_, err := (&recorder{}).run(t.Context(), made, nil, "go")
	if err == nil || !strings.Contains(err.Error(), `question "which node": nobody can be asked here, and it has no default`) {
		t.Errorf("%v", err)
	}
}

func TestStepsByNumber(t *testing.T) {
	t.Parallel()
	says(t, `
p = env.console.progress("move", steps = {1: "stop", 2: "copy", 3: "start"})
p.set(2)
p.next()
p.done()
`, "move: stop (1/3)\nmove: copy (2/3)\nmove: start (3/3)\nmove: done")
}

func TestWrongConsoleArguments(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`env.console.page(1)`:                                    "want a list of texts",
		`env.console.progress("x", expected = -1)`:               "-1 are not expected",
		`env.console.progress("x", expected = 1, steps = ["a"])`: "either a number",
		`env.console.progress("x", steps = [])`:                  "no steps",
		`env.console.progress("x", steps = {2: "a"})`:            "numbered 1, 2, 3",
		`env.console.progress("x", steps = {0: "a"}).set(2)`:     "there is no step 2",
		`env.console.progress("x").set(-1)`:                      "is no count",
		`env.console.select_cell(1)`:                             "want env",
		`env.console.select_node(env, filter = 1)`:               "filter",
		`env.console.choice("x", [])`:                            "choice: there is nothing to choose from",
		`env.console.progress("x", steps = {1: "a"}).set(0)`:     "there is no step 0, there are 1 (from 1)",
		`env.console.input("x", answers = ["a"], default = "b")`: `input: the default "b" is none of the answers`,
		`env.console.choice("x", ["a", "a"])`:                    "two options",
		`env.console.input("x", answers = [])`:                   "nothing to choose from",
		`env.console.confirm("x", default = "yes")`:              "want True or False",
		`env.console.choice("x", ["a"], default = "b")`:          "none of the options",
		`env.console.input("x", pasword = True)`:                 "did you mean password?",
	} {
		refuses(t, line, want)
	}
}
