package host_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

func run(tb testing.TB, h host.Host, command string) {
	tb.Helper()
	line, err := host.Context{}.Line(command)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := h.Start(tb.Context(), line, host.IO{Stdout: io.Discard, Stderr: io.Discard})
	if err != nil {
		tb.Fatal(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code != 0 {
		tb.Fatal(exit, err)
	}
}

// BenchmarkWarmExec is one command after the other over a kept connection: to
// a server that answers without a process, which is what the pool itself
// costs; to a Target; and to OpenSSH.
func BenchmarkWarmExec(b *testing.B) {
	bench := func(b *testing.B, o host.SSHOptions) {
		h := sshHost(b, newPool(b, host.PoolOptions{}), "target", o)
		run(b, h, "true")
		for b.Loop() {
			run(b, h, "true")
		}
	}
	b.Run("canned", func(b *testing.B) { bench(b, startScripted(b, scripted{}).options) })
	b.Run("target", func(b *testing.B) { bench(b, startTarget(b, hosttest.TargetOptions{}).options) })
	b.Run("sshd", func(b *testing.B) { bench(b, sshdOptions(b, hosttest.StartSSHD(b, hosttest.SSHDOptions{}))) })
}

// BenchmarkIdleConnections tells what a kept connection costs in memory, with
// the server's half of it, which is in this process too, and so about twice as
// much as a target's.
func BenchmarkIdleConnections(b *testing.B) {
	const conns = 200
	server := startScripted(b, scripted{})
	for b.Loop() {
		pool := host.NewPool(host.PoolOptions{})
		before := heap()
		for i := range conns {
			o := server.options
			o.User = fmt.Sprint("user", i) // a connection of its own
			run(b, sshHost(b, pool, "target", o), "true")
		}
		b.ReportMetric(float64(heap()-before)/conns, "B/connection+server")
		if err := pool.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// heap is what lives on the heap and on the goroutines' stacks.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
