package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
)

// conformanceTime bounds each case, so that a host that hangs fails.
const conformanceTime = time.Minute

type conformanceCase struct {
	name string
	test func(t *testing.T, h host.Host)
}

// Conformance is what every kind of host does the same way. open makes a host
// whose commands run as this user on this machine; it cleans up after itself
// with the test.
func Conformance(t *testing.T, open func(t *testing.T) host.Host) {
	cases := []conformanceCase{
		{"exit codes", exitCodes},
		{"exit signal", exitSignal},
		{"binary output", binaryOutput},
		{"two streams", twoStreams},
		{"end of input", endOfInput},
		{"no input", noInput},
		{"five megabytes both ways", bothWays},
		{"input not read", inputNotRead},
		{"a failed write does not end the command", failedWrite},
		{"background process", backgroundProcess},
		{"kill a group", killsGroup},
		{"kill what ignores TERM", killsStubborn},
		{"kill what has ended", killsEnded},
		{"context with awful bytes", awfulContext},
		{"sandbox", sandboxed},
		{"ended context starts nothing", endedContext},
	}
	runCases(t, slices.Concat(cases, terminalCases, fileCases), open)
}

// FilesConformance is the part of Conformance that is about files and facts.
func FilesConformance(t *testing.T, open func(t *testing.T) host.Host) {
	runCases(t, fileCases, open)
}

func runCases(t *testing.T, cases []conformanceCase, open func(t *testing.T) host.Host) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// outcome is what a command did.
type outcome struct {
	Stdout, Stderr string
	Exit           host.Exit
}

// perform runs a command to its end.
func perform(t *testing.T, h host.Host, c host.Context, command string, stdin io.Reader) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := begin(t, h, c, command, host.IO{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	exit, err := await(t, p)
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return outcome{stdout.String(), stderr.String(), exit}
}

func begin(t *testing.T, h host.Host, c host.Context, command string, streams host.IO) host.Process {
	t.Helper()
	line, err := c.Line(command)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), conformanceTime)
	defer cancel()
	p, err := h.Start(ctx, line, streams)
	if err != nil {
		t.Fatalf("start %q: %v", command, err)
	}
	return p
}

// await is Wait with a bound.
func await(t *testing.T, p host.Process) (exit host.Exit, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		exit, err = p.Wait()
	}()
	select {
	case <-done:
		return exit, err
	case <-time.After(conformanceTime):
		t.Fatal("Wait does not return")
		return exit, err
	}
}

func expect(t *testing.T, got, want outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func exitCodes(t *testing.T, h host.Host) {
	for _, code := range []int{0, 1, 2, 77, 126, 127, 255} {
		got := perform(t, h, host.Context{}, fmt.Sprintf("exit %d", code), nil)
		expect(t, got, outcome{Exit: host.Exit{Code: code}})
	}
}

func exitSignal(t *testing.T, h host.Host) {
	got := perform(t, h, host.Context{}, "kill -TERM $$; sleep 60", nil)
	expect(t, got, outcome{Exit: host.Exit{Code: 143, Signal: "TERM"}})
}

func binaryOutput(t *testing.T, h host.Host) {
	got := perform(t, h, host.Context{}, `printf '\000\377\001\r\n\033[0m\200'`, nil)
	expect(t, got, outcome{Stdout: "\x00\xff\x01\r\n\x1b[0m\x80"})
}

func twoStreams(t *testing.T, h host.Host) {
	got := perform(t, h, host.Context{}, "echo out; echo err >&2; printf more; exit 3", nil)
	expect(t, got, outcome{Stdout: "out\nmore", Stderr: "err\n", Exit: host.Exit{Code: 3}})
}

func endOfInput(t *testing.T, h host.Host) {
	got := perform(t, h, host.Context{}, "cat; echo end", strings.NewReader("one\ntwo"))
	expect(t, got, outcome{Stdout: "one\ntwoend\n"})
}

func noInput(t *testing.T, h host.Host) {
	got := perform(t, h, host.Context{}, "cat; echo end", nil)
	expect(t, got, outcome{Stdout: "end\n"})
}

func bothWays(t *testing.T, h host.Host) {
	data := make([]byte, 5<<20)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(data) // never fails
	got := perform(t, h, host.Context{}, "cat", bytes.NewReader(data))
	if got.Stdout != string(data) || got.Exit.Code != 0 || got.Stderr != "" {
		t.Errorf("%d bytes came back of %d, or other ones: %v %q", len(got.Stdout), len(data), got.Exit, got.Stderr)
	}
}

// inputNotRead: Wait must return although the reader of the input blocks.
func inputNotRead(t *testing.T, h host.Host) {
	blocked, closer := io.Pipe()
	t.Cleanup(func() { _ = closer.Close() })
	got := perform(t, h, host.Context{}, "echo done", blocked)
	expect(t, got, outcome{Stdout: "done\n"})
	endless := perform(t, h, host.Context{}, "echo done", endlessReader{})
	expect(t, endless, outcome{Stdout: "done\n"})
}

type endlessReader struct{}

func (endlessReader) Read(b []byte) (int, error) { return len(b), nil }

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

func failedWrite(t *testing.T, h host.Host) {
	var stderr bytes.Buffer
	p := begin(t, h, host.Context{}, "head -c 3000000 /dev/zero; echo end >&2; exit 4", host.IO{Stdout: failingWriter{}, Stderr: &stderr})
	exit, err := await(t, p)
	if err != nil || exit.Code != 4 || stderr.String() != "end\n" {
		t.Errorf("%v %v %q, want code 4 and end", exit, err, stderr.String())
	}
}

// backgroundProcess: what is left behind does not hold Wait up, even with the
// output open.
func backgroundProcess(t *testing.T, h host.Host) {
	var stdout bytes.Buffer
	p := begin(t, h, host.Context{}, "sleep 1000 & echo $!; exit 5", host.IO{Stdout: &stdout})
	exit, err := await(t, p)
	if err != nil || exit.Code != 5 {
		t.Errorf("%v %v, want code 5", exit, err)
	}
	perform(t, h, host.Context{}, "kill "+stdout.String(), nil)
}

// firstLine lets a test wait for the first output.
type firstLine struct {
	seen chan string
	text strings.Builder
}

func (f *firstLine) Write(b []byte) (int, error) {
	if f.seen != nil {
		f.text.Write(b)
		if line, _, ok := strings.Cut(f.text.String(), "\n"); ok {
			f.seen <- line
			f.seen = nil
		}
	}
	return len(b), nil
}

// killed starts a command that prints its pids, kills it, and tells what is
// left of them.
func killed(t *testing.T, h host.Host, command string) (host.Exit, string) {
	t.Helper()
	seen := make(chan string, 1)
	p := begin(t, h, host.Context{}, command, host.IO{Stdout: &firstLine{seen: seen}})
	pids := <-seen
	ctx, cancel := context.WithTimeout(t.Context(), conformanceTime)
	defer cancel()
	if err := p.Kill(ctx); err != nil {
		t.Errorf("kill: %v", err)
	}
	exit, err := await(t, p)
	if err != nil {
		t.Errorf("wait: %v", err)
	}
	// A zombie is gone: who reaps it is not the target's business.
	left := perform(t, h, host.Context{}, "for p in "+pids+"; do case $(ps -o stat= -p $p 2>/dev/null) in ''|Z*) ;; *) echo $p;; esac; done", nil)
	return exit, left.Stdout
}

func killsGroup(t *testing.T, h host.Host) {
	exit, left := killed(t, h, `sh -c 'sleep 1000 & a=$!; sleep 1000 & echo $$ $a $!; wait'`)
	if exit.Code == 0 || left != "" {
		t.Errorf("exit %v, still there: %q", exit, left)
	}
}

func killsStubborn(t *testing.T, h host.Host) {
	exit, left := killed(t, h, `trap '' TERM; sleep 1000 & echo $$ $!; while :; do sleep 1; done`)
	if exit.Code != 137 || exit.Signal != "KILL" || left != "" {
		t.Errorf("exit %v, want KILL; still there: %q", exit, left)
	}
}

func killsEnded(t *testing.T, h host.Host) {
	p := begin(t, h, host.Context{}, "exit 6", host.IO{})
	if exit, err := await(t, p); err != nil || exit.Code != 6 {
		t.Errorf("%v %v, want code 6", exit, err)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Errorf("kill of what has ended: %v", err)
	}
}

func awfulContext(t *testing.T, h host.Host) {
	folder := t.TempDir() + "/it's a \"$HOME\" `folder`\n;*"
	value := "a'b\"c$HOME`id`\\ \n\t;|&<>(){}*?~#!\x01\xff -n"
	quoted, err := host.Quote(folder)
	must(t, err)
	made := perform(t, h, host.Context{}, "mkdir -p -- "+quoted, nil)
	expect(t, made, outcome{})
	c, err := host.Context{}.Cd(folder, false).Setenv("AWFUL", value, true)
	must(t, err)
	got := perform(t, h, c, `printf '%s\0' "$PWD" "$AWFUL"`, nil)
	expect(t, got, outcome{Stdout: folder + "\x00" + value + "\x00"})
	clean := perform(t, h, host.Context{}, `echo "${AWFUL-unset}"`, nil)
	expect(t, clean, outcome{Stdout: "unset\n"})
}

func sandboxed(t *testing.T, h host.Host) {
	file := t.TempDir() + "/must-not-exist"
	good := perform(t, h, host.Context{}.Sandbox(), "touch "+file, nil)
	expect(t, good, outcome{})
	bad := perform(t, h, host.Context{}.Sandbox(), "if true; then echo", nil)
	if bad.Exit.Code == 0 || bad.Stderr == "" {
		t.Errorf("a syntax error was not told: %+v", bad)
	}
	left := perform(t, h, host.Context{}, "ls "+file+" 2>/dev/null", nil)
	if left.Stdout != "" {
		t.Error("the sandbox ran the command")
	}
}

func endedContext(t *testing.T, h host.Host) {
	line, err := host.Context{}.Line("echo never")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := h.Start(ctx, line, host.IO{}); err == nil {
		_, _ = p.Wait()
		t.Error("a command was started")
	}
}
