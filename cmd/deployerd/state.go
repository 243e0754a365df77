package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/deployerd/deployerd/config"
	"github.com/deployerd/deployerd/server"
)

// stateLock keeps a second daemon out of a state folder. The kernel lets go of
// it when the process ends, however it ends.
type stateLock struct{ file *os.File }

// lockState makes the state folder if it is missing and takes its lock.
func lockState(state string) (*stateLock, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(state, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(f.Name()) // only to name it; the refusal stands without
		return nil, errors.Join(fmt.Errorf("state %s is in use by another deployerd (process %s)", state, owner), f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &stateLock{f}, nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("lock the state: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return fmt.Errorf("lock the state: %w", err)
	}
	return nil
}

func (l *stateLock) release() error { return l.file.Close() }

// hostKeys reads the configured host keys, or the state's own, which is made
// at the first start.
func hostKeys(cfg *config.Config) ([][]byte, error) {
	if len(cfg.SSH.HostKeys) == 0 {
		key, err := keptKey(filepath.Join(cfg.State, "ssh_host_ed25519_key"))
		return [][]byte{key}, err
	}
	var keys [][]byte
	for _, file := range cfg.SSH.HostKeys {
		key, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read host key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// keptKey reads a private key, or makes it at the first start.
func keptKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = server.NewHostKey(); err != nil {
		return nil, err
	}
	return key, writeNew(file, key, 0o600)
}

// writeNew writes a file that must not be there yet.
func writeNew(file string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
