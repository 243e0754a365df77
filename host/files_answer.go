package host

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

const (
	// answerNoise is how many bytes a login's start-up files may write to
	// stdout before a script answers.
	answerNoise = 64 << 10
	// answerHead bounds the first line of an answer.
	answerHead = 4 << 10
)

// An answer is what a script of ours says on stdout: behind a token that is
// new for each, a line of words, and a body. What comes before the token is
// noise of the login. Nothing that a target sends is kept without a bound.
type answer struct {
	token []byte
	body  func(words []string) (io.Writer, error) // where the rest goes; nil: there must be none
	stop  func(error)                             // ends the script: what follows has no use

	mu     sync.Mutex // Write may still come when a script was given up
	closed bool
	noise  int
	held   []byte
	words  []string // nil: not there yet
	out    io.Writer
	err    error
}

var (
	errNoise   = fmt.Errorf("its login writes more than %d KiB before the answer", answerNoise>>10)
	errAnswers = errors.New("it answers what was not asked")
)

// newToken is what the next answer begins with.
func newToken() string {
	var b [nonceSize / 2]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return "deployerd=" + hex.EncodeToString(b[:])
}

// Write takes what the target sends. Its error is that of the answer, and ends
// the script.
func (a *answer) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, io.ErrClosedPipe
	}
	if a.err == nil {
		a.err = a.take(p)
		if a.err != nil {
			a.stop(a.err)
		}
	}
	return len(p), a.err
}

// close ends the writing.
func (a *answer) close() (words []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return a.words, a.err
}

func (a *answer) take(p []byte) error {
	if a.words != nil {
		return a.pass(p)
	}
	a.held = append(a.held, p...)
	i := bytes.Index(a.held, a.token)
	if i < 0 {
		return a.drop(max(len(a.held)-len(a.token), 0))
	}
	if err := a.drop(i); err != nil {
		return err
	}
	line, rest, whole := bytes.Cut(a.held[len(a.token):], []byte{'\n'})
	if !whole {
		if len(line) > answerHead {
			return errAnswers
		}
		return nil
	}
	a.words, a.held = strings.Fields(string(line)), nil
	if len(a.words) == 0 {
		return errAnswers
	}
	return a.start(rest)
}

func (a *answer) start(rest []byte) error {
	if a.body != nil && a.words[0] == answerGood {
		out, err := a.body(a.words[1:])
		if err != nil {
			return err
		}
		a.out = out
	}
	return a.pass(rest)
}

// drop takes noise away.
func (a *answer) drop(n int) error {
	if a.noise += n; a.noise > answerNoise {
		return errNoise
	}
	a.held = append([]byte(nil), a.held[n:]...)
	return nil
}

func (a *answer) pass(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if a.out == nil {
		return errAnswers
	}
	_, err := a.out.Write(p)
	return err
}

// bounded is a body that is kept in memory, up to a limit.
type bounded struct {
	limit int
	data  []byte
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.limit {
		return 0, &sizeError{Limit: int64(b.limit)}
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// sizeError says that something is larger than what is taken.
type sizeError struct{ Limit int64 }

func (e *sizeError) Error() string { return "it is larger than " + sizeText(e.Limit) }

func sizeText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
