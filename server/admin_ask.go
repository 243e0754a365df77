package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// AskAdmin sends an operation to the daemon at path and returns its answer.
// The error is the daemon's own, or tells why none was had.
func AskAdmin(ctx context.Context, path, operation string) (string, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return "", fmt.Errorf("ask the daemon: %w", err)
	}
	defer func() { _ = nc.Close() }()
	// A deadline in the past ends a read or write under way.
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	a, err := ask(nc, operation)
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("ask the daemon at %s: %w", path, context.Cause(ctx))
	case err != nil:
		return "", fmt.Errorf("ask the daemon at %s: %w", path, err)
	case !a.OK:
		return "", errors.New(a.Error)
	}
	return a.Text, nil
}

func ask(nc net.Conn, operation string) (adminAnswer, error) {
	var a adminAnswer
	// Who is refused is answered before the request is read, which can break the
	// writing of it: the answer says more than that error.
	sent := json.NewEncoder(nc).Encode(adminRequest{Op: operation})
	line, err := readLine(nc, maxAdminAnswer)
	if err != nil {
		return a, errors.Join(sent, err)
	}
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

// readLine reads up to a newline, at most limit bytes.
func readLine(r io.Reader, limit int64) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, limit)).ReadString('\n')
	if errors.Is(err, io.EOF) && int64(len(line)) == limit {
		return "", fmt.Errorf("it is longer than %d bytes", limit)
	}
	if errors.Is(err, io.EOF) {
		return "", io.ErrUnexpectedEOF
	}
	return line, err
}
