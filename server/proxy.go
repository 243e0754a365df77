package server

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

// readProxyHeader reads the PROXY header (versions 1 and 2) that a trusted load
// balancer must send, and takes the client's address from it. local says that
// the balancer speaks for itself, as in a health check. The deadline of the
// login holds for the header too.
func (c *conn) readProxyHeader() (local bool, err error) {
	br := bufio.NewReaderSize(c.Conn, 256)
	h, err := proxyproto.Read(br)
	if err != nil {
		return false, fmt.Errorf("read PROXY header: %w", err)
	}
	c.reader = br
	if h.Command.IsLocal() {
		return true, nil
	}
	from, ok := h.SourceAddr.(*net.TCPAddr)
	if !ok {
		return false, errors.New("read PROXY header: the source is not a TCP address")
	}
	c.remote = from
	return false, nil
}

// addrOf returns the address behind a, unmapped and without a zone, so that
// networks match it; it is invalid when a is not a TCP address.
func addrOf(a net.Addr) netip.Addr {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return t.AddrPort().Addr().Unmap().WithZone("")
}
