package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// Exit codes of SHELL.md.
const (
	exitOK        = 0
	exitFailed    = 1
	exitWrong     = 2
	exitNotFound  = 127
	exitCancelled = 130
	exitRefused   = 254
	exitUnknown   = 255
)

// silentError ends a line with a code; what there is to say was said.
type silentError struct{ code int }

func (e *silentError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// refusedError is a refusal that no rule is behind: exit code 254.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// missingError says that something of that name is not there: exit code 127.
type missingError struct{ text string }

func (e *missingError) Error() string { return e.text }

// exitCode is the code that an error ends a line with.
func exitCode(err error) int {
	var (
		silent    *silentError
		wrong     *lineError
		missing   *missingError
		notFound  *node.NotFoundError
		attribute *node.AttributeError
		argument  *node.ArgumentError
		noHosts   *run.NoHostsError
		refused   *refusedError
		denied    *auth.DeniedError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &wrong), errors.Is(err, errIncomplete), errors.As(err, &attribute),
		errors.As(err, &argument), errors.As(err, &noHosts):
		return exitWrong
	case errors.As(err, &notFound), errors.As(err, &missing):
		return exitNotFound
	case errors.As(err, &denied), errors.As(err, &refused), errors.Is(err, run.ErrStopped),
		errors.Is(err, run.ErrTooMany), errors.Is(err, journal.ErrNoJournal):
		return exitRefused
	}
	return exitFailed
}

// describe is an error in words for the user.
func describe(err error) string {
	var notFound *node.NotFoundError
	if errors.As(err, &notFound) {
		return describeMissing(notFound)
	}
	return err.Error()
}

func describeMissing(e *node.NotFoundError) string {
	where := "here"
	if e.In != "" {
		where = "in " + e.In
	}
	return fmt.Sprintf("%s: no such node or action %s%s", e.Word, where, didYouMean(e.Suggestions))
}

// label is a place, and perhaps an action, as messages name it: production.web
// deploy. The root is left out before an action.
func label(path, action string) string {
	path = strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")
	switch {
	case action == "" && path == "":
		return "/"
	case path == "" || action == "":
		return path + action
	}
	return path + " " + action
}
