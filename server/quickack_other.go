//go:build !linux

package server

import "net"

// acknowledger does nothing where TCP_QUICKACK is not known.
func acknowledger(net.Conn) func() { return func() {} }
