package server

import (
	"context"
	"sync"
	"time"

	"charm.land/ssh"
)

// sessionContext is the context of one session. The library has one for each
// connection only: several sessions would share its values and its end.
type sessionContext struct {
	ssh.Context // the connection's: user and addresses
	life        context.Context

	mu     sync.Mutex
	values map[any]any
}

var _ ssh.Context = (*sessionContext)(nil)

// Deadline, Done and Err are those of the session's own life.
func (c *sessionContext) Deadline() (time.Time, bool) { return c.life.Deadline() }

// Done is closed when the session ends.
func (c *sessionContext) Done() <-chan struct{} { return c.life.Done() }

// Err says that the session has ended.
func (c *sessionContext) Err() error { return c.life.Err() }

// SetValue sets a value of this session.
func (c *sessionContext) SetValue(key, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
}

// Value returns a value of this session, else of its connection. The session's
// life comes first, so that context.Cause finds the session's cause.
func (c *sessionContext) Value(key any) any {
	c.mu.Lock()
	v, ok := c.values[key]
	c.mu.Unlock()
	if ok {
		return v
	}
	if v := c.life.Value(key); v != nil {
		return v
	}
	return c.Context.Value(key)
}
