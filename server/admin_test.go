package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type operations = map[string]func(ctx context.Context) (string, error)

// admin runs an admin socket to the end of the test and returns its path.
func admin(t *testing.T, o operations) (*Admin, string) {
	t.Helper()
	path := filepath.Join(socketDir(t), "admin.sock")
	a, err := NewAdmin(path, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- a.Run(context.Background()) }()
	t.Cleanup(func() {
		if err := a.Shutdown(deadline(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return a, path
}

// socketDir is a folder with a short name: t.TempDir's are too long for a
// socket. It is open to others, so that only the socket's own bounds hold.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAdminAnswers(t *testing.T) {
	t.Parallel()
	_, path := admin(t, operations{
		"reload": func(context.Context) (string, error) { return "12 nodes\nand <more>", nil },
		"fail":   func(context.Context) (string, error) { return "", errors.New("tree.star:3: no such host") },
		"panic":  func(context.Context) (string, error) { panic("a bug") },
	})
	for _, test := range []struct{ op, text, err string }{
		{"reload", "12 nodes\nand <more>", ""},
		{"fail", "", "tree.star:3: no such host"},
		{"panic", "", "panic: an error in deployerd, see its log"},
		{"bogus", "", `there is no operation "bogus"`},
		{"", "", `there is no operation ""`},
		{strings.Repeat("x", 5000), "", "read the request: it is longer than 4096 bytes"},
	} {
		text, err := AskAdmin(t.Context(), path, test.op)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if text != test.text || got != test.err {
			t.Errorf("%.20q: %q, %q", test.op, text, got)
		}
	}
}

func TestAdminSocketIsPrivate(t *testing.T) {
	t.Parallel()
	a, path := admin(t, nil)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the socket stays %v, %v", entries, err)
	}
	if err := a.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end it is still there: %v", err)
	}
}

func TestOwnOrRootMayAsk(t *testing.T) {
	t.Parallel()
	own := uint32(os.Geteuid())
	for uid, want := range map[uint32]bool{0: true, own: true, own + 1: false, 65534: own == 65534, ^uint32(0): false} {
		if got := ownOrRoot(uid); got != want {
			t.Errorf("%d: %v", uid, got)
		}
	}
}

func TestAdminReplacesADeadSocketOnly(t *testing.T) {
	t.Parallel()
	_, path := admin(t, operations{"hello": func(context.Context) (string, error) { return "first", nil }})
	if _, err := NewAdmin(path, nil, nil); err == nil || !strings.Contains(err.Error(), "another daemon answers") {
		t.Errorf("beside one that answers: %v", err)
	}
	if text, err := AskAdmin(t.Context(), path, "hello"); err != nil || text != "first" {
		t.Errorf("the first one answers %q, %v", text, err)
	}

	dead := filepath.Join(socketDir(t), "dead.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	a, err := NewAdmin(dead, nil, nil)
	if err != nil {
		t.Fatalf("in place of a dead one: %v", err)
	}
	a.Shutdown(deadline(t))

	file := filepath.Join(socketDir(t), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAdmin(file, nil, nil); err == nil {
		t.Error("a file was replaced")
	}
	if _, err := NewAdmin("/"+strings.Repeat("x", 120), nil, nil); err == nil || !strings.Contains(err.Error(), "at most 90") {
		t.Errorf("a long path: %v", err)
	}
}

func TestAdminRefusesOddRequests(t *testing.T) {
	t.Parallel()
	_, path := admin(t, operations{"reload": func(context.Context) (string, error) { return "", nil }})
	for _, text := range []string{
		"\n", "reload\n", "{}{}\n", `{"op":"reload","user":"root"}` + "\n", `{"op":1}` + "\n", `{"op":"reload"}`, "\x00\xff\n", "",
	} {
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, text)
		nc.(*net.UnixConn).CloseWrite()
		line, err := bufio.NewReader(nc).ReadString('\n')
		nc.Close()
		var a adminAnswer
		if err != nil || json.Unmarshal([]byte(line), &a) != nil || a.OK || a.Error == "" {
			t.Errorf("%q is answered %q, %v", text, line, err)
		}
	}
}

func TestAdminServesTenAtOnce(t *testing.T) {
	t.Parallel()
	begun, leave := make(chan struct{}), make(chan struct{})
	_, path := admin(t, operations{"wait": func(context.Context) (string, error) {
		begun <- struct{}{}
		<-leave
		return "done", nil
	}})
	answers := make(chan error, maxAdminAtOnce)
	for range maxAdminAtOnce {
		go func() {
			_, err := AskAdmin(context.Background(), path, "wait")
			answers <- err
		}()
	}
	for range maxAdminAtOnce {
		<-begun
	}
	if _, err := AskAdmin(t.Context(), path, "wait"); err == nil || !strings.Contains(err.Error(), "too many requests") {
		t.Errorf("the eleventh: %v", err)
	}
	close(leave)
	for range maxAdminAtOnce {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestAdminShutdownEndsHandlersAndSilentClients(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	a, path := admin(t, operations{"wait": func(ctx context.Context) (string, error) {
		close(begun)
		<-ctx.Done()
		return "", errors.New("the daemon is stopping")
	}})
	silent, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	answer := make(chan error, 1)
	go func() {
		_, err := AskAdmin(context.Background(), path, "wait")
		answer <- err
	}()
	<-begun
	if err := a.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err == nil || err.Error() != "the daemon is stopping" {
		t.Errorf("the handler's client hears %v", err)
	}
	if err := a.Run(context.Background()); err == nil {
		t.Error("Run was called twice without an error")
	}
}

func TestAskAdminWithoutADaemon(t *testing.T) {
	t.Parallel()
	if _, err := AskAdmin(t.Context(), filepath.Join(t.TempDir(), "none"), "reload"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestAskAdminEndsWithItsContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "mute")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the user left")
	time.AfterFunc(10*time.Millisecond, func() { cancel(gone) })
	if _, err := AskAdmin(ctx, path, "reload"); !errors.Is(err, gone) {
		t.Errorf("a daemon that says nothing: %v", err)
	}
}
