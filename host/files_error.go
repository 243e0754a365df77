package host

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// FileError says what an operation on files could not do, on which host and
// with what. errors.Is finds fs.ErrNotExist and fs.ErrPermission in it.
type FileError struct {
	Host string
	Op   string // the method in small letters, such as read or listdir
	Path string // as it was given; "" when there is none
	Err  error
}

func (e *FileError) Error() string {
	text := e.Host + ": " + e.Op
	if e.Path != "" {
		text += " " + e.Path
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// cause is an error with a text of its own, of a kind that errors.Is finds.
type cause struct {
	text string
	kind error // may be nil
}

func (e *cause) Error() string { return e.text }

func (e *cause) Unwrap() error { return e.kind }

// The words that a script answers with.
const (
	answerGood = "ok"
	answerBad  = "no" // and the reason
)

// refusals are the reasons that scripts give.
var refusals = map[string]error{
	"missing":  &cause{"there is no such file or folder", fs.ErrNotExist},
	"tilde":    &cause{"there is no such file or folder (~ is not expanded here: use expand)", fs.ErrNotExist},
	"nofolder": &cause{"there is no folder to write it into", fs.ErrNotExist},
	"denied":   &cause{"permission denied", fs.ErrPermission},
	"folder":   errors.New("it is a folder"),
	"file":     errors.New("it is no folder"),
	"special":  errors.New("it is neither a file nor a folder"),
	"loop":     errors.New("it is a link that leads to itself"),
	"many":     errors.New("it has too many entries"),
	"large":    errors.New("it is too large"),
	"cut":      errors.New("what arrived is not what was sent: nothing was changed"),
	"user":     errors.New("there is no such user"),
	"home":     errors.New("it is not known where the home folder is"),
	"tar":      &cause{"it has no tar, which folders are copied with", fs.ErrNotExist},
	"sum":      errors.New("it has no program that makes checksums: sha256sum or shasum"),
	"stat":     errors.New("it has no stat that is known here"),
}

// refusal is the error for a reason.
func refusal(words []string) error {
	if len(words) > 1 {
		if err, ok := refusals[words[1]]; ok {
			return err
		}
	}
	return errAnswers
}

// toolError is what a target's tools said before the script ended without an
// answer. LC_ALL=C makes them say it in English.
func toolError(stderr []byte, exit Exit) error {
	text := strings.TrimSpace(string(stderr))
	if text == "" {
		return fmt.Errorf("exit status %d, and it does not say why", exit.Code)
	}
	text = strings.ReplaceAll(text, "\n", "; ")
	switch {
	case strings.Contains(text, "ermission denied"):
		return &cause{text, fs.ErrPermission}
	case strings.Contains(text, "o such file or directory"):
		return &cause{text, fs.ErrNotExist}
	}
	return errors.New(text)
}
