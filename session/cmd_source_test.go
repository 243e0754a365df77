package session

import (
	"strings"
	"testing"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
)

// definition is what the test's tree says is defined at a line.
func definition(line string) string {
	return "def f(env):  # line " + line + "\n    \"\"\"Two\n    lines.\"\"\"\n    return \"x\\x1b[2J\" % 1\n"
}

func TestSourceCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, auth.RuleOptions{Roles: []string{"operator"}, Allow: []string{"run"}, Paths: []string{"/staging"}})
	w.check(t, "alice", []transcript{
		{line: "--source-code production.web", out: definition("7")},
		{line: "--source-code staging deploy", out: definition("3")},
		{line: "--source-code staging.where", out: definition("1")},
		{line: "--source-code production.web.port", out: definition("1")},
		{line: "--source-code", out: definition("2")},
		{line: "--source-code noop", err: "deployerd: noop was not written in a file of the tree\n", code: 2},
		{line: "--source-code staging deploy x", err: "deployerd: usage: --source-code [path]\n", code: 2},
		{line: "--source-code nothing", err: "deployerd: nothing: no such node or action here\n", code: 127},
	})
	if out, errs, code := w.exec(t, "bob", "--source-code staging deploy", ""); code != 127 || out != "" {
		t.Errorf("who may only run it read %q, %q, %d", out, errs, code)
	}
}

func TestInspectAQueryAsText(t *testing.T) {
	t.Parallel()
	newWorld(t).check(t, "alice", []transcript{
		{line: "--inspect staging.where", out: "path: /staging\nkind: query\nname: where\nvalue: st-1\nquery: Q.parent.name + \"-1\"\n" +
			"trace:\n  Q = /staging\n  Q.parent.name + \"-1\" = st-1\ndefined: tree.star:1\n"},
		{line: "--inspect production.web url", out: "path: /production/web\nkind: property\nname: url\nvalue: http://x/<y>\ndefined: tree.star:1\n"},
		{line: "staging.where", err: "deployerd: \"where\" is a query of staging, not a place; --inspect shows it\n", code: 2},
	})
}

func TestHighlightedSource(t *testing.T) {
	t.Parallel()
	mark := func(sgr, text string) string { return "<" + sgr + " " + text + ">" }
	got := highlighted("@x\n"+definition("1")+"y = 'it\\'s' + r\"a\" + 0x1F * None and \x07 Q.übung # end\n", mark)
	want := `@x
<34 def> <1 f>(env):  <2 # line 1>
    <32 """Two>
<32     lines.""">
    <34 return> <32 "x\x1b[2J"> % <36 1>
y = <32 'it\'s'> + <32 r"a"> + <36 0x1F> * <36 None> <34 and> \x07 <36 Q>.übung <2 # end>
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSourceCodeAtATerminal(t *testing.T) {
	t.Parallel()
	w := newOffice(t)
	p := w.sit(t, "alice", Terminal{Term: "dumb"})
	p.types("--source-code staging deploy\r")
	p.sees("def f(env):  # line 3", `return "x\x1b[2J" % 1`)
	p.types("\x04")
	p.leaves()
}

// A tree that was built in Go has no source, and says so.
func TestNoSource(t *testing.T) {
	t.Parallel()
	if _, ok := smallTree(t).Source(node.Position{File: "x", Line: 1}); ok {
		t.Error("there is a source")
	}
	if strings.Contains(sourceLines("a\x1b\nb"), "\x1b") {
		t.Error("a control character passes")
	}
}
