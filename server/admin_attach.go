package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/deployerd/deployerd/session"
)

// LocalShell is the client's end of a living shell at the admin socket.
type LocalShell struct {
	nc net.Conn
	r  *bufio.Reader

	writing sync.Mutex
}

// OpenShell begins a session at the daemon whose socket is at path, for a
// terminal. The error is the daemon's own, or tells why none was had. The shell
// must be closed.
func OpenShell(ctx context.Context, path, term string, size session.Size) (*LocalShell, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	l := &LocalShell{nc: nc, r: bufio.NewReaderSize(nc, 64<<10)}
	if err := l.begin(adminRequest{Op: opShell, Term: term, Columns: uint32(size.Width), Rows: uint32(size.Height)}); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return l, nil
}

// begin sends the request and waits for its answer.
func (l *LocalShell) begin(r adminRequest) error {
	sent := json.NewEncoder(l.nc).Encode(r) // as in ask: an answer says more
	line, err := l.r.ReadSlice('\n')        // as long as the buffer at most
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", errors.Join(sent, err))
	}
	var a adminAnswer
	if err := json.Unmarshal(line, &a); err != nil {
		return fmt.Errorf("ask the daemon: read the answer: %w", err)
	}
	if !a.OK {
		return errors.New(a.Error)
	}
	return nil
}

// Close ends the session, if it has not ended.
func (l *LocalShell) Close() error { return l.nc.Close() }

// Write sends what was typed. It may be called while Run runs.
func (l *LocalShell) Write(p []byte) (int, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	return writeFrames(l.nc, frameInput, p)
}

// Resize tells of the window's new size.
func (l *LocalShell) Resize(size session.Size) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return writeSize(l.nc, uint32(size.Width), uint32(size.Height))
}

// Run shows what the session writes until it ends, and returns its exit code.
// The error wraps session.ErrLost when the daemon went away before.
func (l *LocalShell) Run(out io.Writer) (int, error) {
	for {
		kind, body, err := readFrame(l.r)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%w: %w", session.ErrLost, err)
		case kind == frameExit:
			return parseExit(body)
		case kind != frameOutput:
			return 0, fmt.Errorf("frame %q: unexpected", kind)
		}
		if _, err := out.Write(body); err != nil {
			return 0, fmt.Errorf("write to the terminal: %w", err)
		}
	}
}
