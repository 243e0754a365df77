package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/deployerd/deployerd/host"
)

// Console is the person who started a run. It is asked one question at a time,
// and none while the terminal is lent.
type Console interface {
	// Interactive tells whether there is a person who answers. While it is
	// false Ask is not called.
	Interactive() bool
	// Ask shows the question and waits for the answer, or until ctx ends. The
	// error says why there is none; it ends the action.
	Ask(ctx context.Context, q Question) (Answer, error)
}

// Terminal lends the terminal of the person who started a run.
type Terminal interface {
	// Lend gives the terminal until giveBack is called, which the borrower does
	// once. The screen and what is typed are its own meanwhile.
	Lend(ctx context.Context) (t host.TerminalIO, giveBack func(), err error)
}

// QuestionKind is what is asked for.
type QuestionKind int

// The kinds of questions.
const (
	AskInput    QuestionKind = iota + 1 // a line
	AskPassword                         // a line that is not shown
	AskChoice                           // one of Options
	AskConfirm                          // yes or no
)

// Question is asked of the person who started a run. Its texts may come from a
// target: whoever shows them takes control bytes out.
type Question struct {
	Label      string
	Kind       QuestionKind
	Options    []string // of a choice, in order; of an input the only good answers, nil: any
	Default    string   // one of Options in a choice, "yes" or "no" in a confirmation
	HasDefault bool     // an empty line means Default
	Host       string   // the cell, or the host, that asks; "" for none
}

// Answer is a person's.
type Answer struct {
	Text  string // of an input or a password
	Index int    // of a choice: the number of the option, from 0
	Yes   bool   // of a confirmation
}

// QuestionError says that a question has no answer.
type QuestionError struct {
	Question Question
	Err      error
}

func (e *QuestionError) Error() string {
	text := fmt.Sprintf("question %q: %v", e.Question.Label, e.Err)
	if e.Question.Host != "" {
		text = e.Question.Host + ": " + text
	}
	return text
}

// Unwrap returns the cause.
func (e *QuestionError) Unwrap() error { return e.Err }

var (
	errNobody   = errors.New("nobody can be asked here, and it has no default")
	errAnswer   = errors.New("the answer is none of those that are possible")
	errTerminal = errors.New("a terminal is wanted, and this session has none")
)

// Interactive tells whether a person can be asked.
func (e *Env) Interactive() bool { return e.run.Console != nil && e.run.Console.Interactive() }

// Ask asks the person who started the run, one question at a time. Where
// nobody can be asked the default is the answer. Without one, or an answer, the
// error is a *QuestionError. A Host that is not set is the cell.
func (e *Env) Ask(ctx context.Context, q Question) (Answer, error) {
	if q.Host == "" {
		q.Host = e.cellName()
	}
	if q.Kind == AskConfirm && e.run.Yes {
		return Answer{Yes: true}, nil
	}
	if !e.Interactive() {
		a, err := q.standard()
		return a, q.failed(err)
	}
	leave, err := e.run.meet(ctx)
	if err != nil {
		return Answer{}, q.failed(err)
	}
	defer leave()
	a, err := e.run.Console.Ask(ctx, q)
	if err == nil && !q.allows(a) {
		err = errAnswer
	}
	return a, q.failed(err)
}

func (q Question) failed(err error) error {
	if err == nil {
		return nil
	}
	return &QuestionError{Question: q, Err: err}
}

// standard is the default as an answer.
func (q Question) standard() (Answer, error) {
	if !q.HasDefault {
		return Answer{}, errNobody
	}
	return Answer{Text: q.Default, Index: slices.Index(q.Options, q.Default), Yes: q.Default == "yes"}, nil
}

func (q Question) allows(a Answer) bool {
	switch {
	case q.Kind == AskChoice:
		return a.Index >= 0 && a.Index < len(q.Options)
	case q.Kind != AskConfirm && q.Options != nil:
		return slices.Contains(q.Options, a.Text) || q.HasDefault && a.Text == q.Default
	}
	return true
}

// LendTerminal lends the terminal of the person who started the run; no
// question is asked meanwhile. The borrower calls giveBack once.
func (e *Env) LendTerminal(ctx context.Context) (t host.TerminalIO, giveBack func(), err error) {
	if e.run.Terminal == nil {
		return t, nil, errTerminal
	}
	leave, err := e.run.meet(ctx)
	if err != nil {
		return t, nil, err
	}
	t, back, err := e.run.Terminal.Lend(ctx)
	if err != nil {
		leave()
		return t, nil, err
	}
	return t, func() { back(); leave() }, nil
}

// Connect is --connect: a command, or with "" a login shell, on the node's one
// host in the user's terminal. What became of it is in the result; an error
// says that it was not started.
func (e *Env) Connect(ctx context.Context, command string) ([]host.Result, error) {
	if err := e.node.Usable(); err != nil {
		return nil, err
	}
	hosts := e.Hosts()
	if n := len(hosts.Names()); n != 1 {
		return nil, fmt.Errorf("connect: %s has %d hosts here, not one", dottedOrRoot(e.node.Path()), n)
	}
	handle, _ := hosts.Handle(hosts.Names()[0])
	t, giveBack, err := e.LendTerminal(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer giveBack()
	exit, err := handle.Connect(ctx, command, t)
	if err != nil && !hostFailed(err) {
		return nil, err
	}
	r := host.Result{Host: handle.Host().Name(), Command: command, Exit: exit, Err: err}
	r.OK = err == nil && exit.Code == 0
	if err == nil && !r.OK {
		r.Err = &host.ExitError{Host: r.Host, Command: command, Exit: exit}
	}
	return []host.Result{r}, nil
}

// hostFailed tells whether an error is what became of the command, not that it
// was refused.
func hostFailed(err error) bool {
	switch err.(type) {
	case *host.DialError, *host.LostError, *host.TimeoutError, *host.CancelError:
		return true
	}
	return false
}

// meet waits until nobody else talks to the person.
func (r *Run) meet(ctx context.Context) (leave func(), err error) {
	r.person.Do(func() { r.talk = make(chan struct{}, 1) })
	select {
	case r.talk <- struct{}{}:
		return func() { <-r.talk }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
