package star

import (
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// actionDef is what action(fn, ...) gives: a function with options. Called, it
// is the function.
type actionDef struct {
	inert
	fn      *starlark.Function
	options node.Action // without what the function says
}

func (v *actionDef) String() string { return "action(" + v.fn.Name() + ")" }
func (*actionDef) Type() string     { return "function" }
func (v *actionDef) Freeze()        { v.fn.Freeze() }
func (v *actionDef) Name() string   { return v.fn.Name() }

// CallInternal calls the function, for Base.deploy(env).
func (v *actionDef) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return starlark.Call(thread, v.fn, args, kwargs)
}

// makeAction is action(fn, aliases = [], ...).
func makeAction(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	d := &actionDef{}
	o := actionArguments{}
	err := arguments(b.Name(), args, kwargs, "fn", &o.fn, "aliases??", &o.aliases,
		"dont_isolate_yet?", &d.options.DontIsolateYet, "isolate_one_only?", &d.options.IsolateOneOnly,
		"suppress_result?", &d.options.SuppressResult, "confirm??", &o.confirm, "timeout??", &o.timeout,
		"forks??", &o.bounds.forks, "serial??", &o.bounds.serial, "max_fail??", &o.bounds.maxFail)
	if err != nil {
		return nil, err
	}
	if err := o.settle(d); err != nil {
		return nil, fmt.Errorf("action: %w", err)
	}
	return d, nil
}

// actionArguments are those of action() that are not kept as they are given.
type actionArguments struct {
	fn      starlark.Value
	aliases starlark.Value
	confirm starlark.Value
	timeout duration
	bounds  boundArguments
}

func (o *actionArguments) settle(d *actionDef) error {
	switch fn := o.fn.(type) {
	case *starlark.Function:
		d.fn = fn
	case *actionDef:
		d.fn = fn.fn
	default:
		return withHint("such as action(restart), or action(lambda env: ...)", "got %s, want a function", o.fn.Type())
	}
	if d.options.DontIsolateYet && d.options.IsolateOneOnly {
		return fmt.Errorf("dont_isolate_yet runs it before a host is chosen, and isolate_one_only chooses one: give one of them")
	}
	if o.confirm != nil {
		question, _ := starlark.AsString(o.confirm)
		if strings.TrimSpace(question) == "" {
			return withHint(`such as confirm = "Really?"`, "confirm is %v, want a question", o.confirm)
		}
		d.options.Confirm = question
	}
	d.options.Timeout = time.Duration(o.timeout)
	var err error
	if d.options.Bounds, err = o.bounds.bounds(); err != nil {
		return err
	}
	return o.settleAliases(d)
}

func (o *actionArguments) settleAliases(d *actionDef) error {
	if o.aliases == nil {
		return nil
	}
	if !isListed(o.aliases) {
		return withHint(`such as aliases = ["git.status"]`, "aliases is a %s, want a list of names", o.aliases.Type())
	}
	for item := range listed(o.aliases) {
		name, ok := starlark.AsString(item)
		if !ok {
			return fmt.Errorf("aliases: got %s, want a name", item.Type())
		}
		d.options.Aliases = append(d.options.Aliases, name)
	}
	return nil
}
