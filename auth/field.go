package auth

import (
	"errors"
	"fmt"
)

// FieldError says which field of the options is wrong, as a path such as
// users[1].keys[0]; the caller knows in which file and line that is.
type FieldError struct {
	Field string
	Err   error
	Hint  string // the way out, "" when Err says it
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// hinted is a cause that knows the way out.
type hinted struct {
	text, hint string
}

func (e *hinted) Error() string { return e.text }

// advise makes a cause with a hint.
func advise(hint, format string, args ...any) error {
	return &hinted{text: fmt.Sprintf(format, args...), hint: hint}
}

// notYet is the refusal of what the contract has and this version has not.
func notYet(what string) error {
	return advise("leave it out: nothing would heed it", "%s is not in this version", what)
}

// faults gathers what is wrong with the options, so that all of it is reported
// at once.
type faults []error

func (f *faults) add(field string, err error) {
	if err == nil {
		return
	}
	fault := &FieldError{Field: field, Err: err}
	var h *hinted
	if errors.As(err, &h) {
		fault.Hint = h.hint
	}
	*f = append(*f, fault)
}

func (f faults) join() error { return errors.Join(f...) }
