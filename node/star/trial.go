package star

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// TestOptions say which tests of a tree to run.
type TestOptions struct {
	// File is the tree's entry file. Its tests are in the files *_test.star in
	// and below its folder.
	File string
	// Match, when not nil, has to fit a test's name.
	Match *regexp.Regexp
	// Done is called after each test, Finished after each file; both may be nil.
	Done     func(TestResult)
	Finished func(TestFile)
}

// TestResult is how one test ended.
type TestResult struct {
	File    string // as it can be opened
	Name    string
	Err     error // nil: it passed
	Line    int   // of the file, where it failed; 0 when that is not known
	Log     []string
	Elapsed time.Duration
}

// TestFile is how the tests of one file ended. Without Tests it has none that
// was asked for.
type TestFile struct {
	File          string
	Tests, Failed int
	Elapsed       time.Duration
}

// testSuffix is what the name of a file with tests ends with.
const testSuffix = "_test.star"

// testTime bounds one test.
const testTime = 5 * time.Minute

// Test runs the tests of a tree, each with the tree loaded anew and with a fleet
// of its own that does nothing but answer as the test has told it: no command
// runs anywhere, and nothing is connected to. It returns how many files there
// are. The error is a *LoadError when the tree or a file with tests does not
// load; a test that fails is none.
func Test(ctx context.Context, o TestOptions) (files int, err error) {
	names, shown, err := testFiles(o.File)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		f := TestFile{File: filepath.Join(shown, name)}
		began := time.Now()
		tests, err := testsOf(ctx, o.File, name)
		if err != nil {
			return files, err
		}
		for _, test := range tests {
			if o.Match != nil && !o.Match.MatchString(test) {
				continue
			}
			r, err := runTest(ctx, o.File, name, test)
			if err != nil {
				return files, err
			}
			f.Tests++
			if r.Err != nil {
				f.Failed++
			}
			if o.Done != nil {
				o.Done(r)
			}
		}
		f.Elapsed = time.Since(began)
		files++
		if o.Finished != nil {
			o.Finished(f)
		}
	}
	return files, nil
}

// testFiles finds the files with tests, by name, and how their folder is shown.
func testFiles(entry string) (names []string, shown string, err error) {
	l, err := newLoader(Options{File: entry})
	if err != nil {
		return nil, "", &LoadError{Problems: []Problem{{File: entry, Text: err.Error()}}}
	}
	defer l.root.Close()
	err = fs.WalkDir(l.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, testSuffix):
			names = append(names, name)
		}
		if len(names) > maxFiles {
			return fmt.Errorf("more than %d files with tests", maxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("look for tests: %w", err)
	}
	return names, l.shown, nil
}

// trial is one loading of a tree with a file of tests.
type trial struct {
	*loader
	fleet  *playedFleet
	tree   *node.Tree
	module *module
}

func newTrial(ctx context.Context, entry, name string) (*trial, error) {
	fleet := newPlayedFleet()
	l, err := newLoader(Options{File: entry, NewHost: fleet.newHost, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, &LoadError{Problems: []Problem{{File: entry, Text: err.Error()}}}
	}
	defer l.root.Close()
	l.newLocal = func(name string) (host.Host, error) { return fleet.newHost(name, host.SSHOptions{}) }
	l.catalog.secrets = func(name string) ([]byte, error) { return []byte("secret-of-a-test-" + name), nil }
	t := &trial{loader: l, fleet: fleet, tree: l.load(ctx)}
	if len(l.problems) == 0 {
		t.loadTests(ctx, name)
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case len(l.problems) > 0:
		return nil, &LoadError{Problems: l.problems}
	}
	return t, nil
}

// loadTests reads and runs the file with the tests, and what it loads that the
// tree has not.
func (t *trial) loadTests(ctx context.Context, name string) {
	ran := len(t.order)
	t.module = t.read(name, nil, syntax.Position{})
	if len(t.problems) > 0 {
		return
	}
	for _, m := range t.order[ran:] {
		if !t.run(ctx, m) {
			return
		}
	}
	t.freeze(t.held)
}

// tests lists the functions test_* of the file, in order.
func (t *trial) tests() []*starlark.Function {
	var all []*starlark.Function
	for name, v := range t.module.names {
		if f, ok := v.(*starlark.Function); ok && strings.HasPrefix(name, "test_") {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *starlark.Function) int { return int(a.Position().Line) - int(b.Position().Line) })
	return all
}

func testsOf(ctx context.Context, entry, name string) ([]string, error) {
	t, err := newTrial(ctx, entry, name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range t.tests() {
		if f.NumParams() != 1 {
			t.problem(f.Position(), withHint("write def "+f.Name()+"(t):", "a test has one parameter, not %d", f.NumParams()))
		}
		names = append(names, f.Name())
	}
	if len(t.problems) > 0 {
		return nil, &LoadError{Problems: t.problems}
	}
	return names, nil
}

// runTest runs one test. The error says that it could not be.
func runTest(ctx context.Context, entry, name, test string) (TestResult, error) {
	began := time.Now()
	t, err := newTrial(ctx, entry, name)
	if err != nil {
		return TestResult{}, err
	}
	fn, ok := t.module.names[test].(*starlark.Function)
	if !ok {
		return TestResult{}, fmt.Errorf("%s has no function %s any more", name, test)
	}
	log := &testLog{}
	run := &node.Run{ID: test, User: "test", Started: began, Gate: openGate{}, Trace: log}
	limit, stop := context.WithTimeoutCause(ctx, testTime, fmt.Errorf("the test takes longer than %s", testTime))
	defer stop()
	limit = withAttempts(limit)
	_, failed := t.catalog.call(limit, node.NewEnv(t.tree.Root(), run), fn, starlark.Tuple{&testValue{trial: t}}, nil)
	if ctx.Err() != nil {
		return TestResult{}, context.Cause(ctx)
	}
	r := TestResult{File: filepath.Join(t.shown, name), Name: test, Elapsed: time.Since(began), Log: log.lines}
	if failed != nil {
		r.Err, r.Line = ended(failed), lineOf(failed, name)
	}
	if missing := t.fleet.unanswered(); len(missing) > 0 {
		none := fmt.Errorf("the test has no answer for %s", strings.Join(missing, "; "))
		r.Err = errors.Join(r.Err, none)
	}
	return r, nil
}

var traceLine = regexp.MustCompile(`(?m)^  (.+):([0-9]+):[0-9]+: in `)

// lineOf finds the last line of a file in an error's backtrace.
func lineOf(err error, file string) int {
	var made *node.ActionError
	if !errors.As(err, &made) {
		return 0
	}
	line := 0
	for _, found := range traceLine.FindAllStringSubmatch(made.Trace, -1) {
		if n, err := strconv.Atoi(found[2]); err == nil && found[1] == file {
			line = n
		}
	}
	return line
}

// openGate lets every command of a test pass: it goes nowhere.
type openGate struct{}

// Command implements node.Gate.
func (openGate) Command(context.Context, *node.Node, host.Call) (func([]host.Result), error) {
	return func([]host.Result) {}, nil
}
