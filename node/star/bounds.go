package star

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// boundArguments are the arguments of action() that say how it is split over
// cells; nil or None where one is not said.
type boundArguments struct{ forks, serial, maxFail starlark.Value }

// bounds is what they say.
func (a boundArguments) bounds() (node.Bounds, error) {
	var b node.Bounds
	var err error
	if b.Forks, err = node.ParseForks(amounts(a.forks)); err != nil {
		return b, fmt.Errorf("forks: %w", err)
	}
	if b.Serial, err = node.ParseSerial(amounts(a.serial)); err != nil {
		return b, fmt.Errorf("serial: %w", err)
	}
	if b.MaxFail, err = node.ParseMaxFail(amounts(a.maxFail)); err != nil {
		return b, fmt.Errorf("max_fail: %w", err)
	}
	return b, nil
}

// amounts gives the node package what a tree says of forks, serial or max_fail:
// lists and tuples as such, everything else as any value.
func amounts(v starlark.Value) any {
	if v == nil {
		return nil
	}
	list, ok := v.(starlark.Indexable)
	if _, text := v.(starlark.String); text || !ok {
		return toGo(v)
	}
	items := make([]any, list.Len())
	for i := range items {
		items[i] = toGo(list.Index(i))
	}
	return items
}
