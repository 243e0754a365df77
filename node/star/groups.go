package star

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/node"
)

// groupValue is a group of nodes.
type groupValue struct {
	inert
	g node.Group
}

func (v groupValue) String() string        { return v.g.Name }
func (groupValue) Type() string            { return "group" }
func (v groupValue) Hash() (uint32, error) { return hashName(v.g.Name) }
func (groupValue) AttrNames() []string     { return []string{"color", "name"} }
func (v groupValue) Attr(name string) (starlark.Value, error) {
	switch name {
	case "name":
		return starlark.String(v.g.Name), nil
	case "color":
		return starlark.String(v.g.Color), nil
	}
	return nil, nil
}

// CompareSameType implements starlark.Comparable: groups are equal by name.
func (v groupValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "group", v.g.Name, y.(groupValue).g.Name)
}

// groupsValue is the builtin groups.
type groupsValue struct{ inert }

var knownGroups = []node.Group{node.Production, node.Staging, node.Beta, node.LocalGroup, node.Utility, node.Other}

func (groupsValue) String() string { return "groups" }
func (groupsValue) Type() string   { return "groups" }
func (groupsValue) AttrNames() []string {
	var names []string
	for _, g := range knownGroups {
		names = append(names, g.Name)
	}
	return names
}

func (groupsValue) Attr(name string) (starlark.Value, error) {
	for _, g := range knownGroups {
		if g.Name == name {
			return groupValue{g: g}, nil
		}
	}
	names := groupsValue{}.AttrNames()
	hint := didYouMean(name, names)
	if hint == "" {
		hint = fmt.Sprintf("there are %s; group(%q) makes another", strings.Join(names, ", "), name)
	}
	return nil, withHint(hint, "there is no groups.%s", name)
}

// colors are those of a terminal that prompts can have; "" is its own.
var colors = []string{"", "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"}

// makeGroup is group(name, color = "").
func makeGroup(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var g node.Group
	if err := arguments(b.Name(), args, kwargs, "name", &g.Name, "color??", &g.Color); err != nil {
		return nil, err
	}
	if g.Name == "" {
		return nil, fmt.Errorf("group: the name is empty")
	}
	if !slices.Contains(colors, g.Color) {
		return nil, withHint("one of"+strings.Join(colors, " "), "group: there is no color %q", g.Color)
	}
	return groupValue{g: g}, nil
}
