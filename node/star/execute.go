package star

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// loaderKey is the thread-local name of the loader; only threads that load
// have one.
const loaderKey = "loader"

// errReported ends the run of a file whose problems have been told already.
var errReported = errors.New("the tree has errors")

// loading returns the loader that a builtin is called by. Types and hosts are
// made by no one else.
func loading(thread *starlark.Thread, what string) (*loader, error) {
	if l, ok := thread.Local(loaderKey).(*loader); ok {
		return l, nil
	}
	return nil, fmt.Errorf("%s: the tree cannot be changed from within an action", what)
}

// run runs a file and freezes what it made; false if it failed.
func (l *loader) run(ctx context.Context, m *module) bool {
	thread := &starlark.Thread{
		Name:  m.name,
		Print: func(_ *starlark.Thread, text string) { l.log.Info(text, "component", "tree", "file", m.name) },
		Load: func(_ *starlark.Thread, name string) (starlark.StringDict, error) {
			return l.loaded(m.name, name)
		},
		OnMaxSteps: func(t *starlark.Thread) { t.Cancel(fmt.Sprintf("loading takes more than %d steps", maxSteps)) },
	}
	thread.SetLocal(loaderKey, l)
	thread.SetMaxExecutionSteps(max(1, maxSteps-l.steps))
	stop := context.AfterFunc(ctx, func() { thread.Cancel("cancelled") })
	defer stop()
	l.watch.thread = thread
	names, err := m.program.Init(thread, l.predeclared())
	m.names = names
	l.steps = min(maxSteps, l.steps+thread.Steps)
	if err != nil && !errors.Is(err, errReported) {
		l.evaluation(m, err)
	}
	return l.freeze(slices.Collect(maps.Values(names))) && err == nil
}

// loaded returns the globals of a file that has run: files run in the order
// of their loads.
func (l *loader) loaded(from, name string) (starlark.StringDict, error) {
	file, err := loadPath(from, name)
	if err != nil {
		return nil, err
	}
	return l.modules[file].names, nil
}

// evaluation tells an error of a running file: at the innermost place in the
// tree's own files.
func (l *loader) evaluation(m *module, err error) {
	var eval *starlark.EvalError
	if !errors.As(err, &eval) {
		l.found(m.name, finding{at: place{1, 1}, text: err.Error()})
		return
	}
	l.problem(innermost(eval.CallStack), failed(eval))
}

// innermost returns the place of the last call in a file of the tree.
func innermost(stack starlark.CallStack) syntax.Position {
	for i := range len(stack) {
		if pos := stack.At(i).Pos; pos.Line > 0 {
			return pos
		}
	}
	return syntax.Position{}
}

// failed returns what went wrong, without the words of the interpreter.
func failed(eval *starlark.EvalError) error {
	if text, ok := strings.CutPrefix(eval.Msg, "Starlark computation cancelled: "); ok {
		return errors.New(text)
	}
	if cause := eval.Unwrap(); cause != nil {
		return cause
	}
	return errors.New(eval.Msg)
}

// rootType returns the entry file's root, or nil after telling what is wrong
// with it.
func (l *loader) rootType(entry *module) *typeValue {
	const hint = "end the entry file with: root = node(...)"
	v, ok := entry.names["root"]
	if !ok {
		l.found(entry.name, finding{at: place{1, 1}, text: "the entry file defines no root", hint: hint})
		return nil
	}
	t, ok := v.(*typeValue)
	switch {
	case !ok:
		l.found(entry.name, finding{at: entry.root, text: "root is a " + v.Type() + ", not a node", hint: hint})
		return nil
	case t.t == nil:
		return nil // its problems are told
	case t.t.Kind() != node.Plain:
		l.definition(&node.DefinitionError{Pos: t.t.Pos(), Text: "root is a parallel node", Hint: "put it into a node: root = node(web = ...)"}, t.t.Pos())
		return nil
	}
	return t
}

// problem tells an error at a place.
func (l *loader) problem(pos syntax.Position, err error) {
	text, hint := textAndHint(err)
	l.found(pos.Filename(), finding{at: place{int(pos.Line), int(pos.Col)}, text: text, hint: hint})
}

// found tells what was found in a file.
func (l *loader) found(file string, f finding) {
	p := Problem{File: filepath.Join(l.shown, file), Line: f.at.line, Col: f.at.col, Text: f.text, Hint: f.hint}
	if lines := l.catalog.sources[file]; f.at.line > 0 && f.at.line <= len(lines) {
		p.Source = lines[f.at.line-1]
	}
	l.add(p)
}

// add keeps a problem, each once, and at most maxProblems.
func (l *loader) add(p Problem) {
	for _, known := range l.problems {
		if known == p {
			return
		}
	}
	switch len(l.problems) {
	case maxProblems:
		l.problems = append(l.problems, Problem{File: p.File, Text: fmt.Sprintf("more than %d problems; the rest is left out", maxProblems)})
	case maxProblems + 1:
	default:
		l.problems = append(l.problems, p)
	}
}

// definition tells every error of the node package that err joins; pos is for
// those that do not know where.
func (l *loader) definition(err error, pos node.Position) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			l.definition(e, pos)
		}
		return
	}
	f := finding{text: err.Error()}
	var d *node.DefinitionError
	if errors.As(err, &d) {
		f.text, f.hint = d.Text, d.Hint
		if d.Pos != (node.Position{}) {
			pos = d.Pos
		}
	}
	f.at = place{pos.Line, pos.Col}
	l.found(pos.File, f)
}
