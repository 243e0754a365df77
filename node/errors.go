package node

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DefinitionError says what is wrong with a type or a tree, and where.
type DefinitionError struct {
	Pos  Position // where the member was written; zero when unknown
	Text string
	Hint string // the way out, or ""
}

func (e *DefinitionError) Error() string {
	text := e.Text
	if e.Pos.File != "" {
		text = fmt.Sprintf("%s:%d:%d: %s", e.Pos.File, e.Pos.Line, e.Pos.Col, text)
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// DefinitionErrors takes what NewType, Derive, Array or NewTree returned apart.
func DefinitionErrors(err error) []*DefinitionError {
	switch e := err.(type) {
	case *DefinitionError:
		return []*DefinitionError{e}
	case interface{ Unwrap() error }:
		return DefinitionErrors(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*DefinitionError
		for _, one := range e.Unwrap() {
			all = append(all, DefinitionErrors(one)...)
		}
		return all
	}
	return nil
}

// ActionError says in which action or property an error happened. Trace is the
// language's backtrace, several lines, or "".
type ActionError struct {
	Path   string
	Action string
	Trace  string
	Err    error
}

// Error is one line: where, what and why ("production.web deploy: web3: exit
// status 2").
func (e *ActionError) Error() string {
	where := dotted(e.Path)
	cause := e.cause()
	if where == "" {
		return e.Action + ": " + strings.TrimPrefix(cause, "/: ")
	}
	return where + " " + e.Action + ": " + strings.TrimPrefix(cause, where+": ")
}

// cause leaves the links of a chain out that is told as a whole.
func (e *ActionError) cause() string {
	if deep, ok := errors.AsType[*DepthError](e.Err); ok {
		return deep.Error()
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *ActionError) Unwrap() error { return e.Err }

// dotted prints a path as it stands in messages: /production/web:web1 is
// production.web:web1.
func dotted(path string) string {
	return strings.ReplaceAll(strings.Trim(path, "/"), "/", ".")
}

// DepthError says that calls nest too deep, mostly because they call each
// other.
type DepthError struct {
	Chain []string // path and action, from the first call to the one refused
}

func (e *DepthError) Error() string {
	const ends = 4
	shown := e.Chain
	if len(shown) > 2*ends {
		shown = append(append(append([]string{}, shown[:ends]...), "..."), shown[len(shown)-ends:]...)
	}
	return fmt.Sprintf("calls nest more than %d deep: %s", MaxDepth, strings.Join(shown, " > "))
}

// PanicError says that the code of an action panicked. Its text is for the
// user; Stack is for the daemon's log.
type PanicError struct {
	Value any
	Stack string // of the goroutine, several lines
}

func (e *PanicError) Error() string { return fmt.Sprintf("internal error: panic: %v", e.Value) }

// SkippedError says that a cell or host never started.
type SkippedError struct{ Cause error }

func (e *SkippedError) Error() string {
	if e.Cause == nil {
		return "not started"
	}
	return "not started: " + e.Cause.Error()
}

// Unwrap returns why.
func (e *SkippedError) Unwrap() error { return e.Cause }

// NotFoundError says that a word names nothing here.
type NotFoundError struct {
	Word        string
	In          string   // path
	Suggestions []string // at most 3, nearest first, visible ones only
	Cause       error    // what is wrong with a cell or a place, or nil
}

func (e *NotFoundError) Error() string {
	var text string
	switch {
	case e.Cause != nil:
		text = e.Cause.Error()
	case e.In == "/":
		text = "no " + quoted(e.Word) + " at the root"
	default:
		text = "no " + quoted(e.Word) + " in " + dotted(e.In)
	}
	if hint := didYouMean(e.Suggestions); hint != "" {
		text += "; " + hint
	}
	return text
}

// Unwrap returns the cause, or nil.
func (e *NotFoundError) Unwrap() error { return e.Cause }

// AttributeError says that a word names an attribute, a property or a query, not
// a place.
type AttributeError struct {
	Word, In string
	Kind     string // "attribute", "property" or "query"
}

func (e *AttributeError) Error() string {
	what := map[string]string{"property": "a property", "query": "a query"}[e.Kind]
	if what == "" {
		what = "an attribute"
	}
	text := quoted(e.Word) + " is " + what
	if e.In != "/" {
		text += " of " + dotted(e.In)
	}
	return text + ", not a place; --inspect shows it"
}

// quoted puts a name into a message, without control bytes and not too long.
func quoted(name string) string {
	const most = 60
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "..."
	}
	return strconv.Quote(name)
}
