package server

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long a peer has acknowledged nothing, 0 when the kernel waits
// for no acknowledgement. The kernel asks an idle peer for a sign of life (see
// keepAlive), but not one that owes it an acknowledgement: that one it would
// give a quarter of an hour. A peer that reads nothing acknowledges all the same.
func silence(nc net.Conn) time.Duration {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0 // it is closed, and who reads from it finds out
	}
	var info *unix.TCPInfo
	ctl := raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if ctl != nil || err != nil {
		return 0
	}
	// The first of either may be on its way.
	if info.Retransmits < 2 && info.Probes < 2 {
		return 0
	}
	return time.Duration(info.Last_ack_recv) * time.Millisecond
}
