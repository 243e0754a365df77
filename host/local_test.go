package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newLocal(t *testing.T) *Local {
	t.Helper()
	l, err := NewLocal("localhost", map[string]string{"rack": "1"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func start(t *testing.T, c Context, command string, streams IO) Process {
	t.Helper()
	p, err := newLocal(t).Start(t.Context(), line(t, c, command), streams)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wait(t *testing.T, p Process) Exit {
	t.Helper()
	exit, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return exit
}

func TestLocalRuns(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	streams := IO{Stdin: strings.NewReader("in"), Stdout: &stdout, Stderr: &stderr}
	exit := wait(t, start(t, Context{}.Cd("/", false), `pwd; cat; echo err >&2; exit 3`, streams))
	if exit != (Exit{Code: 3}) || stdout.String() != "/\nin" || stderr.String() != "err\n" {
		t.Errorf("%+v, %q, %q", exit, stdout.String(), stderr.String())
	}
}

func TestLocalTellsSignals(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Exit{"TERM": {143, "TERM"}, "KILL": {137, "KILL"}, "USR1": {138, "USR1"}} {
		if exit := wait(t, start(t, Context{}, "kill -"+name+" $$", IO{})); exit != want {
			t.Errorf("%s: %+v", name, exit)
		}
	}
}

func TestLocalHasNamesAndNoAddress(t *testing.T) {
	t.Parallel()
	l := newLocal(t)
	if l.Name() != "localhost" || l.Address() != "" || l.Labels()["rack"] != "1" {
		t.Errorf("%q %q %v", l.Name(), l.Address(), l.Labels())
	}
	for _, name := range []string{"", "a b", "-a", "a\n", "a/b"} {
		if _, err := NewLocal(name, nil); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
}

func TestLocalEnvironIsReduced(t *testing.T) {
	t.Parallel()
	got := localEnviron([]string{"PATH=/bin", "SECRET=x", "LC_ALL=C", "LANG=de", "HOME=/h", "NOTIFY_SOCKET=/s", "USER=u", "LOGNAME=u", "SHELL=/bin/sh", "LD_PRELOAD=x", "broken"})
	want := []string{"PATH=/bin", "LC_ALL=C", "LANG=de", "HOME=/h", "USER=u", "LOGNAME=u", "SHELL=/bin/sh"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLocalStartErrors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("too late")
	cancel(cause)
	_, err := newLocal(t).Start(ctx, line(t, Context{}, "true"), IO{})
	var dial *DialError
	if !errors.As(err, &dial) || dial.Stage != StageStart || !errors.Is(err, cause) {
		t.Errorf("ended context: %v", err)
	}
	if _, err := newLocal(t).Start(t.Context(), Line{}, IO{}); err == nil || err.Error() != "start localhost: the line is empty" {
		t.Errorf("no line: %v", err)
	}
}

func TestLocalCopiesMegabytesBothWays(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789abcde\n"), 5<<20/16)
	var stdout bytes.Buffer
	exit := wait(t, start(t, Context{}, "cat", IO{Stdin: bytes.NewReader(data), Stdout: &stdout}))
	if exit.Code != 0 || !bytes.Equal(stdout.Bytes(), data) {
		t.Errorf("%+v, %d bytes of %d", exit, stdout.Len(), len(data))
	}
}

func TestLocalWaitDoesNotNeedTheEndOfStdin(t *testing.T) {
	t.Parallel()
	never, write := io.Pipe()
	defer func() { _ = write.Close() }() // the caller ends the blocked Read
	if exit := wait(t, start(t, Context{}, "exit 4", IO{Stdin: never})); exit.Code != 4 {
		t.Errorf("%+v", exit)
	}
	endless := readerFunc(func(p []byte) (int, error) { return len(p), nil })
	if exit := wait(t, start(t, Context{}, "exit 5", IO{Stdin: endless})); exit.Code != 5 {
		t.Errorf("%+v", exit)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestLocalWaitDoesNotNeedTheEndOfTheBackground(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	p := start(t, Context{}, "sleep 1000 & echo out", IO{Stdout: &stdout, Stdin: readerFunc(func(p []byte) (int, error) { return len(p), nil })})
	if exit := wait(t, p); exit.Code != 0 || stdout.String() != "out\n" {
		t.Errorf("%+v, %q", exit, stdout.String())
	}
	if err := p.Kill(t.Context()); err != nil { // the group is still there
		t.Error(err)
	}
}

func TestLocalSlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	first := true
	slow := writerFunc(func(p []byte) (int, error) {
		if first {
			first = false
			time.Sleep(backgroundOutput + backgroundOutput/2) // longer than Wait is patient
		}
		return got.Write(p)
	})
	p := start(t, Context{}, "head -c 90000 /dev/zero; sleep 1000 &", IO{Stdout: slow})
	if exit := wait(t, p); exit.Code != 0 {
		t.Errorf("%+v", exit)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	if got.Len() != 90000 {
		t.Errorf("%d bytes of 90000", got.Len())
	}
}

func TestLocalWriteErrorDoesNotStopTheProcess(t *testing.T) {
	t.Parallel()
	if exit := wait(t, start(t, Context{}, "head -c 1000000 /dev/zero && exit 6", IO{Stdout: brokenWriter{}})); exit.Code != 6 {
		t.Errorf("%+v", exit)
	}
}

// ready waits for a line of output.
type ready struct {
	once sync.Once
	line chan string
}

func (r *ready) Write(p []byte) (int, error) {
	r.once.Do(func() { r.line <- string(p) })
	return len(p), nil
}

func TestLocalKillEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"grandchildren": `sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & echo $$; wait`,
		"stubborn":      `trap '' TERM; sleep 1000 & echo $$; wait; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := &ready{line: make(chan string, 1)}
			p := start(t, Context{}, script, IO{Stdout: out})
			pgid, err := strconv.Atoi(strings.TrimSpace(<-out.line))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Kill(t.Context()); err != nil {
				t.Error(err)
			}
			if exit := wait(t, p); !slices.Contains([]string{"TERM", "KILL"}, exit.Signal) || exit.Code < 129 {
				t.Errorf("%+v", exit)
			}
			if err := syscall.Kill(-pgid, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("the group is still there: %v", err)
			}
			if err := p.Kill(t.Context()); err != nil {
				t.Errorf("the second time: %v", err)
			}
		})
	}
}

func TestLocalKillKeepsToItsContext(t *testing.T) {
	t.Parallel()
	out := &ready{line: make(chan string, 1)}
	p := start(t, Context{}, "trap '' TERM; echo up; sleep 1000; sleep 1000", IO{Stdout: out})
	<-out.line
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Kill(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	wait(t, p)
}

func TestLocalManyAtOnceLeaveNoDescriptor(t *testing.T) {
	l := newLocal(t)
	before := descriptors(t)
	hosts := make([]Host, 20)
	for i := range hosts {
		hosts[i] = &fakeHost{name: fmt.Sprintf("h%d", i), do: l.Start}
	}
	results, err := group(GroupOptions{Limiter: NewLimiter(4)}, hosts...).Run(t.Context(), "cat; echo err >&2", RunOptions{InputAll: []byte("x")})
	if err != nil || len(results) != 20 {
		t.Fatal(err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(list)
}
