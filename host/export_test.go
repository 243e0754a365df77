package host

import (
	"context"
	"net"
)

// SetDialer replaces how a pool makes network connections.
func SetDialer(p *Pool, dial func(ctx context.Context, address string) (net.Conn, error)) {
	p.dialer = func(ctx context.Context, address string, _ func()) (net.Conn, error) { return dial(ctx, address) }
}
