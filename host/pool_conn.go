package host

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// keepaliveMisses is how many unanswered keepalives end a connection.
const keepaliveMisses = 3

var (
	errKeepalive = fmt.Errorf("it did not answer %d keepalives", keepaliveMisses)
	errIdle      = errors.New("it was idle")
	errKeyChange = errors.New("the target's host key has changed")
	errRefuses   = errors.New("it refuses channels")
)

// sshLink is a connection fresh from the handshake. Requests and channels must
// be read until they are closed.
type sshLink struct {
	conn     ssh.Conn
	channels <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	peer     string // its network address and host key
}

// abandon closes a link that nobody wants. wg waits for its end.
func (l *sshLink) abandon(wg *sync.WaitGroup) {
	_ = l.conn.Close() // nothing was sent over it
	wg.Go(func() { ssh.DiscardRequests(l.requests) })
	wg.Go(func() {
		for n := range l.channels {
			_ = n.Reject(ssh.Prohibited, "closed") // fails: it is closed
		}
	})
}

// poolConn is one connection of the pool. Pool.mu guards what may change.
type poolConn struct {
	pool    *Pool
	remote  *poolRemote
	ssh     ssh.Conn
	peer    string
	born    uint64        // see Pool.born
	persist time.Duration // between keepalives
	dead    chan struct{} // closed when the connection has ended

	used      int   // channel slots taken
	open      int   // of them, channels that the target opened
	proven    bool  // it opened a channel once
	retired   error // why it takes no new channels and ends with the last one
	mute      bool  // it left a request for a channel unanswered: it ends with the last open one
	gone      bool  // not in the pool any more
	idleSince time.Time
	nextPing  time.Time
	pinging   bool
	missed    int
	reason    error // why we closed it
	timer     *time.Timer
}

// newPoolConn makes a connection and starts its timer. p.mu is held.
func newPoolConn(p *Pool, r *poolRemote, link *sshLink, born uint64) *poolConn {
	now := time.Now()
	c := &poolConn{
		pool: p, remote: r, ssh: link.conn, peer: link.peer, born: born, persist: r.key.persist,
		dead: make(chan struct{}), idleSince: now, nextPing: now.Add(r.key.persist),
	}
	c.timer = time.AfterFunc(c.interval(), c.tick)
	return c
}

// interval is the time between two looks at the connection.
func (c *poolConn) interval() time.Duration { return min(c.persist, c.pool.o.IdleClose) }

// room tells whether one more channel may be opened.
func (c *poolConn) room(limit int) bool {
	return c.used < limit && c.retired == nil && !c.gone
}

// answer refuses what the target asks of us, until the connection ends.
func (c *poolConn) answer(requests <-chan *ssh.Request, channels <-chan ssh.NewChannel) {
	defer c.pool.wg.Done()
	for requests != nil || channels != nil {
		select {
		case r, ok := <-requests:
			if !ok {
				requests = nil
			} else if r.WantReply {
				_ = r.Reply(false, nil) // fails only with the connection
			}
		case n, ok := <-channels:
			if !ok {
				channels = nil
			} else {
				_ = n.Reject(ssh.Prohibited, "no channels from targets")
			}
		}
	}
	c.forget()
}

// forget takes the ended connection out of the pool.
func (c *poolConn) forget() {
	p := c.pool
	err := c.ssh.Wait() // it has ended already
	p.mu.Lock()
	c.unlink()
	if c.reason == nil {
		c.reason = err
	}
	p.o.Log.Debug("connection closed", "component", "pool", "remote", c.remote.key.address, "err", c.reason)
	p.mu.Unlock()
	close(c.dead)
}

// unlink removes the connection from its remote. p.mu is held.
func (c *poolConn) unlink() {
	c.timer.Stop()
	if c.gone {
		return
	}
	c.gone = true
	r := c.remote
	r.conns = slices.DeleteFunc(r.conns, func(o *poolConn) bool { return o == c })
	if !c.pool.closed {
		c.pool.serve(r)
	}
	c.pool.drop(r)
}

// close ends the connection for a reason, which commands that run on it see;
// nil if it has ended by itself.
func (c *poolConn) close(reason error) {
	c.pool.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.unlink()
	c.pool.mu.Unlock()
	_ = c.ssh.Close() // the connection's end is seen by answer
}

// retire takes the connection out of use: at once when it is idle, else with
// its last channel. p.mu is held.
func (c *poolConn) retire(reason error) {
	c.retired = reason
	if c.used == 0 && !c.gone {
		c.reason = reason
		_ = c.ssh.Close() // the connection's end is seen by answer
	}
}

// opened counts a channel that the target opened.
func (c *poolConn) opened() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.open++
	c.proven = true
}

// refused gives the slot of a refused channel back, and tells whether the
// target refuses all of them. Otherwise it has learned how many are allowed.
func (c *poolConn) refused() (all bool) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.remote.limit, c.remote.credit = max(1, c.open), 0
	all = !c.proven && c.used == 1 // the outcome of no other is open
	if all {
		c.retired = errRefuses
	}
	c.release()
	return all
}

// unanswered takes the connection out of use, because a request for a channel
// was not answered in time, and says so. Commands on other channels are let to
// their ends.
func (c *poolConn) unanswered(after time.Duration) error {
	err := fmt.Errorf("no answer to the request for a channel within %s", after)
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.mute, c.retired = true, err
	c.endMute()
	return err
}

// endMute ends a mute connection that has no open channel. p.mu is held.
func (c *poolConn) endMute() {
	if !c.mute || c.open > 0 || c.gone {
		return
	}
	if c.reason == nil {
		c.reason = c.retired
	}
	_ = c.ssh.Close() // the connection's end is seen by answer
}

// finished gives back the slot of a channel that was open.
func (c *poolConn) finished() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.open--
	c.endMute()
	c.remote.relax()
	c.release()
}

// broken gives back the slot of a use that found the connection unusable, ends
// the connection, and says how it had broken.
func (c *poolConn) broken() error {
	c.close(nil)
	c.unused()
	<-c.dead
	return c.reason
}

// borrow takes a slot beyond the limit, unless the connection has ended.
func (c *poolConn) borrow() bool {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if c.gone || c.pool.closed {
		return false
	}
	c.pool.reserve(c)
	return true
}

// unused gives back a slot on which no channel was asked for.
func (c *poolConn) unused() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.release()
}

// release gives a slot back. p.mu is held.
func (c *poolConn) release() {
	c.used--
	if c.used == 0 {
		c.idleSince = time.Now()
		if c.retired != nil {
			c.retire(c.retired)
		}
	}
	if !c.gone && !c.pool.closed {
		c.pool.serve(c.remote)
	}
	c.pool.wg.Done()
}

// tick looks at the connection: idle for too long, silent for too long, or
// time to ask whether it lives.
func (c *poolConn) tick() {
	c.pool.mu.Lock()
	if c.gone || c.pool.closed {
		c.pool.mu.Unlock()
		return
	}
	now := time.Now()
	c.pool.wg.Add(1)
	end, ping := c.look(now)
	if end != nil {
		c.unlink() // before anyone can take a slot
	} else {
		c.timer.Reset(c.interval())
	}
	c.pool.mu.Unlock()
	defer c.pool.wg.Done()
	if end != nil {
		c.close(end)
	} else if ping {
		c.keepalive()
	}
}

// look says whether to end the connection, and whether to ping it. p.mu is
// held.
func (c *poolConn) look(now time.Time) (end error, ping bool) {
	if c.used == 0 && now.Sub(c.idleSince) >= c.pool.o.IdleClose {
		return errIdle, false
	}
	if now.Before(c.nextPing) {
		return nil, false
	}
	c.nextPing = now.Add(c.persist)
	if !c.pinging {
		c.pinging = true
		return nil, true
	}
	if c.missed++; c.missed >= keepaliveMisses {
		return errKeepalive, false
	}
	return nil, false
}

// keepalive asks once, and notes an answer. The library tells a failed write
// only to the next one, so this may be where it shows.
func (c *poolConn) keepalive() {
	if err := c.ping(); err != nil {
		c.close(err)
		return
	}
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pinging = false
	c.missed = 0
}

// ping waits until the target has answered: yes or no, both are life. All that
// it sent before has then arrived.
func (c *poolConn) ping() error {
	_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

// cause says why a channel ended without an exit status: how the connection
// ended, or, if that lives, that the target closed the channel. The caller
// holds a slot.
func (c *poolConn) cause() error {
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	alive := make(chan struct{})
	c.pool.wg.Go(func() {
		if c.ping() == nil {
			close(alive)
		}
	})
	select {
	case <-c.dead:
		return c.reason
	case <-alive:
	case <-patience.C:
	}
	return errors.New("the target closed the channel")
}
