package server

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledger returns what makes the kernel acknowledge at once what was read.
// Linux forgets it again by itself (tcp(7), TCP_QUICKACK), so it is called
// after every read.
func acknowledger(nc net.Conn) func() {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return func() {}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) {
		// Without it all is only slower: a socket that is not TCP refuses it.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	}
	return func() { _ = raw.Control(set) }
}
