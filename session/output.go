package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// ours is what every line of ours on standard error begins with.
const ours = "deployerd: "

// output is where a line's answer goes. A run's events and the session's own
// words come from different goroutines: the turn orders them, and unlike a
// mutex it can be waited for no longer than the session lives.
type output struct {
	ctx            context.Context
	turn           chan struct{} // holds one token: whoever has it writes
	stdout, stderr io.Writer
	json           bool
	display        *display // a terminal's, which is both streams then; else nil
}

func newOutput(ctx context.Context, stdio IO) *output {
	o := &output{ctx: ctx, turn: make(chan struct{}, 1), stdout: stdio.Stdout, stderr: stdio.Stderr}
	if o.stdout == nil {
		o.stdout = io.Discard
	}
	if o.stderr == nil {
		o.stderr = io.Discard
	}
	o.turn <- struct{}{}
	return o
}

// newScreen is the output on a terminal.
func newScreen(ctx context.Context, d *display) *output {
	o := newOutput(ctx, IO{Stdout: d, Stderr: d})
	o.display = d
	return o
}

func (o *output) write(w io.Writer, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return o.inTurn(func() error {
		_, err := w.Write(data)
		return err
	})
}

// inTurn does something while nobody else writes.
func (o *output) inTurn(do func() error) error {
	select {
	case <-o.turn:
	default:
		select {
		case <-o.turn:
		case <-o.ctx.Done():
			return context.Cause(o.ctx)
		}
	}
	defer func() { o.turn <- struct{}{} }()
	return do()
}

// await waits for who writes, but no longer than so. It is for the last words,
// since inTurn waits for nobody when the session has ended.
func (o *output) await(most time.Duration) {
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case <-o.turn:
		o.turn <- struct{}{}
	case <-late.C:
	}
}

// answer writes what a command was asked for, as it is.
func (o *output) answer(text string) error { return o.write(o.stdout, []byte(text)) }

// say writes words of ours on standard error, marked line by line.
func (o *output) say(text string) error {
	if o.json {
		return o.object(logObject{stamp: newStamp("log", "", time.Now()), Text: text})
	}
	return o.write(o.stderr, o.words(text, dim))
}

// words are ours: marked line by line, or where somebody looks at them plain,
// in a colour.
func (o *output) words(text, colour string) []byte {
	if o.display == nil {
		return appendOurs(nil, text)
	}
	var b []byte
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		shown := printable(line)
		if shown != "" {
			shown = o.display.colour(colour, shown)
		}
		b = append(append(b, shown...), '\n')
	}
	return b
}

// appendOurs appends text in lines that bear our mark.
func appendOurs(dst []byte, text string) []byte {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		dst = append(dst, ours...)
		dst = append(appendPrintable(dst, []byte(line), false), '\n')
	}
	return dst
}

// fail shows the error that ended a line; nil and *silentError say nothing.
func (o *output) fail(err error) error {
	var silent *silentError
	switch {
	case err == nil, errors.As(err, &silent):
		return nil
	case o.json:
		code := exitCode(err)
		return o.object(errorObject{stamp: newStamp("error", "", time.Now()), Message: describe(err), ExitCode: &code})
	}
	return o.write(o.stderr, o.words(describe(err), red))
}

// object writes a JSON line.
func (o *output) object(v any) error {
	text, err := appendJSON(nil, v)
	if err != nil {
		return err
	}
	return o.write(o.stdout, text)
}

// appendJSON appends v as a JSON line to dst. Characters that a terminal would
// obey and that encoding/json leaves alone are escaped too.
func appendJSON(dst []byte, v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return dst, fmt.Errorf("encode as JSON: %w", err)
	}
	text := b.Bytes()
	for len(text) > 0 {
		n := bytes.IndexFunc(text, func(r rune) bool { return r != '\n' && (isControl(r) || isTricky(r)) })
		if n < 0 {
			break
		}
		r, size := utf8.DecodeRune(text[n:])
		dst = append(dst, text[:n]...)
		dst = fmt.Appendf(dst, `\u%04x`, r)
		text = text[n+size:]
	}
	return append(dst, text...), nil
}
