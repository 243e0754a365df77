package session

import (
	"strings"
	"testing"
)

// BenchmarkComplete is a Tab in a tree of 10,000 nodes and as many hosts: for
// the wide level (1,000 children), for a name below it, and for the value of
// --limit, which knows every host.
func BenchmarkComplete(b *testing.B) {
	w := newWorld(b)
	state := w.makeState(b)
	state.Tree = largeTree(b, 1000, 10)
	w.Swap(state)
	s := w.open(b, b.Context(), "alice")
	for _, line := range []string{"site", "site500.serv", "--limit h9", "site500/service5 dep", ""} {
		b.Run(strings.ReplaceAll(line, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if c := s.complete(line); len(c.Candidates) == 0 {
					b.Fatal("nothing offered")
				}
			}
		})
	}
}
