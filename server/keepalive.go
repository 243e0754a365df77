package server

import "time"

// keepalive says how often a client is asked for a sign of life, and how many
// of these times it may be silent.
type keepalive struct {
	every  time.Duration
	missed int
}

// startPings begins the asking. Between two questions there is only a timer, no
// goroutine: thousands of idle connections are cheap.
func (c *client) startPings() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.pings = time.AfterFunc(c.srv.keepalive.every, c.ping)
	}
}

// ping asks once, and closes the connection when no answer comes in time; any
// answer is one, a refusal too.
func (c *client) ping() {
	if !c.srv.enter() {
		return
	}
	defer c.srv.wg.Done()
	k := c.srv.keepalive
	watchdog := time.AfterFunc(k.every*time.Duration(k.missed), func() {
		c.log.Info("no sign of life")
		_ = c.conn.Close()
	})
	defer watchdog.Stop()
	if sc := c.serverConn(); sc != nil {
		if _, _, err := sc.SendRequest("keepalive@openssh.com", true, nil); err != nil {
			return // it has ended
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.pings.Reset(k.every)
	}
}
