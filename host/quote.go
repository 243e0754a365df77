package host

import (
	"errors"
	"strings"
)

// errNUL says why some bytes cannot be part of a line: no program can be
// given a NUL as an argument.
var errNUL = errors.New("a NUL byte cannot be quoted")

// Quote quotes one word for a POSIX shell. Any bytes survive sh, bash, dash,
// busybox sh, ksh and zsh. The one error is that of a NUL.
func Quote(word string) (string, error) {
	if strings.IndexByte(word, 0) >= 0 {
		return "", errNUL
	}
	return quote(word), nil
}

// quote is Quote for text that has no NUL.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
