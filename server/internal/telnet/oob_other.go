//go:build !linux

package telnet

import "net"

// keepUrgent does nothing here: the daemon serves on Linux.
func keepUrgent(net.Conn) error { return nil }
