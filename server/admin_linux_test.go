package server

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAdminRefusesOtherUsers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	called := false
	_, path := admin(t, operations{"reload": func(context.Context) (string, error) { called = true; return "", nil }})
	if err := os.Chmod(path, 0o666); err != nil { // the credentials alone must do
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		// The thread takes another user and ends with the goroutine, as it stays
		// locked.
		runtime.LockOSThread()
		if _, _, e := syscall.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 65534, ^uintptr(0)); e != 0 {
			result <- e
			return
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
		if err != nil {
			result <- err
			return
		}
		f := os.NewFile(uintptr(fd), path)
		defer f.Close()
		_, _ = f.WriteString(`{"op":"reload"}` + "\n") // it can be closed already
		var a adminAnswer
		if err := json.NewDecoder(f).Decode(&a); err != nil {
			result <- err
			return
		}
		result <- errors.New(a.Error)
	}()
	if err := <-result; err == nil || !strings.Contains(err.Error(), "own user and root") {
		t.Errorf("another user is told: %v", err)
	}
	if called {
		t.Error("another user reloaded")
	}
}
