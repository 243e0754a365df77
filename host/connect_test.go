package host_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// callbook is hooks that write down what they are told, and refuse if told to.
type callbook struct {
	refuse error
	events chan string // roomy
	call   host.Call
}

func newCallbook() *callbook { return &callbook{events: make(chan string, 100)} }

func (b *callbook) Before(_ context.Context, call host.Call) error {
	b.call = call
	b.events <- "before " + call.Command
	return b.refuse
}

func (b *callbook) Started(_ host.Call, name string)         { b.events <- "started " + name }
func (b *callbook) Output(string, host.Stream, []byte)       { b.events <- "output" }
func (b *callbook) Finished(host.Call, host.Result)          { b.events <- "finished" }
func (b *callbook) After(_ host.Call, results []host.Result) { b.events <- "after" }

func (b *callbook) told() []string {
	var all []string
	for {
		select {
		case e := <-b.events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// keyboard is an input that is never at its end until it is closed.
type keyboard struct {
	*io.PipeReader
	keys   *io.PipeWriter
	closed chan struct{}
}

func newKeyboard() *keyboard {
	r, w := io.Pipe()
	return &keyboard{PipeReader: r, keys: w, closed: make(chan struct{})}
}

func (k *keyboard) Close() error {
	close(k.closed)
	return k.PipeReader.Close()
}

// seen is a terminal's output that tells when a text has come.
type seen struct {
	text  strings.Builder
	wants map[string]chan struct{}
}

func (s *seen) Write(b []byte) (int, error) {
	s.text.Write(b)
	for want, ch := range s.wants {
		if strings.Contains(s.text.String(), want) {
			close(ch)
			delete(s.wants, want)
		}
	}
	return len(b), nil
}

func handleOf(t *testing.T, h host.Host, hooks host.Hooks, c host.Context) *host.Handle {
	t.Helper()
	g := host.NewGroup(host.GroupOptions{
		Roles: []host.Role{{Name: "host", Hosts: []host.Host{h}}}, Hooks: hooks, Context: c,
	})
	handle, ok := g.Handle(h.Name())
	if !ok {
		t.Fatal("no handle")
	}
	return handle
}

func TestConnectIsACallLikeAnyOther(t *testing.T) {
	t.Parallel()
	fake, hooks := hosttest.NewFake("web1"), newCallbook()
	fake.Default(helloAnswer)
	var screen strings.Builder
	exit, err := handleOf(t, fake, hooks, host.Context{}.Sudo("")).Connect(t.Context(), "", host.TerminalIO{
		Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, Output: &screen,
	})
	if err != nil || exit.Code != 3 {
		t.Errorf("%v %v, want code 3", exit, err)
	}
	if got := screen.String(); got != "hello\r\n" {
		t.Errorf("the screen is %q", got)
	}
	want := []string{"before --connect", "started web1", "finished", "after"}
	if diff := cmp.Diff(want, hooks.told()); diff != "" {
		t.Error(diff)
	}
	if !hooks.call.Sudo || len(hooks.call.Hosts) != 1 {
		t.Errorf("the call was %+v", hooks.call)
	}
	if diff := cmp.Diff([]host.Pty{{Term: "xterm", Width: 80, Height: 24}}, fake.Ptys()); diff != "" {
		t.Error(diff)
	}
}

var helloAnswer = hosttest.Answer{Stdout: "hello\r\n", Code: 3}

func TestConnectThatIsRefusedStartsNothing(t *testing.T) {
	t.Parallel()
	fake, hooks := hosttest.NewFake("web1"), newCallbook()
	hooks.refuse = errors.New("you may not")
	_, err := handleOf(t, fake, hooks, host.Context{}).Connect(t.Context(), "", host.TerminalIO{})
	if !errors.Is(err, hooks.refuse) || len(fake.Lines()) > 0 {
		t.Errorf("%v, and started %q", err, fake.Lines())
	}
}

func TestASandboxOpensNoTerminal(t *testing.T) {
	t.Parallel()
	fake, hooks := hosttest.NewFake("web1"), newCallbook()
	handle := handleOf(t, fake, hooks, host.Context{}.Sandbox())
	for _, command := range []string{"", "top"} {
		if _, err := handle.Connect(t.Context(), command, host.TerminalIO{}); err == nil {
			t.Errorf("connect %q in a sandbox is no error", command)
		}
	}
	if len(fake.Lines()) > 0 || len(hooks.told()) > 0 {
		t.Errorf("started %q", fake.Lines())
	}
	if _, err := (host.Context{}).Sandbox().LoginShell(); err == nil {
		t.Error("a sandbox has a login shell")
	}
}

// A person types, resizes and is taken away: nothing of it stays at the target.
func TestConnectToARealTarget(t *testing.T) {
	t.Parallel()
	target := startTarget(t, hosttest.TargetOptions{})
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", target.options)
	keys, sizes := newKeyboard(), make(chan host.Pty, 1)
	screen := &seen{wants: map[string]chan struct{}{"24 80\r\n": make(chan struct{}), "50 200\r\n": make(chan struct{})}}
	first, second := screen.wants["24 80\r\n"], screen.wants["50 200\r\n"]
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("the person left")
	ended := make(chan error, 1)
	go func() {
		_, err := handleOf(t, h, newCallbook(), host.Context{}).Connect(ctx, "while read -r x; do stty size; done", host.TerminalIO{
			Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, Input: keys, Output: screen, Resized: sizes,
		})
		ended <- err
	}()
	typed := func(text string) {
		if _, err := io.WriteString(keys.keys, text); err != nil {
			t.Error(err)
		}
	}
	typed("x\r")
	<-first
	sizes <- host.Pty{Width: 200, Height: 50}
	for again := true; again; {
		typed("x\r")
		select {
		case <-second:
			again = false
		default:
		}
	}
	cancel(left)
	err := <-ended
	var cancelled *host.CancelError
	if !errors.As(err, &cancelled) || cancelled.Unconfirmed != nil || !errors.Is(err, left) {
		t.Errorf("%#v, want a confirmed cancel", err)
	}
	<-keys.closed
}

func TestATerminalIsForOneHostAlone(t *testing.T) {
	t.Parallel()
	term := &host.TerminalIO{Output: io.Discard}
	for _, o := range []host.RunOptions{
		{Terminal: term},
		{Terminal: term, Quiet: true},
		{Terminal: term, InputAll: []byte("x")},
	} {
		hosts := []host.Host{hosttest.NewFake("web1"), hosttest.NewFake("web2")}
		if o.Quiet || o.InputAll != nil {
			hosts = hosts[:1]
		}
		g := host.NewGroup(host.GroupOptions{Roles: []host.Role{{Name: "web", Hosts: hosts}}})
		if _, err := g.Run(t.Context(), "top", o); err == nil {
			t.Errorf("%+v is no error", o)
		}
	}
}

// The connection breaks while a terminal is open.
func TestALostTargetsTerminalSaysSo(t *testing.T) {
	t.Parallel()
	target := startTarget(t, hosttest.TargetOptions{})
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", target.options)
	keys := newKeyboard()
	screen := &seen{wants: map[string]chan struct{}{"ready": make(chan struct{})}}
	ready := screen.wants["ready"]
	go func() {
		<-ready
		target.Drop()
	}()
	_, err := handleOf(t, h, newCallbook(), host.Context{}).Connect(t.Context(), "echo ready; cat", host.TerminalIO{Input: keys, Output: screen})
	var lost *host.LostError
	if !errors.As(err, &lost) || lost.Host != "web1" {
		t.Errorf("%v, want it lost", err)
	}
	<-keys.closed
}
