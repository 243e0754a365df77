// Package lineedit turns keys into an edited line on a terminal: Emacs keys,
// history, search, completion, paste, wide characters, any size of window.
//
// It is a pure state machine. Bytes from the user go in; bytes for the
// terminal and events for the owner come out, one slice for each call. There
// is no goroutine, clock, reader or writer in it, and it never asks the
// terminal anything, so that answers never mix with keys.
//
// It knows keys, characters and how terminals draw. It must not know anything
// of ours: commands, paths, sessions, transports, files.
package lineedit
