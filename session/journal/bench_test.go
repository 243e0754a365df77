package journal

import (
	"sync"
	"testing"
)

func BenchmarkWrite(b *testing.B) {
	j := open(b, folder(b))
	for b.Loop() {
		if err := j.Write(b.Context(), Record{Kind: Intent, Run: "r"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite100AtOnce(b *testing.B) {
	j := open(b, folder(b))
	for b.Loop() {
		var g sync.WaitGroup
		for range 100 {
			g.Go(func() {
				if err := j.Write(b.Context(), Record{Kind: Intent, Run: "r"}); err != nil {
					b.Error(err)
				}
			})
		}
		g.Wait()
	}
}

func BenchmarkVerify(b *testing.B) {
	j := open(b, folder(b))
	for range 1000 {
		if err := j.Append(Record{Kind: End, Run: "r"}); err != nil {
			b.Fatal(err)
		}
		if err := j.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := j.Verify(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := folder(b)
	for b.Loop() {
		if err := open(b, dir).Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
