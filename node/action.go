package node

import (
	"context"
	"encoding/json"
	"time"
)

// ParamKind says how an argument reaches a parameter.
type ParamKind int

// The kinds of parameters.
const (
	Positional  ParamKind = iota // by place or name
	KeywordOnly                  // by name
	VarArgs                      // *args
	KwArgs                       // **kwargs
)

// Param is a parameter of an action (the env left out).
type Param struct {
	Name       string
	Kind       ParamKind
	HasDefault bool
	Default    any // nil, string, int64, float64, bool, or a fmt.Stringer
}

// Keyword is a named argument.
type Keyword struct {
	Name  string
	Value any
}

// Args are an action's arguments: Go values (nil, string, int64, float64,
// bool) or the values of the language the tree was written in. Parameters that
// were not given are left out: Fn knows its own defaults.
type Args struct {
	Pos   []any
	Named []Keyword
}

// Action is something a node can do.
type Action struct {
	Doc    string // its docstring, whole
	Params []Param
	Pos    Position
	// Fn does it. Its result is nil, a Go value (string, int64, float64,
	// bool), or a value with String and MarshalJSON. It is called from several
	// goroutines at once, each with slices of args of its own; the values in
	// them are shared and must not be changed.
	Fn func(ctx context.Context, env *Env, args Args) (any, error)

	// Aliases are further names, which may hold dots: git.status.
	Aliases []string
	// DontIsolateYet runs it once, before a call is split over cells.
	DontIsolateYet bool
	// IsolateOneOnly runs it in one cell, which the person is asked for. The
	// result is that cell's own.
	IsolateOneOnly bool
	// SuppressResult says that the result is not to be shown.
	SuppressResult bool
	// Confirm is asked before it runs; "": nothing.
	Confirm string
	// Timeout is how long it may take, per cell from its start; 0: no limit of
	// its own.
	Timeout time.Duration
	// Bounds are how a call of it is split over cells; what they do not say, the
	// node does.
	Bounds Bounds
}

// Required stands for a value that must be overridden before it is read.
type Required struct {
	For string // what it is needed for
}

// String is what a listing shows of it.
func (r Required) String() string { return "required: " + r.For }

// MarshalJSON gives the same as a text.
func (r Required) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// RequiredError says that a value was read that nobody has given.
type RequiredError struct {
	Path, Name string
	For        string
}

func (e *RequiredError) Error() string {
	return dottedOrRoot(e.Path) + " has no " + e.Name + ", which is required: " + e.For
}

// Property is an attribute that is computed when it is read. Fn is called from
// several goroutines at once.
type Property struct {
	Doc string
	Pos Position
	Fn  func(ctx context.Context, env *Env) (any, error)
}
