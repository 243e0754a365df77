package telnet

import (
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepUrgent makes the kernel leave TCP's urgent byte among the others. A client
// may send IAC DM as urgent data (RFC 854, Synch); taken out, it would leave half
// a command, which eats or adds a character.
func keepUrgent(nc net.Conn) error {
	for {
		if sc, ok := nc.(syscall.Conn); ok {
			return setInline(sc)
		}
		wrapper, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil // no socket: nothing is urgent there
		}
		nc = wrapper.NetConn()
	}
}

func setInline(sc syscall.Conn) error {
	raw, err := sc.SyscallConn()
	if err != nil {
		return fmt.Errorf("keep urgent data in line: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_OOBINLINE, 1)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("keep urgent data in line: %w", err)
	}
	return nil
}
