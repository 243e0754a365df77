package star

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// maxLines bounds what one call shows.
const maxLines = 100_000

// shownLines are the texts of a list, or the lines of a text.
func shownLines(name string, v starlark.Value) ([]string, error) {
	if text, ok := starlark.AsString(v); ok {
		return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
	}
	list, ok := v.(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("%s: got %s, want a list of texts", name, v.Type())
	}
	var all []string
	for item := range starlark.Elements(list) {
		if all = append(all, shown(item)); len(all) > maxLines {
			return nil, fmt.Errorf("%s: more than %d texts", name, maxLines)
		}
	}
	return all, nil
}

// page is console.page(lines).
func page(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := arguments("page", args, kwargs, "lines", &v); err != nil {
		return nil, err
	}
	given, err := shownLines("page", v)
	if err != nil {
		return nil, err
	}
	lines := make([]string, 0, len(given))
	for _, text := range given {
		lines = append(lines, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	}
	return starlark.None, b.Receiver().(consoleValue).env.e.Page(callOf(thread).ctx, lines)
}

// columns is console.columns(items): as many as fit beside each other, read
// downwards.
func columns(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := arguments("columns", args, kwargs, "items", &v); err != nil {
		return nil, err
	}
	items, err := shownLines("columns", v)
	if err != nil {
		return nil, err
	}
	env := b.Receiver().(consoleValue).env.e
	if len(items) > 0 {
		env.Log(strings.Join(inColumns(items, env.Width()), "\n"))
	}
	return starlark.None, nil
}

// inColumns lays items out in lines of at most width columns.
func inColumns(items []string, width int) []string {
	const gap = 2
	widest := 0
	for i, item := range items {
		items[i] = strings.Join(strings.Fields(item), " ")
		widest = max(widest, uniseg.StringWidth(items[i]))
	}
	across := max(1, (width+gap-1)/(widest+gap))
	down := (len(items) + across - 1) / across
	lines := make([]string, down)
	for i, item := range items {
		line := &lines[i%down]
		if i >= down {
			*line += strings.Repeat(" ", max(0, (i/down)*(widest+gap)-uniseg.StringWidth(*line)))
		}
		*line += item
	}
	return lines
}

// progressValue is what console.progress gives.
type progressValue struct {
	inert
	p     *node.Progress
	first int // the number of its first step: 0, or as given 1
	steps int // how many; 0 without
}

func (*progressValue) String() string      { return "progress" }
func (*progressValue) Type() string        { return "progress" }
func (*progressValue) AttrNames() []string { return slices.Sorted(maps.Keys(progressMethods)) }

var progressMethods = map[string]builtinFunc{"set": setProgress, "next": nextProgress, "done": endProgress}

// Attr implements starlark.HasAttrs.
func (v *progressValue) Attr(name string) (starlark.Value, error) {
	if fn, ok := progressMethods[name]; ok {
		return bound(v, name, fn), nil
	}
	return nil, nil
}

func setProgress(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var n int
	if err := arguments("set", args, kwargs, "n", &n); err != nil {
		return nil, err
	}
	v := b.Receiver().(*progressValue)
	if v.first > 0 && (n < v.first || n > v.first+v.steps) {
		return nil, fmt.Errorf("set: there is no step %d, there are %d (from %d)", n, v.steps, v.first)
	}
	return starlark.None, v.p.Set(n - v.first)
}

func nextProgress(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments("next", args, kwargs); err != nil {
		return nil, err
	}
	return starlark.None, b.Receiver().(*progressValue).p.Next()
}

func endProgress(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments("done", args, kwargs); err != nil {
		return nil, err
	}
	b.Receiver().(*progressValue).p.Done()
	return starlark.None, nil
}

// progress is console.progress(message, expected = None, steps = None).
func progress(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var message string
	var expected int
	var given starlark.Value
	if err := arguments("progress", args, kwargs, "message", &message, "expected??", &expected, "steps??", &given); err != nil {
		return nil, err
	}
	var steps []string
	var first int
	if given != nil {
		var err error
		if steps, first, err = stepTexts(given); err != nil {
			return nil, err
		}
	}
	p, err := b.Receiver().(consoleValue).env.e.NewProgress(message, expected, steps)
	if err != nil {
		return nil, err
	}
	k := callOf(thread)
	k.bars = append(k.bars, p)
	return &progressValue{p: p, first: first, steps: len(steps)}, nil
}

// stepTexts are the steps: a list of texts, or a dictionary of number → text as
// python-deployer has them, whose first number is 0 or 1.
func stepTexts(v starlark.Value) (steps []string, first int, err error) {
	if _, ok := starlark.AsString(v); ok {
		return nil, 0, errors.New("progress: steps are a list of texts")
	}
	if d, ok := v.(*starlark.Dict); ok {
		steps, first, err = numberedSteps(d)
	} else {
		steps, err = shownLines("progress", v)
	}
	if err == nil && len(steps) == 0 {
		err = errors.New("progress: there are no steps")
	}
	return steps, first, err
}

func numberedSteps(d *starlark.Dict) (steps []string, first int, err error) {
	for i, item := range d.Items() {
		n, err := starlark.AsInt32(item[0])
		if i == 0 {
			first = n
		}
		if err != nil || first < 0 || first > 1 || n != first+i {
			return nil, 0, errors.New("progress: steps by number are numbered 1, 2, 3, ... or 0, 1, 2, ... in that order")
		}
		steps = append(steps, shown(item[1]))
	}
	return steps, first, nil
}

// maxChoices bounds how many places a person is asked to choose from.
const maxChoices = 1000

// selectNode is console.select_node(root, filter = None): one of root and what
// lies below it.
func selectNode(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var root *envValue
	var keep starlark.Value
	if err := arguments("select_node", args, kwargs, "root", &root, "filter??", &keep); err != nil {
		return nil, err
	}
	var places []*envValue
	for queue := []*envValue{root}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		yes, err := keeps(thread, keep, at)
		if err != nil {
			return nil, err
		}
		if yes {
			places = append(places, at)
		}
		if len(places) > maxChoices {
			return nil, withHint("give it a filter, or begin lower", "select_node: more than %d nodes to choose from", maxChoices)
		}
		for _, child := range at.e.Node().Children(false) {
			if below, ok := at.e.Child(child.Name()); ok {
				queue = append(queue, root.at(below))
			}
		}
	}
	return choosePlace(thread, b, "node", places)
}

// keeps says whether a filter keeps a place.
func keeps(thread *starlark.Thread, keep starlark.Value, at *envValue) (bool, error) {
	if keep == nil {
		return true, nil
	}
	fn, ok := keep.(starlark.Callable)
	if !ok {
		return false, fmt.Errorf("select_node: the filter is a %s, want a function", keep.Type())
	}
	yes, err := starlark.Call(thread, fn, starlark.Tuple{at}, nil)
	if err != nil {
		return false, err
	}
	return bool(yes.Truth()), nil
}

// selectCell is console.select_cell(env): one cell of an array. Any other place
// is its own and only one.
func selectCell(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v *envValue
	if err := arguments("select_cell", args, kwargs, "env", &v); err != nil {
		return nil, err
	}
	if !v.e.Node().IsArray() {
		return v, nil
	}
	var cells []*envValue
	for _, cell := range v.e.Cells() {
		if cells = append(cells, v.at(cell)); len(cells) > maxChoices {
			return nil, fmt.Errorf("select_cell: %s has more than %d cells to choose from", v, maxChoices)
		}
	}
	return choosePlace(thread, b, "cell", cells)
}

// choosePlace asks for one of several places; of one there is nothing to ask.
func choosePlace(thread *starlark.Thread, b *starlark.Builtin, what string, places []*envValue) (starlark.Value, error) {
	switch len(places) {
	case 0:
		return nil, fmt.Errorf("%s: there is no %s to choose", b.Name(), what)
	case 1:
		return places[0], nil
	}
	q := node.Question{Kind: node.AskChoice, Label: "which " + what}
	for _, p := range places {
		q.Options = append(q.Options, p.String())
	}
	a, err := ask(thread, b, q)
	if err != nil {
		return nil, err
	}
	return places[a.Index], nil
}
