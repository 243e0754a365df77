package session

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// held is a session in which a command runs that does not end by itself.
type held struct {
	*world
	on     received
	cancel context.CancelCauseFunc
	code   chan int
	let    chan struct{} // closed to let the command end
	run    *run.Run
}

func hold(t *testing.T, line string) *held {
	t.Helper()
	h := &held{world: newWorld(t), code: make(chan int, 1), let: make(chan struct{})}
	started := make(chan struct{})
	h.fakes["web1"].On("sleep", hosttest.Answer{Block: h.let, OnStart: func() { close(started) }})
	var ctx context.Context
	ctx, h.cancel = context.WithCancelCause(context.Background())
	t.Cleanup(func() { h.cancel(nil) })
	s, err := h.Open(ctx, client("alice"))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer s.Close()
		h.code <- s.Exec(line, h.on.io(""))
	}()
	<-started
	runs := h.engine.List()
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	h.run, _ = h.engine.Get(runs[0].Run)
	return h
}

const sleeping = "--run production.web:web1 -- sleep 1000"

func TestLeavingCancelsTheRun(t *testing.T) {
	t.Parallel()
	h := hold(t, sleeping)
	h.cancel(ErrDisconnected)
	if code := <-h.code; code != exitCancelled {
		t.Errorf("exit code %d", code)
	}
	<-h.run.Done()
	if o := h.run.Outcome(); o.Status != run.Cancelled {
		t.Errorf("%+v", o)
	}
}

func TestABrokenConnectionLeavesTheRun(t *testing.T) {
	t.Parallel()
	h := hold(t, sleeping)
	h.cancel(ErrLost)
	if code := <-h.code; code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	select {
	case <-h.run.Done():
		t.Error("the run has ended")
	default:
	}
	close(h.let)
	<-h.run.Done()
	if o := h.run.Outcome(); o.Status != run.OK {
		t.Errorf("%+v", o)
	}
}

func TestADetachedRunIsLeft(t *testing.T) {
	t.Parallel()
	h := hold(t, "--detach "+sleeping)
	if code := <-h.code; code != 0 || h.on.out.String() != h.run.ID()+"\n" || h.on.err.Len() > 0 {
		t.Errorf("%d %q %q", code, h.on.out.String(), h.on.err.String())
	}
	h.cancel(ErrDisconnected)
	status, _, _ := h.exec(t, "alice", "status", "")
	if !strings.Contains(status, h.run.ID()+"  alice  production.web:web1 --run  sleep 1000  web1") {
		t.Errorf("%s", status)
	}
	close(h.let)
	<-h.run.Done()
	if o := h.run.Outcome(); o.Status != run.OK {
		t.Errorf("%+v", o)
	}
}

func TestADetachedRunInJSON(t *testing.T) {
	t.Parallel()
	h := hold(t, "--json --detach "+sleeping)
	<-h.code
	want := `{"time":"T","event":"run_started","run":"ID","user":"alice","path":"/production/web:web1","action":"--run","args":["sleep 1000"],"hosts":["web1"]}` + "\n"
	if got := settleJSON(h.on.out.String()); got != want {
		t.Errorf("%s", got)
	}
	close(h.let)
	<-h.run.Done()
}

func TestStopping(t *testing.T) {
	t.Parallel()
	h := hold(t, sleeping)
	h.Stop()
	if _, err := h.Open(t.Context(), client("bob")); !errors.Is(err, ErrStopping) {
		t.Errorf("a new session: %v", err)
	}
	h.on.waitFor("the daemon is stopping")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	h.End(ctx)
	if code := <-h.code; code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
	if want := "deployerd: the daemon is stopping; run " + h.run.ID() + " is left to itself\n"; !strings.HasSuffix(h.on.stderr(), want) {
		t.Errorf("%q", h.on.stderr())
	}
	h.engine.Drain(canceled())
	if o := h.run.Outcome(); o.Status != run.Cancelled {
		t.Errorf("%+v", o)
	}
	h.End(ctx)
	h.Stop()
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (s *received) stderr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err.String()
}

// A client that reads nothing holds its own session, and lets go when it ends.
func TestAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fakes["web1"].Default(hosttest.Answer{Stdout: "x"})
	ctx, cancel := context.WithCancelCause(t.Context())
	r, stuck := io.Pipe()
	s := w.open(t, ctx, "alice")
	context.AfterFunc(s.Context(), func() { _ = r.CloseWithError(io.ErrClosedPipe) })
	code, writing := make(chan int), make(chan struct{})
	screen := writerFunc(func(p []byte) (int, error) {
		close(writing)
		return stuck.Write(p)
	})
	go func() { code <- s.Exec("--run production.web:web1 -- x", IO{Stdout: screen}) }()
	<-writing
	if _, _, code := w.exec(t, "alice", "--run production.web:web1 -- x", ""); code != 0 {
		t.Errorf("another session: %d", code)
	}
	cancel(ErrLost)
	if code := <-code; code != exitUnknown {
		t.Errorf("exit code %d", code)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSessionsPerUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := *w.state.Load()
	state.Limits.SessionsPerUser = 2
	w.Swap(state)
	a, b := w.open(t, t.Context(), "bob"), w.open(t, t.Context(), "bob")
	if _, err := w.Open(t.Context(), client("bob")); !errors.Is(err, ErrTooMany) {
		t.Errorf("a third session: %v", err)
	}
	w.open(t, t.Context(), "carol")
	a.Close()
	a.Close()
	w.open(t, t.Context(), "bob").Close()
	b.Close()
	w.open(t, t.Context(), "bob").Close()
	if got := len(w.records(t, journal.Session)); got != 9 {
		t.Errorf("%d records of sessions", got)
	}
}

// A session ends with its account, also while it waits for a line.
func TestSessionsEndWithTheirAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.open(t, t.Context(), "bob")
	kept := w.open(t, t.Context(), "carol")
	r, typed := io.Pipe()
	defer typed.Close()
	var on received
	code := make(chan int)
	go func() { code <- s.Lines(IO{Stdin: r, Stdout: half{&on, &on.out}, Stderr: half{&on, &on.err}}) }()
	if _, err := io.WriteString(typed, "help\n"); err != nil {
		t.Fatal(err)
	}
	state := *w.state.Load()
	state.Users = users(t, "alice", "carol")
	w.Swap(state)
	if code := <-code; code != exitRefused {
		t.Errorf("exit code %d", code)
	}
	if context.Cause(s.Context()) != ErrRightsEnded || kept.Context().Err() != nil {
		t.Errorf("%v %v", context.Cause(s.Context()), kept.Context().Err())
	}
	if !strings.Contains(on.err.String(), "the account was removed or disabled") {
		t.Errorf("%q", on.err.String())
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fail := errors.New("tree.star:3:1: no")
	w.o.Reload = func(context.Context) error {
		if fail != nil {
			w.ReloadFailed(fail)
			return fail
		}
		w.Swap(w.makeState(t, operator("see")))
		return nil
	}
	w.check(t, "alice", []transcript{{line: "reload", err: "deployerd: nothing was changed: tree.star:3:1: no\n", code: 1}})
	if out, _, _ := w.exec(t, "alice", "status", ""); !strings.Contains(out, "the reload that failed:\n  tree.star:3:1: no\n") {
		t.Errorf("%s", out)
	}
	w.check(t, "bob", []transcript{{line: "ls", err: "deployerd: you may not see /\n", code: 254}})
	fail = nil
	w.check(t, "alice", []transcript{{line: "reload", err: "deployerd: configuration and tree were read again\n"}})
	w.check(t, "bob", []transcript{{line: "ls staging", out: "deploy\n"}})
	if out, _, _ := w.exec(t, "alice", "status", ""); strings.Contains(out, "failed") {
		t.Errorf("%s", out)
	}
}

// After a reload a session is where it was, or fails its line: never elsewhere.
func TestThePlaceAfterAReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.open(t, t.Context(), "alice")
	var on received
	for _, line := range []string{"cd staging", "cd /production/web:web1"} {
		if code := s.Exec(line, on.io("")); code != 0 {
			t.Fatal(on.err.String())
		}
	}
	w.Swap(w.makeState(t))
	if code := s.Exec("pwd", on.io("")); code != 0 || on.out.String() != "/production/web:web1\n" {
		t.Errorf("%d %q", code, on.out.String())
	}
	small := w.makeState(t)
	small.Tree = smallTree(t)
	w.Swap(small)
	if code := s.Exec("noop", on.io("")); code != exitNotFound || on.err.String() != "deployerd: /production/web:web1 is no longer there; you are at / now\n" {
		t.Errorf("%d %q", code, on.err.String())
	}
	if code := s.Exec("noop", on.io("")); code != 0 {
		t.Errorf("%d %q", code, on.err.String())
	}
	if code := s.Exec("cd -", on.io("")); code != exitNotFound {
		t.Errorf("the last place is gone: %d", code)
	}
}

func TestStandardInputIsBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{
		0: "", 1 << 20: "", 1<<20 + 1: "--stdin: standard input is larger than 1 MiB",
	} {
		data, err := readAtMost(strings.NewReader(strings.Repeat("x", size)), 1<<20)
		if want == "" && (err != nil || len(data) != size) || want != "" && (err == nil || err.Error() != want || exitCode(err) != 2) {
			t.Errorf("%d bytes: %d, %v", size, len(data), err)
		}
	}
	failing := io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := readAtMost(failing, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}
