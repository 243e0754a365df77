package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// prepareTerminal makes the terminal erase whole characters of UTF-8.
func prepareTerminal(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := error(nil)
	err = conn.Control(func(fd uintptr) {
		modes, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			failed = err
			return
		}
		modes.Iflag |= unix.IUTF8
		failed = unix.IoctlSetTermios(int(fd), unix.TCSETS, modes)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("set a terminal's modes: %w", err)
	}
	return nil
}
