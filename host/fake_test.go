package host

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// fakeHost does what do says, in place of Start.
type fakeHost struct {
	name string
	do   func(ctx context.Context, line Line, streams IO) (Process, error)
}

func (f *fakeHost) Name() string              { return f.name }
func (f *fakeHost) Address() string           { return f.name }
func (f *fakeHost) Labels() map[string]string { return nil }

func (f *fakeHost) Start(ctx context.Context, line Line, streams IO) (Process, error) {
	if f.do == nil {
		return done{}, nil
	}
	return f.do(ctx, line, streams)
}

// fakes are hosts that do nothing, successfully.
func fakes(names ...string) []Host {
	hosts := make([]Host, len(names))
	for i, name := range names {
		hosts[i] = &fakeHost{name: name}
	}
	return hosts
}

// done is a process that has ended.
type done struct {
	exit Exit
	err  error
}

func (d done) Wait() (Exit, error)        { return d.exit, d.err }
func (d done) Kill(context.Context) error { return nil }
func (d done) Resize(int, int) error      { return errGone }

// ends is a host whose process writes and ends.
func ends(name, stdout, stderr string, d done) Host {
	return &fakeHost{name: name, do: func(_ context.Context, _ Line, streams IO) (Process, error) {
		_, _ = io.WriteString(streams.Stdout, stdout)
		_, _ = io.WriteString(streams.Stderr, stderr)
		return d, nil
	}}
}

// running is a process that runs until it is killed.
type running struct {
	killed  chan struct{}
	once    sync.Once
	killErr error // of Kill, which then does not end it
	stuck   bool  // Kill says that it is gone, and Wait does not return
}

func (r *running) Wait() (Exit, error) {
	<-r.killed
	return Exit{Code: 143, Signal: "TERM"}, nil
}

func (r *running) Kill(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
		return fmt.Errorf("kill: a context without a grace: %v", ctx.Err())
	}
	if r.killErr == nil && !r.stuck {
		r.end()
	}
	return r.killErr
}

func (r *running) Resize(int, int) error { return errNotTerminal }

func (r *running) end() { r.once.Do(func() { close(r.killed) }) }

// runs is a host whose process does not end by itself.
func runs(name string, r *running) Host {
	r.killed = make(chan struct{})
	return &fakeHost{name: name, do: func(context.Context, Line, IO) (Process, error) { return r, nil }}
}

// recorder is hooks that write down what they are told.
type recorder struct {
	refuse error

	mu     sync.Mutex
	events []string
	after  []Result
	call   Call
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf(format, args...))
}

func (r *recorder) Before(_ context.Context, call Call) error {
	r.call = call
	r.add("before %v", call.Hosts)
	return r.refuse
}

func (r *recorder) Started(_ Call, host string) { r.add("started %s", host) }

func (r *recorder) Output(host string, stream Stream, data []byte) {
	r.add("%s %s %q", host, stream, data)
}

func (r *recorder) Finished(_ Call, result Result) {
	r.add("finished %s ok=%t skipped=%t", result.Host, result.OK, result.Skipped)
}

func (r *recorder) After(_ Call, results []Result) {
	r.after = results
	r.add("after")
}
