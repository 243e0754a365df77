package run

import (
	"math/rand/v2"
	"sync"
	"time"
)

// ids makes the ids of runs: 14 characters of base 32 in ASCII's order, nine
// for the milliseconds since 1970 and five at random, so that ids of several
// daemons do not meet. Those of one daemon only grow.
type ids struct {
	mu     sync.Mutex
	millis uint64
	random uint64
}

const (
	idDigits     = "0123456789abcdefghjkmnpqrstvwxyz" // without i, l, o, u
	idRandomBits = 25
	idLength     = 14
)

func (i *ids) next(now time.Time) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if millis := uint64(max(now.UnixMilli(), 0)); millis > i.millis {
		i.millis, i.random = millis, rand.Uint64N(1<<idRandomBits)
	} else {
		i.random += 1 + rand.Uint64N(64)
	}
	if i.random >= 1<<idRandomBits {
		i.millis, i.random = i.millis+1, rand.Uint64N(1<<(idRandomBits-1))
	}
	var id [idLength]byte
	high, low := i.millis, i.random
	for at := idLength - 1; at >= idLength-5; at-- {
		id[at] = idDigits[low%32]
		low /= 32
	}
	for at := idLength - 6; at >= 0; at-- {
		id[at] = idDigits[high%32]
		high /= 32
	}
	return string(id[:])
}
