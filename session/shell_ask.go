package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/internal/lineedit"
	"github.com/deployerd/deployerd/session/run"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4 << 10

var errNoAnswer = errors.New("it was not answered")

// question is one that the run has asked. What the run's hosts say is held
// back meanwhile: the asker has the output's turn.
type question struct {
	node.Question
	ctx    context.Context
	answer chan answered // room for one
}

type answered struct {
	node.Answer
	err error
}

var _ node.Console = (*watching)(nil)

// Interactive implements node.Console.
func (w *watching) Interactive() bool { return true }

// Ask implements node.Console. The shell's own goroutine does the asking.
func (w *watching) Ask(ctx context.Context, q node.Question) (node.Answer, error) {
	if err := w.borrow(ctx); err != nil {
		return node.Answer{}, err
	}
	defer func() { w.out.turn <- struct{}{} }()
	asked := &question{Question: q, ctx: ctx, answer: make(chan answered, 1)}
	select {
	case w.questions <- asked:
	case <-ctx.Done():
		return node.Answer{}, context.Cause(ctx)
	case <-w.over:
		return node.Answer{}, errNobodyThere
	}
	select {
	case a := <-asked.answer:
		return a.Answer, a.err
	case <-w.over:
		return node.Answer{}, errNobodyThere
	}
}

// pose shows a question. Only what is typed from now on answers it.
func (w *watching) pose(q *question) {
	w.asked = q
	if q.Kind == node.AskChoice {
		var text strings.Builder
		for i, o := range q.Options {
			fmt.Fprintf(&text, "  %d  %s\n", i+1, printable(o))
		}
		_, err := w.out.display.Write([]byte(text.String()))
		w.wrote(err)
	}
	w.wrote(w.out.display.raw(w.editor.Start(lineedit.Prompt{
		Text: q.text(), Masked: q.Kind == node.AskPassword, Question: true, Limit: maxAnswer,
	})))
}

// errNotChosen ends a line whose user did not answer; they know it.
var errNotChosen = &silentError{exitCancelled}

// choose asks the user before anything runs.
func (sh *shell) choose(label string, options []string) (string, error) {
	w := &watching{shell: sh}
	asked := &question{Question: node.Question{Label: label, Kind: node.AskChoice, Options: options}, answer: make(chan answered, 1)}
	w.pose(asked)
	for {
		if sh.s.ctx.Err() != nil || sh.gone {
			sh.raw([]byte("\r\n"))
			return "", errNotChosen
		}
		if len(sh.ahead) == 0 {
			sh.wait()
			continue
		}
		n := min(len(sh.ahead), maxPiece)
		step := sh.editor.Feed(sh.ahead[:n])
		sh.ahead = append(bytes.Clone(step.Rest), sh.ahead[n:]...)
		sh.raw(step.Out)
		sh.awaitEscape()
		switch step.Event.Kind {
		case lineedit.Line:
			if a, ok := asked.parse(step.Event.Line); ok {
				return a.Text, nil
			}
			w.wrote(w.out.write(w.out.stderr, w.out.words(asked.wanted(), dim)))
			w.pose(asked)
		case lineedit.Interrupt, lineedit.EOF:
			return "", errNotChosen
		}
	}
}

// text is the question as it is asked.
func (q *question) text() string {
	text := printable(q.Label)
	if who := printable(q.Host) + ": "; q.Host != "" && !strings.HasPrefix(text, who) {
		text = who + text
	}
	switch {
	case q.Kind == node.AskConfirm:
		text += " (y/n)"
	case q.Kind == node.AskInput && q.Options != nil:
		text += " (" + printable(strings.Join(q.Options, ", ")) + ")"
	}
	if q.HasDefault && q.Kind != node.AskPassword {
		text += " [" + printable(q.Default) + "]"
	}
	if strings.HasSuffix(text, "?") {
		return text + " "
	}
	return text + ": "
}

// wanted says what an answer is, to who gave none.
func (q *question) wanted() string {
	switch q.Kind {
	case node.AskConfirm:
		return "type y or n"
	case node.AskChoice:
		return "type 1 to " + strconv.Itoa(len(q.Options))
	}
	return "type one of " + printable(strings.Join(q.Options, ", "))
}

// replying feeds what was typed to the question.
func (w *watching) replying(in []byte) {
	for len(in) > 0 && w.asked != nil {
		n := min(len(in), maxPiece)
		step := w.editor.Feed(in[:n])
		w.wrote(w.out.display.raw(step.Out))
		w.awaitEscape()
		in = append(append([]byte(nil), step.Rest...), in[n:]...)
		switch step.Event.Kind {
		case lineedit.Line:
			w.reply(step.Event.Line)
		case lineedit.Interrupt:
			w.settled(answered{err: run.ErrCancelled})
			w.interrupt()
		case lineedit.EOF:
			w.settled(answered{err: errNoAnswer})
		case lineedit.Suspend:
			w.notice(noBackground)
		}
	}
	w.keys(in)
}

// reply takes an answer, or asks again.
func (w *watching) reply(line string) {
	a, ok := w.asked.parse(line)
	if ok {
		w.settled(answered{Answer: a})
		return
	}
	_, err := w.out.display.Write(w.out.words(w.asked.wanted(), dim))
	w.wrote(err)
	w.pose(w.asked)
}

func (w *watching) settled(a answered) {
	w.asked.answer <- a
	w.asked = nil
}

// unasked takes back a question whose run does not wait for it any more.
func (w *watching) unasked() {
	w.wrote(w.out.display.raw([]byte("\r\n")))
	w.settled(answered{err: context.Cause(w.asked.ctx)})
}

// parse reads an answer.
func (q *question) parse(line string) (node.Answer, bool) {
	if q.Kind != node.AskPassword {
		if line = strings.TrimSpace(line); line == "" && q.HasDefault {
			line = q.Default
		}
	}
	switch q.Kind {
	case node.AskConfirm:
		yes := slices.Contains([]string{"y", "yes"}, strings.ToLower(line))
		return node.Answer{Yes: yes}, yes || slices.Contains([]string{"n", "no"}, strings.ToLower(line))
	case node.AskChoice:
		if i := slices.Index(q.Options, line); i >= 0 {
			return node.Answer{Text: line, Index: i}, true
		}
		i, err := strconv.Atoi(line)
		if err != nil || i < 1 || i > len(q.Options) {
			return node.Answer{}, false
		}
		return node.Answer{Text: q.Options[i-1], Index: i - 1}, true
	}
	good := q.Options == nil || slices.Contains(q.Options, line) || q.HasDefault && line == q.Default
	return node.Answer{Text: line}, good
}
