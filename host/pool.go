package host

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// PoolOptions bound the pool; zero values take the defaults named.
type PoolOptions struct {
	IdleClose             time.Duration // 10 m
	ChannelsPerConnection int           // 8
	Dials                 int           // 64: connections being made at once
	Log                   *slog.Logger  // nil discards
}

func (o PoolOptions) withDefaults() PoolOptions {
	if o.IdleClose <= 0 {
		o.IdleClose = 10 * time.Minute
	}
	if o.ChannelsPerConnection <= 0 {
		o.ChannelsPerConnection = 8
	}
	if o.Dials <= 0 {
		o.Dials = 64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

var (
	errPoolClosed = errors.New("the connection pool is shut down")
	errAbandoned  = errors.New("nobody waits for the connection any more")
)

// Pool keeps outbound SSH connections and hands out channels on them. Its key
// is address, port, login, credential (the paths of the identity files; a file
// that changes counts for the next dial), pinned key or known_hosts files, and
// time-outs: hosts that agree in all of these share connections. Dials are
// single-flight; a refused channel goes to another connection; a broken
// connection is dialled again for the next use. One user's use never needs or
// sees another's.
type Pool struct {
	known  knownHostsCache
	dialer func(ctx context.Context, address string, resolved func()) (net.Conn, error)
	ctx    context.Context // ends with Shutdown
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // flights, connections, their pings and their channels

	mu      sync.Mutex // guards all below, and every poolRemote and poolConn
	o       PoolOptions
	dials   chan struct{} // a semaphore of o.Dials
	remotes map[poolKey]*poolRemote
	born    uint64 // how many connections were made so far
	dialing int
	closed  bool
}

// NewPool makes a pool; it owns its goroutines until Shutdown.
func NewPool(o PoolOptions) *Pool {
	o = o.withDefaults()
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Pool{
		dialer:  dialTCP,
		ctx:     ctx,
		cancel:  cancel,
		o:       o,
		dials:   make(chan struct{}, o.Dials),
		remotes: make(map[poolKey]*poolRemote),
	}
}

// Reconfigure changes the bounds for what comes next; open connections stay.
// Dials that are under way do not count against a changed Dials.
func (p *Pool) Reconfigure(o PoolOptions) {
	o = o.withDefaults()
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Dials != p.o.Dials {
		p.dials = make(chan struct{}, o.Dials)
	}
	p.o = o
}

// Shutdown closes every connection and waits for the pool's goroutines, or
// until ctx ends, whose cause it then returns. Commands that still run at
// targets end as lost; using a host of this pool afterwards is an error. A
// goroutine that copies to a command's input ends when its reader returns, and
// is not waited for. Shutdown may be called again.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	var conns []*poolConn
	for _, r := range p.remotes {
		conns = append(conns, r.conns...)
	}
	p.mu.Unlock()
	p.cancel(errPoolClosed)
	for _, c := range conns {
		c.close(errPoolClosed)
	}
	done := make(chan struct{})
	go func() { p.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// HostState is what the pool knows of a host now.
type HostState struct {
	Connections int
	Channels    int
	State       string // "idle" (connected, no channel), "busy", "dialling", "closed" (never used or closed), "failed"
	LastError   error  // of the last failed dial, nil after a good one
}

// State tells the state of a host made by this pool; "closed" for any other.
// Connections and channels are those of all hosts with the same key.
func (p *Pool) State(h Host) HostState {
	s, ok := h.(*sshHost)
	if !ok || s.pool != p {
		return HostState{State: "closed"}
	}
	if err := s.route(); err != nil {
		return HostState{State: "failed", LastError: s.dialError(&stageError{StageResolve, err})}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state := HostState{LastError: s.lastErr}
	r := p.remotes[s.key]
	if r != nil {
		state.Connections, state.Channels = r.count()
	}
	switch {
	case state.Channels > 0:
		state.State = "busy"
	case state.Connections > 0:
		state.State = "idle"
	case r != nil && r.flight != nil:
		state.State = "dialling"
	case s.lastErr != nil:
		state.State = "failed"
	default:
		state.State = "closed"
	}
	return state
}

// Stats counts over all hosts.
type Stats struct{ Connections, Channels, Dialling int }

// Stats returns the pool's counts.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Dialling: p.dialing}
	for _, r := range p.remotes {
		conns, channels := r.count()
		s.Connections += conns
		s.Channels += channels
	}
	return s
}

func (p *Pool) logger() *slog.Logger {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.o.Log.With("component", "pool")
}
