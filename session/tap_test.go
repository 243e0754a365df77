package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// slowly is a target that now and then lets others go first.
type slowly struct {
	bytes.Buffer
	random *rand.Rand
}

func (s *slowly) Write(p []byte) (int, error) {
	if s.random.IntN(3) == 0 {
		runtime.Gosched()
	}
	return s.Buffer.Write(p)
}

// Keys that go straight to a target and keys that go by the shell arrive in the
// order in which they were typed.
func TestKeysKeepTheirOrderHoweverTheyGo(t *testing.T) {
	t.Parallel()
	keys, tap, input := newKeyboard(), new(Tap), make(chan []byte)
	target := &slowly{random: rand.New(rand.NewPCG(1, 2))}
	straight := 0
	tap.lead(func(piece []byte) bool {
		if len(piece)%5 == 0 || !keys.straight(piece) {
			return false
		}
		straight++
		return true
	})
	var both sync.WaitGroup
	both.Go(func() { _, _ = keys.WriteTo(target) })
	both.Go(func() {
		for piece := range input {
			runtime.Gosched()
			keys.put(piece)
			tap.dealt()
		}
		for !keys.idle() {
			runtime.Gosched()
		}
		_ = keys.Close()
	})
	var typed strings.Builder
	for i := range 5000 {
		piece := fmt.Appendf(nil, "%d,", i)
		typed.Write(piece)
		if !tap.Take(piece) {
			input <- piece
		}
		if i%7 == 0 {
			runtime.Gosched()
		}
	}
	close(input)
	both.Wait()
	if target.String() != typed.String() {
		t.Errorf("another order: %q", target.String())
	}
	if straight == 0 {
		t.Error("nothing went straight")
	}
}
