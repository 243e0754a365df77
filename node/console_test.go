package node

import (
	"context"
	"errors"
	"testing"

	"github.com/deployerd/deployerd/host"
)

// crowd fails when two talk to the person at once.
type crowd struct {
	t    *testing.T
	room chan struct{} // for one
}

func newCrowd(t *testing.T) *crowd { return &crowd{t, make(chan struct{}, 1)} }

func (c *crowd) Interactive() bool { return true }

func (c *crowd) Ask(context.Context, Question) (Answer, error) {
	c.come()
	<-c.room
	return Answer{Yes: true}, nil
}

func (c *crowd) Lend(context.Context) (host.TerminalIO, func(), error) {
	c.come()
	return host.TerminalIO{}, func() { <-c.room }, nil
}

func (c *crowd) come() {
	select {
	case c.room <- struct{}{}:
	default:
		c.t.Error("two talk to the person at once")
		c.room <- struct{}{}
	}
}

func TestOneAtATimeTalksToThePerson(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	env := &Env{node: &Node{place: &place{}}, run: &Run{Console: c, Terminal: c}}
	const people = 20
	done := make(chan error, people)
	for i := range people {
		go func() {
			if i%2 == 0 {
				_, err := env.Ask(t.Context(), Question{Kind: AskConfirm})
				done <- err
				return
			}
			_, giveBack, err := env.LendTerminal(t.Context())
			if err == nil {
				giveBack()
			}
			done <- err
		}()
	}
	for range people {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A question that waits for its turn ends with its run.
func TestAWaitingQuestionEndsWithItsRun(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	env := &Env{node: &Node{place: &place{}}, run: &Run{Console: c, Terminal: c}}
	_, giveBack, err := env.LendTerminal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer giveBack()
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	var q *QuestionError
	if _, err := env.Ask(ctx, Question{Kind: AskConfirm, Host: "web1"}); !errors.Is(err, over) || !errors.As(err, &q) || q.Question.Host != "web1" {
		t.Errorf("%v", err)
	}
}
