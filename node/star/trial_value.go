package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// testLog keeps what a test's actions say.
type testLog struct {
	mu    sync.Mutex
	lines []string
}

// maxLogged bounds what is kept, in lines.
const maxLogged = 10_000

// Log implements node.Trace.
func (l *testLog) Log(_ *node.Node, host, text string) {
	if host != "" {
		text = prefixed(host, text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) < maxLogged {
		l.lines = append(l.lines, text)
	}
}

func (l *testLog) CellStarted(*node.Node, string)                      {}
func (l *testLog) CellFinished(*node.Node, string, any, error)         {}
func (l *testLog) Command(*node.Node, string, host.Call, *host.Result) {}
func (l *testLog) Output(*node.Node, string, host.Stream, []byte)      {}

// testValue is the t of a test.
type testValue struct {
	inert
	trial *trial
}

func (*testValue) String() string      { return "test" }
func (*testValue) Type() string        { return "test" }
func (*testValue) AttrNames() []string { return slices.Sorted(maps.Keys(testMethods)) }

var testMethods = map[string]builtinFunc{
	"host": testHost, "run": testRun, "env": testEnv, "commands": testCommands,
	"equal": testEqual, "true": testTrue, "fails": testFails,
}

// Attr implements starlark.HasAttrs.
func (v *testValue) Attr(name string) (starlark.Value, error) {
	fn, ok := testMethods[name]
	if !ok {
		return nil, withHint(didYouMean(name, v.AttrNames()), "a test has no .%s", name)
	}
	return bound(v, name, fn), nil
}

func trialOf(b *starlark.Builtin) *trial { return b.Receiver().(*testValue).trial }

// testHost is t.host(name): the host, to tell it answers.
func testHost(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments("host", args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	h, err := trialOf(b).fleet.find(name)
	if err != nil {
		return nil, err
	}
	return &playedValue{h: h}, nil
}

// playedValue is a host that a test tells its answers.
type playedValue struct {
	inert
	h *playedHost
}

func (v *playedValue) String() string    { return v.h.name }
func (*playedValue) Type() string        { return "host of a test" }
func (*playedValue) AttrNames() []string { return []string{"answers"} }

// Attr implements starlark.HasAttrs.
func (v *playedValue) Attr(name string) (starlark.Value, error) {
	if name == "answers" {
		return bound(v, name, hostAnswers), nil
	}
	return nil, nil
}

// hostAnswers is .answers(command, stdout = "", stderr = "", exit_code = 0,
// times = None). It gives the host again.
func hostAnswers(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	a := playedAnswer{left: -1}
	var times starlark.Value
	err := arguments("answers", args, kwargs, "command", &a.command, "stdout?", &a.stdout, "stderr?", &a.stderr,
		"exit_code?", &a.code, "times??", &times)
	if err != nil {
		return nil, err
	}
	if times != nil {
		if a.left, err = starlark.AsInt32(times); err != nil || a.left < 1 {
			return nil, fmt.Errorf("answers: times is a number from 1, not %v", times)
		}
	}
	if a.code < 0 || a.code > 255 {
		return nil, fmt.Errorf("answers: an exit code is a number from 0 to 255, not %d", a.code)
	}
	b.Receiver().(*playedValue).h.told(a)
	return b.Receiver(), nil
}

// place finds a place of the tree in the test's run.
func (t *trial) place(thread *starlark.Thread, path string) (*envValue, node.Found, error) {
	k := callOf(thread)
	found := t.tree.Root().Resolve(strings.Fields(path), node.Lookup{})
	if found.Next != nil {
		return nil, found, found.Next
	}
	root := &envValue{ctx: k.ctx, e: k.env, catalog: k.catalog}
	return root.at(node.NewEnv(found.Node, k.env.Run())), found, nil
}

// testEnv is t.env(path): a place as an action sees it.
func testEnv(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var path string
	if err := arguments("env", args, kwargs, "path", &path); err != nil {
		return nil, err
	}
	v, found, err := trialOf(b).place(thread, path)
	if err == nil && found.Action != nil {
		err = fmt.Errorf("%s is an action; t.run runs it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("env: %w", err)
	}
	return v, nil
}

// testRun is t.run(path, action, *args, **kwargs): what the action gives.
func testRun(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) < 2 {
		return nil, withHint(`such as t.run("/production/web", "deploy", "v1")`, "run: a path and an action are wanted")
	}
	path, ok := starlark.AsString(args[0])
	name, ok2 := starlark.AsString(args[1])
	if !ok || !ok2 {
		return nil, fmt.Errorf("run: a path and an action are texts, not %s and %s", args[0].Type(), args[1].Type())
	}
	v, found, err := trialOf(b).place(thread, path)
	if err == nil && found.Action != nil {
		err = fmt.Errorf("%s is an action; the path of its node comes first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	act := &actionValue{env: v, name: name}
	return starlark.Call(thread, act, args[2:], kwargs)
}

// testCommands is t.commands(host = None): what ran there, or everywhere by
// host, as it was given and after "sudo " with sudo.
func testCommands(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments("commands", args, kwargs, "host??", &name); err != nil {
		return nil, err
	}
	fleet := trialOf(b).fleet
	if name != "" {
		h, err := fleet.find(name)
		if err != nil {
			return nil, err
		}
		return stringList(h.ran()), nil
	}
	all := new(starlark.Dict)
	for _, name := range fleet.names {
		if ran := fleet.hosts[name].ran(); len(ran) > 0 {
			if err := all.SetKey(starlark.String(name), stringList(ran)); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func stringList(texts []string) *starlark.List {
	list := make([]starlark.Value, len(texts))
	for i, text := range texts {
		list[i] = starlark.String(text)
	}
	return starlark.NewList(list)
}

// testEqual is t.equal(got, want).
func testEqual(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var got, want starlark.Value
	if err := arguments("equal", args, kwargs, "got", &got, "want", &want); err != nil {
		return nil, err
	}
	same, err := starlark.Compare(syntax.EQL, got, want)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, fmt.Errorf("got %v, want %v", got, want)
	}
	return starlark.None, nil
}

// testTrue is t.true(value, text = "").
func testTrue(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	text := ""
	if err := arguments("true", args, kwargs, "value", &v, "text?", &text); err != nil {
		return nil, err
	}
	if v.Truth() {
		return starlark.None, nil
	}
	if text == "" {
		text = fmt.Sprintf("%v is not true", v)
	}
	return nil, errors.New(text)
}

// testFails is t.fails(fn, text = ""): fn must fail, with text in its error,
// which is the result.
func testFails(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var fn starlark.Callable
	text := ""
	if err := arguments("fails", args, kwargs, "fn", &fn, "text?", &text); err != nil {
		return nil, err
	}
	v, err := starlark.Call(thread, fn, nil, nil)
	k := callOf(thread)
	switch {
	case err == nil:
		return nil, fmt.Errorf("it did not fail, it gave %v", v)
	case k.final(err):
		return nil, err
	}
	told := spoken(err).Error()
	if !strings.Contains(told, text) {
		return nil, fmt.Errorf("it failed with %q, which does not hold %q", told, text)
	}
	return starlark.String(told), nil
}
