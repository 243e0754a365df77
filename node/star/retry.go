package star

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// attempts says whether a call is inside env.attempt: there nobody is asked what
// to do with a command that failed. Each call counts its own, and outer is the
// call that it is nested in.
type attempts struct {
	depth int // only changed by the call's own thread, while nothing is nested
	outer *attempts
	own   context.Context                 // the call's
	over  atomic.Bool                     // the call has ended, and own with it
	after atomic.Pointer[context.Context] // what holds for the call's deferred functions, once it was cancelled
}

type attemptsKey struct{}

// withAttempts is the context of a call.
func withAttempts(ctx context.Context) context.Context {
	a := &attempts{outer: attemptsOf(ctx)}
	a.own = context.WithValue(ctx, attemptsKey{}, a)
	return a.own
}

func attemptsOf(ctx context.Context) *attempts {
	a, _ := ctx.Value(attemptsKey{}).(*attempts)
	return a
}

func (a *attempts) any() bool {
	for ; a != nil; a = a.outer {
		if a.depth > 0 {
			return true
		}
	}
	return false
}

// The answers to a command that failed, as options of a choice.
const (
	doRetry = iota
	doSkip
	doAbort
)

// retry asks what to do about each host on which a command failed, until all
// are good or skipped; again runs it once more on hosts of g. The results are
// changed. The error is err when somebody says abort, and also where nobody is
// to be asked.
func (k *call) retry(results []host.Result, err error, again func(*host.Group) ([]host.Result, error), g *host.Group) error {
	var failed *host.CallError
	if !errors.As(err, &failed) || !k.env.Interactive() || attemptsOf(k.ctx).any() {
		return err
	}
	for i := range results {
		for !results[i].OK {
			what, asking := k.askRetry(results[i])
			if asking != nil {
				return errors.Join(err, asking)
			}
			if what == doSkip {
				break
			}
			if what == doAbort {
				return err
			}
			handle, ok := g.Handle(results[i].Host)
			if !ok {
				return err // a group keeps its hosts
			}
			anew, refused := again(handle.Group())
			if refused != nil {
				return refused
			}
			results[i] = anew[0]
		}
	}
	return nil
}

// askRetry asks about one host. What a cancel has ended is aborted.
func (k *call) askRetry(r host.Result) (int, error) {
	var cancelled *host.CancelError
	if k.ctx.Err() != nil || r.Skipped || errors.As(r.Err, &cancelled) {
		return doAbort, nil
	}
	a, err := k.env.Ask(k.ctx, node.Question{
		Label: r.Err.Error(), Kind: node.AskChoice, Host: r.Host,
		Options: []string{doRetry: "retry", doSkip: "skip", doAbort: "abort"},
	})
	if err != nil && k.ctx.Err() != nil {
		return doAbort, nil
	}
	return a.Index, err
}
