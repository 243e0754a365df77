package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader walks a file's nodes against the known keys and gathers what is wrong
// with them.
type reader struct {
	source
	dir      string           // of the file; relative paths begin there
	places   map[string]place // by field, such as users[1].keys[0]
	problems []Problem
	uses     []fileUse      // the files that are named
	told     map[fault]bool // what was said of files: many lie in one folder
}

// setter takes the value of a key or of a list's item.
type setter func(field string, n ast.Node)

// keys are the known keys of one mapping.
type keys map[string]setter

// wrong notes a problem with a field's value.
func (r *reader) wrong(field, hint, format string, args ...any) {
	r.problems = append(r.problems, r.problem(r.places[field], fmt.Sprintf(format, args...), hint))
}

// mapping takes a mapping whose keys are known.
func (r *reader) mapping(field string, n ast.Node, known keys) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.mismatch(field, n, "a mapping", "key: value")
		return
	}
	seen := make(map[string]place, len(m.Values))
	for _, pair := range m.Values {
		at := tokenPlace(pair.Key.GetToken())
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.problems = append(r.problems, r.problem(at, "this key is no text", "known here are "+join(known)))
			continue
		}
		name := key.Value
		if first, double := seen[name]; double {
			r.problems = append(r.problems, r.problem(at,
				fmt.Sprintf("`%s` is there twice, first on line %d", name, first.line), "keep one"))
			continue
		}
		seen[name] = at
		set, ok := known[name]
		if !ok {
			r.problems = append(r.problems, r.unknown(at, name, known))
			continue
		}
		r.value(below(field, name), at, pair.Value, set)
	}
}

// value hands a value to its setter.
func (r *reader) value(field string, at place, n ast.Node, set setter) {
	r.places[field] = at
	if n == nil || n.Type() == ast.NullType {
		r.wrong(field, "leave the key out, or give it a value", "`%s` has no value", field)
		return
	}
	if p := start(n); p.line > 0 {
		r.places[field] = p
	}
	set(field, n)
}

func below(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

func join(known keys) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// keyLike is what a key may look like. Anything else may be a piece of a value
// that was not quoted, a hash for one, and is not repeated.
var keyLike = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_. -]{0,40}$`)

// unknown is the problem of a key that is not known, with the one that was
// meant, if any.
func (r *reader) unknown(at place, name string, known keys) Problem {
	if !keyLike.MatchString(name) {
		return r.problem(at, "this is no key", "a value with commas, colons or braces in it stands in quotes")
	}
	hint := "known here are " + join(known)
	if near := nearest(name, slices.Sorted(maps.Keys(known))); near != "" {
		hint = "did you mean `" + near + "`?"
	}
	return r.problem(at, "unknown key `"+name+"`", hint)
}

// mismatch is the problem of a value of another type.
func (r *reader) mismatch(field string, n ast.Node, want, example string) {
	hint := "such as " + example
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		hint = "write the value itself"
	}
	if field == "" {
		r.problems = append(r.problems, r.problem(start(n), "the file must be "+want+", not "+kind(n), hint))
		return
	}
	r.wrong(field, hint, "`%s` must be %s, not %s", field, want, kind(n))
}

// kind names a node's type in a sentence.
func kind(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return fmt.Sprintf("%t", n.Value)
	case *ast.NullNode:
		return "nothing"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode:
		return "an anchor"
	case *ast.AliasNode, *ast.MergeKeyNode:
		return "an alias"
	case *ast.TagNode:
		return "a tag"
	}
	return "something else"
}

// each takes a list, item by item. count says how many there are, before the
// first one.
func (r *reader) each(field string, n ast.Node, example string, count func(int), item func(i int, field string, n ast.Node)) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.mismatch(field, n, "a list", example)
		return
	}
	count(len(list.Values))
	for i, v := range list.Values {
		at := fmt.Sprintf("%s[%d]", field, i)
		r.value(at, start(list), v, func(field string, n ast.Node) { item(i, field, n) })
	}
}

// nearest is the known name that is most like a wrong one, "" when none is.
func nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters to insert, drop, replace or swap with their
// neighbour make one name of the other.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
