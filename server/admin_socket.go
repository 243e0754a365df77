package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// vacant says whether a socket may be made at path.
func vacant(path string) error {
	if len(path) > maxAdminSockPath {
		return fmt.Errorf("admin socket %s: the path has %d bytes, at most %d are possible", path, len(path), maxAdminSockPath)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("admin socket: %w", err)
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("admin socket %s: there is something else at that path", path)
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = nc.Close()
		return fmt.Errorf("admin socket %s: another daemon answers there", path)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return nil // dead
	default:
		return fmt.Errorf("admin socket %s: is somebody there? %w", path, err)
	}
}

// listenPrivate makes the socket in a folder that only we can enter and moves
// it to its place when its mode is right, so that nobody can be first.
func listenPrivate(path string) (*net.UnixListener, os.FileInfo, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".a")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // at worst an empty folder stays
	at := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := place(at, path)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return l, info, nil
}

func place(at, path string) (os.FileInfo, error) {
	if err := os.Chmod(at, 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(at, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// ownOrRoot says who may ask.
func ownOrRoot(uid uint32) bool { return uid == 0 || int(uid) == os.Geteuid() }
