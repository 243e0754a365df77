package node_test

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/deployerd/deployerd/node"
)

const randomNodes = 4

// randomNesting is one tree of several arrays: step n of each calls step n+1 of
// others, and the last step works. Calls only go on to nodes in order, so that
// no ring closes, unless rings is true.
func randomNesting(t *testing.T, seed int64) {
	t.Helper()
	dice := rand.New(rand.NewSource(seed))
	rings := dice.Intn(2) == 0
	seen := &leafCrowd{now: map[string]int{}, most: map[string]int{}}
	forks := map[string]int{}
	var members []node.Member
	for i := range randomNodes {
		name := fmt.Sprintf("n%d", i)
		own := []node.Member{with("work", leaf(seen, name, time.Duration(1+dice.Intn(3))*time.Second))}
		for step := range 3 {
			own = append(own, with(fmt.Sprintf("step%d", step), onwards(dice, i, step, rings)))
		}
		if dice.Intn(3) > 0 {
			forks[name] = 1 + dice.Intn(3)
			own = append(own, with("forks", forks[name]))
		}
		if dice.Intn(3) == 0 {
			own = append(own, with("serial", 1+dice.Intn(2)))
		}
		members = append(members, with(name, array(t, parallel(t, own...), hostsOf(name+"-", 1+dice.Intn(3)))))
	}
	tr := tree(t, plain(t, members...))
	r, rec := newRun()
	if dice.Intn(3) == 0 {
		r.Forks = 1 + dice.Intn(3)
	}
	r.DefaultForks = 1 + dice.Intn(6)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if dice.Intn(4) == 0 {
		time.AfterFunc(time.Duration(dice.Intn(20))*time.Second, cancel)
	}
	_, err := env(t, tr, "/n0", r).Call(ctx, "step0", node.Args{})
	if err != nil && ctx.Err() == nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	for name, most := range seen.most {
		allowed := forks[name]
		if r.Forks > 0 {
			allowed = r.Forks
		}
		if !rings && allowed > 0 && most > allowed {
			t.Errorf("seed %d: %d of %s at once, of %d", seed, most, name, allowed)
		}
	}
	evenEnds(t, seed, rec.all())
}

// leaf is an action that works for a time.
func leaf(seen *leafCrowd, name string, d time.Duration) *node.Action {
	return action(func(ctx context.Context, _ *node.Env, _ node.Args) (any, error) {
		seen.add(name, 1)
		defer seen.add(name, -1)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		return nil, nil
	})
}

// onwards calls the next step of one or two other nodes, or works here.
func onwards(dice *rand.Rand, from, step int, rings bool) *node.Action {
	var calls []*node.Action
	for range 1 + dice.Intn(2) {
		to := dice.Intn(randomNodes)
		if !rings {
			to = max(to, from)
		}
		name := fmt.Sprintf("step%d", step+1)
		if step == 2 || dice.Intn(4) == 0 {
			name = "work"
		}
		calls = append(calls, call(fmt.Sprintf("n%d", to), name))
	}
	return action(func(ctx context.Context, e *node.Env, args node.Args) (any, error) {
		for _, next := range calls {
			time.Sleep(time.Second)
			if _, err := next.Fn(ctx, e, args); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// evenEnds sees that what started has ended, and nothing more often than that.
func evenEnds(t *testing.T, seed int64, lines []string) {
	t.Helper()
	open := map[string]int{}
	for _, line := range lines {
		words := strings.Fields(line)
		switch {
		case words[0] != "cell":
		case words[3] == "starts":
			open[words[1]]++
		case !strings.Contains(line, " ends <nil> not started"):
			open[words[1]]--
		}
	}
	for path, n := range open {
		if n != 0 {
			t.Errorf("seed %d: %s is open %d times", seed, path, n)
		}
	}
}
