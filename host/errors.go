package host

import (
	"errors"
	"fmt"
	"time"
)

// Stage says how far an attempt to run something at a target got.
type Stage string

// The stages, in order. A failure at any of them means nothing ran.
const (
	StageResolve Stage = "resolve"
	StageDial    Stage = "dial"
	StageHostKey Stage = "host key"
	StageLogin   Stage = "login"
	StageChannel Stage = "channel"
	StageStart   Stage = "start"
	StageSudo    Stage = "sudo" // of [Process].Wait: sudo refused
)

// DialError says that a target could not be reached, at which stage and why.
type DialError struct {
	Host    string
	Address string // host:port; "" for this machine
	Stage   Stage
	Err     error
}

func (e *DialError) Error() string {
	if e.Address == "" {
		return fmt.Sprintf("%s %s: %v", e.Stage, e.Host, e.Err)
	}
	return fmt.Sprintf("%s %s (%s): %v", e.Stage, e.Host, e.Address, e.Err)
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// KeyError says that a target's host key is unknown or has changed. It is the
// Err of a DialError with StageHostKey; no credential was sent.
type KeyError struct {
	Host        string
	Changed     bool     // false: no key is known for it
	Fingerprint string   // SHA256:..., of the key that was shown
	Known       []string // file:line of the keys that are known
}

func (e *KeyError) Error() string {
	if e.Changed {
		return fmt.Sprintf("its host key has CHANGED: it shows %s, and another key is known (%v)", e.Fingerprint, e.Known)
	}
	return fmt.Sprintf("its host key %s is unknown", e.Fingerprint)
}

// LostError says that the connection ended after the command had started and
// before its exit status came: its result is unknown.
type LostError struct {
	Host string
	Err  error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("connection to %s was lost before the exit status came: the result is unknown: %v", e.Host, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// ExitError says that a command ended with a code other than 0, and carries
// what a user needs to see of it.
type ExitError struct {
	Host    string
	Command string
	Exit    Exit
	Tail    []byte // the last lines of its stderr, else of its stdout; at most 2 KiB
}

func (e *ExitError) Error() string {
	if e.Exit.Signal != "" {
		return fmt.Sprintf("%s: ended by signal %s", e.Host, e.Exit.Signal)
	}
	return fmt.Sprintf("%s: exit status %d", e.Host, e.Exit.Code)
}

// TimeoutError says that a command was ended because its time was up.
type TimeoutError struct {
	Host        string
	After       time.Duration
	Unconfirmed error // not nil: the target did not confirm that the command is gone
}

func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("%s: timed out after %s", e.Host, e.After)
	if e.Unconfirmed != nil {
		text += "; it did not confirm that the command ended"
	}
	return text
}

// CancelError says that a command was ended by a cancel.
type CancelError struct {
	Host        string
	Cause       error
	Unconfirmed error // not nil: the target did not confirm that the command is gone
}

func (e *CancelError) Error() string {
	text := e.Host + ": cancelled"
	if timeUp, ok := errors.AsType[*TimeoutError](e.Cause); ok { // of the call around it
		text = fmt.Sprintf("%s: timed out after %s", e.Host, timeUp.After)
	}
	if e.Unconfirmed != nil {
		text += "; it did not confirm that the command ended"
	}
	return text
}

// Unwrap returns the cancel's cause.
func (e *CancelError) Unwrap() error { return e.Cause }

// InputError says that reading a command's input failed, so that it had only a
// part of it: the command was ended.
type InputError struct {
	Host        string
	Err         error // of the read
	Unconfirmed error // not nil: the target did not confirm that the command is gone
}

func (e *InputError) Error() string {
	text := e.Host + ": its input broke off: " + e.Err.Error()
	if e.Unconfirmed != nil {
		text += "; it did not confirm that the command ended"
	}
	return text
}

// Unwrap returns the cause.
func (e *InputError) Unwrap() error { return e.Err }
