package server

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// quickack is the option of a connection, after set changed it.
func quickack(t *testing.T, nc *net.TCPConn, set func(fd int) error) int {
	t.Helper()
	raw, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var on int
	if ctl := raw.Control(func(fd uintptr) {
		if set != nil {
			err = set(int(fd))
		}
		if err == nil {
			on, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK)
		}
	}); ctl != nil || err != nil {
		t.Fatal(ctl, err)
	}
	return on
}

// Without it an OpenSSH client without a terminal waits 40 ms for each small
// packet.
func TestEveryReadIsAcknowledgedAtOnce(t *testing.T) {
	t.Parallel()
	peer, nc := connected(t)
	tcp := nc.(*net.TCPConn)
	c, err := newConn(nc, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	c.client = &client{}
	for range 3 {
		if on := quickack(t, tcp, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0)
		}); on != 0 {
			t.Fatal("the option cannot be taken away")
		}
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if on := quickack(t, tcp, nil); on != 1 {
			t.Error("what was read waits to be acknowledged")
		}
	}
}
