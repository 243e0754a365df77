package host

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// poolKey is what two uses must agree in to share a connection.
type poolKey struct {
	address, user           string
	via                     string // the key of the hop before
	certificates, agent     string
	password                string // its name
	alias                   string // of the host, in known
	identities, known, pin  string // paths joined by NUL; the pinned key's wire form
	connectTimeout, persist time.Duration
}

// poolRemote is what the pool has for one key. It exists while it has a
// connection, a flight or a waiter. Pool.mu guards it.
type poolRemote struct {
	key     poolKey
	conns   []*poolConn
	waiters []*poolWaiter // in order of arrival; there is a flight while there are any
	flight  *poolFlight
	limit   int // channels a connection that the target seems to allow; 0: no refusal yet
	credit  int // channels ended since limit was changed
}

// limitRecovery is how many channels must end after a refusal before one more
// on a connection is tried: a target that counts a channel that has just ended
// may refuse one that it would allow a moment later.
const limitRecovery = 16

// poolWaiter is a use that waits for a channel slot on a connection.
type poolWaiter struct {
	got   chan poolGrant // room for one: it is answered once
	host  *sshHost
	avoid []*poolConn // these refused it a channel
}

type poolGrant struct {
	conn *poolConn
	err  *stageError
}

// poolFlight is one connection being made, for everyone who waits for it.
type poolFlight struct {
	cancel context.CancelCauseFunc
	stage  atomic.Value // a Stage: how far it is
}

// stageError is a failed flight, without the name of the host: hosts of
// several names may wait for it.
type stageError struct {
	stage Stage
	err   error
}

func (r *poolRemote) count() (conns, channels int) {
	for _, c := range r.conns {
		channels += c.used
	}
	return len(r.conns), channels
}

// free returns the first connection with a free slot that w does not avoid:
// filling the first lets the last become idle.
func (r *poolRemote) free(w *poolWaiter, limit int) *poolConn {
	if r.limit > 0 {
		limit = min(limit, r.limit)
	}
	for _, c := range r.conns {
		if c.room(limit) && !slices.Contains(w.avoid, c) {
			return c
		}
	}
	return nil
}

// relax raises a learned limit slowly.
func (r *poolRemote) relax() {
	if r.limit == 0 {
		return
	}
	if r.credit++; r.credit >= limitRecovery {
		r.limit, r.credit = r.limit+1, 0
	}
}

// acquire reserves a channel slot for h, dialling when no connection has room.
// The caller must release the connection.
func (p *Pool) acquire(ctx context.Context, h *sshHost, avoid []*poolConn) (*poolConn, *stageError) {
	w := &poolWaiter{got: make(chan poolGrant, 1), host: h, avoid: avoid}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, &stageError{StageDial, errPoolClosed}
	}
	r := p.remotes[h.key]
	if r == nil {
		r = &poolRemote{key: h.key}
		p.remotes[h.key] = r
	}
	r.waiters = append(r.waiters, w)
	p.serve(r)
	p.mu.Unlock()
	select {
	case g := <-w.got:
		return g.conn, g.err
	case <-ctx.Done():
		return p.leave(r, w, context.Cause(ctx))
	}
}

// serve gives free slots to those who wait, in order, and starts a flight for
// the rest. p.mu is held.
func (p *Pool) serve(r *poolRemote) {
	r.waiters = slices.DeleteFunc(r.waiters, func(w *poolWaiter) bool {
		c := r.free(w, p.o.ChannelsPerConnection)
		if c != nil {
			p.reserve(c)
			w.got <- poolGrant{conn: c}
		}
		return c != nil
	})
	if len(r.waiters) > 0 && r.flight == nil {
		p.launch(r, r.waiters[0].host)
	}
	p.drop(r)
}

// reserve takes a slot, whatever the limit says. p.mu is held.
func (p *Pool) reserve(c *poolConn) {
	c.used++
	p.wg.Add(1)
}

// leave takes back a waiter whose context has ended. The flight goes on for
// the others, and ends when there are none.
func (p *Pool) leave(r *poolRemote, w *poolWaiter, cause error) (*poolConn, *stageError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(r.waiters, w)
	if i < 0 { // answered meanwhile
		g := <-w.got
		return g.conn, g.err
	}
	r.waiters = slices.Delete(r.waiters, i, i+1)
	stage := r.flight.stage.Load().(Stage)
	if len(r.waiters) == 0 {
		r.flight.cancel(errAbandoned)
		r.flight = nil
		p.drop(r)
	}
	return nil, &stageError{stage, cause}
}

// drop forgets a remote that has nothing left. p.mu is held.
func (p *Pool) drop(r *poolRemote) {
	if len(r.conns) == 0 && len(r.waiters) == 0 && r.flight == nil && p.remotes[r.key] == r {
		delete(p.remotes, r.key)
	}
}

// launch starts the one flight of r. p.mu is held.
func (p *Pool) launch(r *poolRemote, h *sshHost) {
	ctx, cancel := context.WithCancelCause(p.ctx)
	f := &poolFlight{cancel: cancel}
	f.stage.Store(StageResolve)
	r.flight = f
	p.dialing++
	p.wg.Add(1)
	go p.fly(ctx, r, f, h, p.dials)
}

// fly makes a connection and gives it, or what failed, to those who wait.
func (p *Pool) fly(ctx context.Context, r *poolRemote, f *poolFlight, h *sshHost, dials chan struct{}) {
	defer p.wg.Done()
	defer f.cancel(nil)
	link, failed := h.fly(ctx, &f.stage, dials)
	p.land(r, f, link, failed)
}

// fly connects to h, when it is its turn. The way through the hops before it is
// opened first: whoever waits for a connection must not keep it from its turn.
func (h *sshHost) fly(ctx context.Context, stage *atomic.Value, dials chan struct{}) (*sshLink, *stageError) {
	var tunnel net.Conn
	if h.via != nil {
		var failed *stageError
		if tunnel, failed = h.tunnel(ctx, stage); failed != nil {
			return nil, failed
		}
	}
	select {
	case dials <- struct{}{}:
		defer func() { <-dials }()
		return h.connect(ctx, stage, tunnel)
	case <-ctx.Done():
		if tunnel != nil {
			_ = tunnel.Close() // nothing was sent over it
		}
		return nil, &stageError{StageResolve, context.Cause(ctx)}
	}
}

// land ends a flight: its connection joins the pool, or its error goes to all
// who wait. Nobody waits for a flight that was cancelled.
func (p *Pool) land(r *poolRemote, f *poolFlight, link *sshLink, failed *stageError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	current := r.flight == f
	if current {
		r.flight = nil
	}
	switch {
	case failed == nil && current && !p.closed:
		p.join(r, link)
	case failed == nil:
		link.abandon(&p.wg)
		failed = &stageError{StageLogin, errPoolClosed}
		fallthrough
	default:
		if current {
			p.fail(r, failed)
		}
	}
	p.drop(r)
}

// join adds a connection. p.mu is held.
func (p *Pool) join(r *poolRemote, link *sshLink) {
	for _, w := range r.waiters {
		w.host.lastErr = nil
	}
	p.born++
	c := newPoolConn(p, r, link, p.born)
	r.conns = append(r.conns, c)
	p.wg.Add(1)
	go c.answer(link.requests, link.channels)
	p.serve(r)
}

// fail answers all waiters with an error. A changed host key also takes the
// connections made before it out of use. p.mu is held.
func (p *Pool) fail(r *poolRemote, failed *stageError) {
	for _, w := range r.waiters {
		w.host.lastErr = w.host.dialError(failed)
		w.got <- poolGrant{err: failed}
	}
	r.waiters = nil
	var key *KeyError
	if !ofHop(failed.err) && errors.As(failed.err, &key) && key.Changed {
		p.o.Log.Error("host key has changed", "component", "pool", "remote", r.key.address, "err", failed.err)
		for _, c := range r.conns {
			c.retire(errKeyChange)
		}
	}
}
