package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// untilInputEnds is a command that runs until its input ends.
func untilInputEnds(ch ssh.Channel) {
	_, _ = io.Copy(io.Discard, ch)
	exitZero(ch)
}

// held is a command that runs until it is let go.
type held struct {
	host.Process
	letGo func()
}

func hold(t testing.TB, h host.Host) held {
	t.Helper()
	line, err := host.Context{}.Line("cat")
	if err != nil {
		t.Fatal(err)
	}
	in, closer := io.Pipe()
	p, err := h.Start(t.Context(), line, host.IO{Stdin: in})
	if err != nil {
		t.Fatal(err)
	}
	return held{p, func() { _ = closer.Close() }}
}

// finish lets commands go and waits for them.
func finish(t testing.TB, all ...held) {
	t.Helper()
	for _, p := range all {
		p.letGo()
		if exit, err := p.Wait(); err != nil || exit.Code != 0 {
			t.Errorf("%v %v, want code 0", exit, err)
		}
	}
}

// The ninth channel gets a second connection; all hosts of one key share them.
func TestEightChannelsThenASecondConnection(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds})
	pool := newPool(t, host.PoolOptions{})
	one, two := sshHost(t, pool, "one", server.options), sshHost(t, pool, "two", server.options)
	var all []held
	for i := range 8 {
		all = append(all, hold(t, []host.Host{one, two}[i%2]))
	}
	if n := server.conns.Load(); n != 1 {
		t.Errorf("%d connections for 8 channels, want 1", n)
	}
	all = append(all, hold(t, one))
	if got, want := pool.Stats(), (host.Stats{Connections: 2, Channels: 9}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s := pool.State(two); s.State != "busy" || s.Channels != 9 {
		t.Errorf("%+v, want busy with 9 channels", s)
	}
	finish(t, all...)
	if n := server.conns.Load(); n != 2 {
		t.Errorf("%d connections for 9 channels, want 2", n)
	}
}

// Another login is another connection, whatever else agrees.
func TestLoginsShareNothing(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{})
	pool := newPool(t, host.PoolOptions{})
	for i := range 3 {
		o := server.options
		o.User = fmt.Sprint("user", i)
		run(t, sshHost(t, pool, "web1", o), "true")
	}
	if n := server.conns.Load(); n != 3 {
		t.Errorf("%d connections for 3 logins", n)
	}
}

// A target that allows one channel gets one connection for each.
func TestOneSessionPerConnection(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds, channels: 1})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", server.options)
	all := []held{hold(t, h), hold(t, h), hold(t, h)}
	if got, want := pool.Stats(), (host.Stats{Connections: 3, Channels: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	finish(t, all...)
}

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func TestManyStartsShareDials(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", server.options)
	all := make([]held, 100)
	together(len(all), func(i int) { all[i] = hold(t, h) })
	if n := server.conns.Load(); n != 13 {
		t.Errorf("%d connections for 100 channels, want 13", n)
	}
	finish(t, all...)
}

// The same with a target that allows fewer channels than the pool thinks.
func TestManyStartsOnFewChannels(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds, channels: 3})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", server.options)
	all := make([]held, 30)
	together(len(all), func(i int) { all[i] = hold(t, h) })
	if s := pool.Stats(); s.Channels != 30 || s.Connections < 10 {
		t.Errorf("%+v, want 30 channels on 10 connections or more", s)
	}
	finish(t, all...)
}

func TestFailedDialGoesToAllWhoWait(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{refuse: true})
	pool := newPool(t, host.PoolOptions{})
	together(20, func(i int) {
		h := sshHost(t, pool, fmt.Sprint("web", i), server.options)
		if err := startError(t, t.Context(), h); err.Stage != host.StageLogin {
			t.Errorf("%v, want stage login", err)
		}
	})
	if s := pool.Stats(); s != (host.Stats{}) {
		t.Errorf("%+v is left", s)
	}
}

// A target that comes back is dialled again, by the next use.
func TestTargetRestarted(t *testing.T) {
	t.Parallel()
	key, public, err := hosttest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	client := hosttest.WriteKey(t, t.TempDir(), "key")
	authorized, err := os.ReadFile(client + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	o := hosttest.TargetOptions{HostKeyPEM: key, AuthorizedKeys: []string{string(authorized)}, Home: t.TempDir()}
	first, err := hosttest.StartTarget(o)
	if err != nil {
		t.Fatal(err)
	}
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", host.SSHOptions{Address: "127.0.0.1", Port: first.Port(), IdentityFiles: []string{client}, HostKey: public})
	run(t, h, "true")
	o.Addr = first.Addr()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := startError(t, t.Context(), h); err.Stage != host.StageDial {
		t.Errorf("%v, want stage dial while it is down", err)
	}
	if s := pool.State(h); s.State != "failed" {
		t.Errorf("%+v, want failed", s)
	}
	second, err := hosttest.StartTarget(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	run(t, h, "true")
	if s := pool.State(h); s.State != "idle" || s.LastError != nil {
		t.Errorf("%+v, want idle without an error", s)
	}
}

// A connection that breaks during a command loses the command, and says so.
func TestConnectionLostDuringACommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		break_ func(s *scriptedServer, ch ssh.Channel)
		text   string
	}{
		{"connection", func(s *scriptedServer, _ ssh.Channel) { s.drop() }, ""},
		{"channel", func(_ *scriptedServer, ch ssh.Channel) { _ = ch.Close() }, "closed the channel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var server *scriptedServer
			ready := make(chan struct{})
			server = startScripted(t, scripted{exec: func(ch ssh.Channel) {
				_, _ = io.WriteString(ch, "begun\n")
				<-ready
				c.break_(server, ch)
			}})
			close(ready)
			pool := newPool(t, host.PoolOptions{})
			line, err := host.Context{}.Line("deploy")
			if err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			p, err := sshHost(t, pool, "web1", server.options).Start(t.Context(), line, host.IO{Stdout: &stdout})
			if err != nil {
				t.Fatal(err)
			}
			exit, err := p.Wait()
			var lost *host.LostError
			if !errors.As(err, &lost) || lost.Host != "web1" || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v %v, want a *host.LostError", exit, err)
			}
			if stdout.String() != "begun\n" {
				t.Errorf("output %q", stdout.String())
			}
			if err := p.Kill(t.Context()); err == nil {
				t.Error("a kill of a lost command was confirmed")
			}
		})
	}
}

// A kill that the target does not answer ends, and so does Wait.
func TestKillWithoutAnswer(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	server := startScripted(t, scripted{exec: func(ssh.Channel) { <-stop }})
	t.Cleanup(func() { close(stop) })
	h := hold(t, sshHost(t, newPool(t, host.PoolOptions{}), "web1", server.options))
	defer h.letGo()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Kill(ctx); err == nil || !strings.Contains(err.Error(), "not confirmed") {
		t.Errorf("kill: %v, want not confirmed", err)
	}
	var lost *host.LostError
	if exit, err := h.Wait(); !errors.As(err, &lost) {
		t.Errorf("%v %v, want a *host.LostError", exit, err)
	}
}

func TestUseAfterShutdown(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{exec: untilInputEnds})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", server.options)
	running := hold(t, h)
	defer running.letGo()
	for range 2 {
		if err := pool.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var lost *host.LostError
	if _, err := running.Wait(); !errors.As(err, &lost) || !strings.Contains(err.Error(), "shut down") {
		t.Errorf("%v, want lost by the shutdown", err)
	}
	if err := startError(t, t.Context(), h); !strings.Contains(err.Error(), "shut down") {
		t.Errorf("%v, want the shutdown", err)
	}
}

// A slow reader of one command holds back that command and no other.
func TestSlowReaderHoldsBackOnlyItself(t *testing.T) {
	t.Parallel()
	target := startTarget(t, hosttest.TargetOptions{})
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", target.options)
	line, err := host.Context{}.Line("head -c 8000000 /dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	slow, out := io.Pipe()
	p, err := h.Start(t.Context(), line, host.IO{Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		run(t, h, "head -c 3000000 /dev/zero")
	}
	read := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, slow)
		read <- n
	}()
	exit, err := p.Wait()
	_ = out.Close()
	if n := <-read; err != nil || exit.Code != 0 || n != 8000000 {
		t.Errorf("%v %v, %d bytes of 8000000", exit, err, n)
	}
}

// Fifty users of one pool get each their own output and input, nothing else's.
func TestFiftyUsersOfOnePool(t *testing.T) {
	t.Parallel()
	target := startTarget(t, hosttest.TargetOptions{})
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", target.options)
	together(50, func(i int) {
		c, err := host.Context{}.Setenv("WHO", fmt.Sprint("user", i), true)
		if err != nil {
			t.Error(err)
			return
		}
		line, err := c.Line(`cat; echo "$WHO"; echo "$WHO" >&2`)
		if err != nil {
			t.Error(err)
			return
		}
		for j := range 4 {
			checkOwn(t, h, line, fmt.Sprint("user", i), fmt.Sprintf("input %d of %d\n", j, i))
		}
	})
}

func checkOwn(t *testing.T, h host.Host, line host.Line, who, input string) {
	var stdout, stderr bytes.Buffer
	p, err := h.Start(t.Context(), line, host.IO{Stdin: strings.NewReader(input), Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		t.Error(err)
		return
	}
	exit, err := p.Wait()
	if err != nil || exit.Code != 0 || stdout.String() != input+who+"\n" || stderr.String() != who+"\n" {
		t.Errorf("%s: %v %v %q %q", who, exit, err, stdout.String(), stderr.String())
	}
}
