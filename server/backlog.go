package server

import (
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	gossh "golang.org/x/crypto/ssh"
)

// x/crypto/ssh v0.58 reads ahead: a goroutine puts what the client sends into a
// queue of 16 packets. When the library gives a connection up (a wrong packet
// before or after the login) while that queue is full, the goroutine waits for
// ever, and after a login the end of the connection is never reported. Any
// stranger can do that, with 17 packets at once. So here the queue is emptied
// when a connection has ended; and as it can be reached only from the callback
// before the authentication, an earlyGate lets less than a queue through before.

// backlog is the queue of a connection, nil when the library has changed.
func backlog(p gossh.ServerPreAuthConn) <-chan []byte {
	queue := field(field(reflect.ValueOf(p), "transport"), "incoming")
	if !queue.IsValid() || queue.Type() != reflect.TypeFor[chan []byte]() {
		return nil
	}
	return *(*chan []byte)(unsafe.Pointer(queue.UnsafeAddr())) // the field is not exported
}

// field is a field of the struct that v leads to, invalid when there is none.
func field(v reflect.Value, name string) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

const (
	// earlyBytes is room for 15 packets of the smallest size there is, 28 bytes
	// with chacha20-poly1305; the 16th is the end of the key exchange. What
	// comes here from a client is one request of about 50 bytes.
	earlyBytes = 15 * 28
	// msgNewKeys is SSH_MSG_NEWKEYS (RFC 4253 section 12).
	msgNewKeys = 21
)

// earlyGate holds a client back between the end of the key exchange and the
// beginning of the authentication.
type earlyGate struct {
	closed atomic.Bool
	left   int // bytes; only for who reads
	opened chan struct{}
	once   sync.Once
}

// observe closes the gate when the server ends its part of the key exchange;
// the type of an unencrypted packet is its sixth byte (RFC 4253 section 6).
func (g *earlyGate) observe(p []byte) {
	if !ended(g.opened) && !g.closed.Load() && len(p) > 5 && p[5] == msgNewKeys {
		g.left = earlyBytes
		g.closed.Store(true)
	}
}

// open lets everything through from now on.
func (g *earlyGate) open() { g.once.Do(func() { close(g.opened) }) }

// admit returns the part of p that may be read now. When that is nothing it
// waits for the gate to open, until the deadline; reading fails after it.
func (g *earlyGate) admit(p []byte, deadline time.Time) []byte {
	if !g.closed.Load() || ended(g.opened) {
		return p
	}
	if g.left > 0 {
		return p[:min(len(p), g.left)]
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-g.opened:
	case <-t.C:
	}
	return p
}

func (g *earlyGate) count(n int) { g.left -= n }
