package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Lines runs the lines of standard input, and ends at the first that fails,
// with its code. A line whose quotes are open, or that ends with a backslash,
// goes on in the next one; empty lines do nothing.
func (s *Session) Lines(stdio IO) int {
	out := newOutput(s.ctx, stdio)
	if stdio.Stdin == nil {
		return exitOK
	}
	lines := readLines(s.ctx, stdio.Stdin)
	text, open := "", false
	for {
		line, err := s.nextLine(lines)
		switch {
		case errors.Is(err, io.EOF) && open:
			return s.finish(out, errIncomplete)
		case errors.Is(err, io.EOF):
			return exitOK
		case err != nil:
			return s.finish(out, err)
		case open:
			text += "\n" + line
		case strings.Trim(line, " \t") == "":
			continue
		default:
			text = line
		}
		s.presence.input()
		code, next := s.perform(text, out, nil, false)
		if next == lineExit || code != exitOK {
			return code
		}
		open = next == lineOpen
	}
}

// input is a line of standard input, or why there is none.
type input struct {
	line string
	err  error
}

// nextLine waits for a line as long as the session lives.
func (s *Session) nextLine(lines <-chan input) (string, error) {
	select {
	case in := <-lines:
		return in.line, in.err
	case <-s.ctx.Done():
		return "", &refusedError{context.Cause(s.ctx)}
	}
}

// readLines reads lines one ahead. Its goroutine ends after the first error,
// and when ctx has ended with the read it is in: the one who gave the reader
// makes that fail.
func readLines(ctx context.Context, r io.Reader) <-chan input {
	lines := make(chan input)
	go func() {
		b := bufio.NewReader(r)
		for {
			in := readLine(b)
			select {
			case lines <- in:
			case <-ctx.Done():
				return
			}
			if in.err != nil {
				return
			}
		}
	}()
	return lines
}

// readLine reads one line, without its newline or CR LF.
func readLine(b *bufio.Reader) input {
	var line []byte
	for {
		part, err := b.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine+len("\r\n"):
			return input{err: wrongf("a line is longer than %d KiB", maxLine>>10)}
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0:
			return input{err: io.EOF}
		case err != nil && !errors.Is(err, io.EOF):
			return input{err: fmt.Errorf("read standard input: %w", err)}
		}
		text := strings.TrimSuffix(string(line), "\n")
		return input{line: strings.TrimSuffix(text, "\r")}
	}
}
