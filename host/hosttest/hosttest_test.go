package hosttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/deployerd/deployerd/host"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFakeAnswers(t *testing.T) {
	t.Parallel()
	f := NewFake("web1")
	f.Default(Answer{Code: 7})
	f.On("uptime", Answer{Stdout: "up\n", Stderr: "warn\n"})
	f.On("uptime -p", Answer{Cat: true})
	expect(t, perform(t, f, host.Context{}, "uptime", nil), outcome{Stdout: "up\n", Stderr: "warn\n"})
	expect(t, perform(t, f, host.Context{}, "uptime -p", strings.NewReader("in")), outcome{Stdout: "in"})
	expect(t, perform(t, f, host.Context{}, "other", nil), outcome{Exit: host.Exit{Code: 7}})
	var want []string
	for _, command := range []string{"uptime", "uptime -p", "other"} {
		line, err := host.Context{}.Line(command)
		must(t, err)
		want = append(want, line.String())
	}
	if diff := cmp.Diff(want, f.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestFakeFails(t *testing.T) {
	t.Parallel()
	f := NewFake("web1")
	refused := &host.DialError{Host: "web1", Stage: host.StageDial, Err: io.EOF}
	f.On("refused", Answer{StartErr: refused})
	f.On("lost", Answer{Lost: true})
	line, err := host.Context{}.Line("refused")
	must(t, err)
	if _, err := f.Start(t.Context(), line, host.IO{}); !errors.Is(err, refused) {
		t.Errorf("%v, want the error given", err)
	}
	if lines := f.Lines(); len(lines) != 0 {
		t.Errorf("%q was recorded though it never started", lines)
	}
	p := begin(t, f, host.Context{}, "lost", host.IO{})
	var lost *host.LostError
	if _, err := p.Wait(); !errors.As(err, &lost) {
		t.Errorf("%v, want a *host.LostError", err)
	}
}

func TestFakeIsKilled(t *testing.T) {
	t.Parallel()
	f := NewFake("web1")
	block := make(chan struct{})
	f.On("blocked", Answer{Block: block, Code: 3})
	f.On("stubborn", Answer{Block: block, KillErr: io.EOF, Code: 3})
	p := begin(t, f, host.Context{}, "blocked", host.IO{})
	must(t, p.Kill(t.Context()))
	if exit, err := p.Wait(); err != nil || exit != (host.Exit{Code: 143, Signal: "TERM"}) {
		t.Errorf("%v %v, want TERM", exit, err)
	}
	p = begin(t, f, host.Context{}, "stubborn", host.IO{})
	if err := p.Kill(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the error given", err)
	}
	close(block)
	if exit, err := p.Wait(); err != nil || exit.Code != 3 {
		t.Errorf("%v %v, want code 3", exit, err)
	}
}

// startTarget makes a target and a host that reaches it.
func startTarget(t *testing.T, o TargetOptions) (*Target, host.Host) {
	t.Helper()
	key := WriteKey(t, t.TempDir(), "key")
	public, err := os.ReadFile(key + ".pub")
	must(t, err)
	o.AuthorizedKeys = append(o.AuthorizedKeys, string(public))
	if o.Home == "" {
		o.Home = t.TempDir()
	}
	target, err := StartTarget(o)
	must(t, err)
	t.Cleanup(func() { must(t, target.Close()) })
	known := t.TempDir() + "/known_hosts"
	must(t, os.WriteFile(known, []byte(target.KnownHostsLine()+"\n"), 0o600))
	pool := host.NewPool(host.PoolOptions{})
	t.Cleanup(func() { must(t, pool.Shutdown(context.Background())) })
	h, err := pool.SSH("target", host.SSHOptions{
		Address: "127.0.0.1", Port: target.Port(), IdentityFiles: []string{key}, KnownHosts: []string{known},
	})
	must(t, err)
	return target, h
}

func TestTargetLooksLikeALogin(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	_, h := startTarget(t, TargetOptions{Home: home, Name: "web1", Env: []string{"DEMO=yes"}, PathPrepend: "/demo/bin"})
	got := perform(t, h, host.Context{}, `echo "$PWD $HOME $HOSTNAME $DEMO ${PATH%%:*}"`, nil)
	expect(t, got, outcome{Stdout: home + " " + home + " web1 yes /demo/bin\n"})
}

// Close ends what commands have left behind, wherever it has moved to.
func TestTargetLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	target, h := startTarget(t, TargetOptions{})
	seen := make(chan string, 1)
	command := "setsid sleep 1000 & nohup sleep 1001 >/dev/null 2>&1 & echo ready; exec sleep 1002"
	p := begin(t, h, host.Context{}, command, host.IO{Stdout: &firstLine{seen: seen}})
	<-seen
	if left := marked(target.mark); len(left) == 0 {
		t.Error("nothing is found of a running command")
	}
	must(t, target.Close())
	if _, err := p.Wait(); err == nil {
		t.Error("the command ended as if nothing had been")
	}
	if left := marked(target.mark); len(left) != 0 {
		t.Errorf("%v are still running", left)
	}
	must(t, target.Close())
}

// A command goes on when its connection breaks, as with sshd.
func TestTargetKillsNothingByItself(t *testing.T) {
	t.Parallel()
	target, h := startTarget(t, TargetOptions{})
	file := t.TempDir() + "/survived"
	must(t, syscall.Mkfifo(file, 0o600))
	seen := make(chan string, 1)
	p := begin(t, h, host.Context{}, "echo ready; read x <"+file+"; echo >"+file, host.IO{Stdout: &firstLine{seen: seen}})
	<-seen
	target.Drop()
	var lost *host.LostError
	if _, err := p.Wait(); !errors.As(err, &lost) {
		t.Errorf("%v, want a *host.LostError", err)
	}
	must(t, os.WriteFile(file, []byte("go on\n"), 0)) // blocks until the command reads
	if _, err := os.ReadFile(file); err != nil {      // and until it writes
		t.Error(err)
	}
}

func TestTargetRefusesOthers(t *testing.T) {
	t.Parallel()
	target, _ := startTarget(t, TargetOptions{})
	pool := host.NewPool(host.PoolOptions{})
	defer func() { must(t, pool.Shutdown(context.Background())) }()
	h, err := pool.SSH("target", host.SSHOptions{
		Address: "127.0.0.1", Port: target.Port(), HostKey: target.HostKeyLine(),
		IdentityFiles: []string{WriteKey(t, t.TempDir(), "stranger")},
	})
	must(t, err)
	line, err := host.Context{}.Line("true")
	must(t, err)
	var dial *host.DialError
	if _, err := h.Start(t.Context(), line, host.IO{}); !errors.As(err, &dial) || dial.Stage != host.StageLogin {
		t.Errorf("%v, want stage login", err)
	}
}

// Garbage and silence on the port hold nothing up.
func TestTargetTakesGarbage(t *testing.T) {
	t.Parallel()
	target, h := startTarget(t, TargetOptions{})
	for _, text := range []string{"", "GET / HTTP/1.0\r\n\r\n", "SSH-2.0-x\r\n" + strings.Repeat("\xff", 4096)} {
		c, err := net.Dial("tcp", target.Addr())
		must(t, err)
		_, err = io.WriteString(c, text)
		must(t, err)
		if text == "" {
			defer func() { _ = c.Close() }()
			continue
		}
		must(t, c.Close())
	}
	expect(t, perform(t, h, host.Context{}, "echo fine", nil), outcome{Stdout: "fine\n"})
}

func TestTargetOptionsAreChecked(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, taken.Close()) }()
	for _, c := range []struct {
		o    TargetOptions
		text string
	}{
		{TargetOptions{HostKeyPEM: []byte("rubbish")}, "host key"},
		{TargetOptions{AuthorizedKeys: []string{"rubbish"}}, "authorized key"},
		{TargetOptions{AuthorizedKeys: []string{`command="x" ` + mustKey(t)}}, "options are not supported"},
		{TargetOptions{Home: "/nonexistent"}, "/nonexistent is no folder"},
		{TargetOptions{Addr: taken.Addr().String()}, "address already in use"},
	} {
		if _, err := StartTarget(c.o); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v, want %q", err, c.text)
		}
	}
}

func mustKey(t *testing.T) string {
	t.Helper()
	_, public, err := NewKey()
	must(t, err)
	return public
}

// One sshd answers as many addresses, and one that is stopped starts again
// with its key.
func TestSSHDAsManyTargets(t *testing.T) {
	t.Parallel()
	first := StartSSHD(t, SSHDOptions{ListenAddresses: []string{"0.0.0.0"}})
	known := t.TempDir() + "/known_hosts"
	must(t, os.WriteFile(known, []byte(first.KnownHostsLine("127.0.1.1", "127.0.1.2")+"\n"), 0o600))
	pool := host.NewPool(host.PoolOptions{})
	defer func() { must(t, pool.Shutdown(context.Background())) }()
	reach := func(s *SSHD, address string) host.Host {
		h, err := pool.SSH("sshd", host.SSHOptions{
			Address: address, Port: s.Port(), User: s.User(), IdentityFiles: []string{s.ClientKey()}, KnownHosts: []string{known},
		})
		must(t, err)
		return h
	}
	one, two := reach(first, "127.0.1.1"), reach(first, "127.0.1.2")
	for _, h := range []host.Host{one, two} {
		expect(t, perform(t, h, host.Context{}, "echo here", nil), outcome{Stdout: "here\n"})
	}
	var stdout bytes.Buffer
	p := begin(t, one, host.Context{}, "exec sleep 1000", host.IO{Stdout: &stdout})
	first.Kill()
	var lost *host.LostError
	if exit, err := p.Wait(); !errors.As(err, &lost) {
		t.Errorf("%v %v, want a *host.LostError", exit, err)
	}
	second := StartSSHD(t, SSHDOptions{
		ListenAddresses: []string{"0.0.0.0"}, Port: first.Port(), HostKeyPEM: first.HostKeyPEM(), ClientKey: first.ClientKey(),
	})
	expect(t, perform(t, one, host.Context{}, "echo again", nil), outcome{Stdout: "again\n"})
	second.Stop()
	if c, err := net.DialTimeout("tcp", second.Addr(), time.Second); err == nil {
		_ = c.Close()
		t.Error("it still listens after Stop")
	}
}
