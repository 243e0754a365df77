package node

import "context"

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
}

// Property is an attribute that is computed when it is read. Fn is called from
// several goroutines at once.
type Property struct {
	Doc string
	Pos Position
	Fn  func(ctx context.Context, env *Env) (any, error)
}
