package server

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/deployerd/deployerd/session"
)

// cutOff makes the kernel drop whatever comes to nc: it acknowledges nothing
// more, as behind a network that was cut.
func cutOff(t *testing.T, nc *net.TCPConn) {
	t.Helper()
	raw, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	if ctl := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(drop)), Filter: &drop[0]})
	}); ctl != nil || err != nil {
		t.Fatal(ctl, err)
	}
}

// The kernel's own signs of life stop while something waits to be acknowledged.
func TestTelnetPeerThatIsCutOffDuringOutputIsALoss(t *testing.T) {
	t.Parallel()
	h := startTelnet(t, func(h *house, _ *Options) { h.keepalive = keepalive{every: 50 * time.Millisecond, missed: 3} })
	w := h.wire()
	w.enter("bob", "secret")
	w.await("> ")
	w.send("flood\r\n")
	w.await("xxxx")
	cutOff(t, w.Conn.(*net.TCPConn))
	if ends := h.door.lives.waitEnds(1); !errors.Is(ends[0], session.ErrLost) {
		t.Errorf("ended with %v", ends[0])
	}
}

// Who only stops reading (a suspended client) is there.
func TestTelnetPeerThatStopsReadingIsNotSilent(t *testing.T) {
	t.Parallel()
	_, nc := connected(t)
	err := nc.SetWriteDeadline(time.Now().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // until the peer's window is full, and probed some times
		_, err = nc.Write(make([]byte, 64<<10))
	}
	if s := silence(nc); s != 0 {
		t.Errorf("silent for %v", s)
	}
}
