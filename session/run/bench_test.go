package run

import (
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// BenchmarkRun2000Hosts is a command on 2000 hosts that answer at once.
func BenchmarkRun2000Hosts(b *testing.B) {
	f := newFixture(b, 2000, nil)
	for _, fake := range f.fakes {
		fake.Default(hosttest.Answer{Stdout: "text\n"})
	}
	s := f.spec("/all", "$ x")
	s.Forks = 2000
	s.Sink = sinkFunc(func(Event) error { return nil })
	for b.Loop() {
		r := f.start(s)
		<-r.Done()
		if o := r.Outcome(); o.Status != OK {
			b.Fatal(o.Err)
		}
	}
}

// BenchmarkOutput is one piece of output on its way to a sink.
func BenchmarkOutput(b *testing.B) {
	f := newFixture(b, 1, nil)
	s := f.spec("/all", "$ x")
	s.Sink = sinkFunc(func(Event) error { return nil })
	r := newRun(f.Engine, s, []string{"web1"}, Defaults{})
	defer r.cancel(nil)
	data := make([]byte, 32<<10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		trace{r}.Output(s.Node, "web1", host.Stdout, data)
	}
}
