package host

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// killedTime is how long a process may take to end after its target confirmed
// that its group is gone: something outside the group may hold the channel.
const killedTime = 2 * time.Second

// Kill implements Process. The group is killed over a second channel of the
// same connection, beyond the pool's bound of channels if need be; where the
// target refuses one, over another connection to the same address that showed
// the same host key. When it is not confirmed the process is given up, and
// Wait returns with its result unknown.
func (p *sshProcess) Kill(ctx context.Context) error {
	err := p.killGroup(ctx)
	if err != nil {
		p.cut()
		return fmt.Errorf("kill at %s is not confirmed: %w", p.host.name, err)
	}
	time.AfterFunc(killedTime, func() {
		select {
		case <-p.done:
		default:
			p.cut()
		}
	})
	return nil
}

func (p *sshProcess) killGroup(ctx context.Context) error {
	select {
	case <-p.note.done():
	case <-ctx.Done():
		return fmt.Errorf("it has not told its process group: %w", context.Cause(ctx))
	}
	select {
	case <-p.done:
		return p.ended()
	default:
	}
	pgid, ok := p.note.group()
	if !ok {
		return errors.New("it has told no process group")
	}
	script := killScript
	if p.pty != nil {
		script = hangUpScript
	}
	if p.gate == nil {
		return p.runKill(ctx, script(pgid, p.how.sudo), nil)
	}
	if own := p.gate.settled(); own > 1 {
		pgid = own
	}
	line, err := newLine(script(pgid, true), p.how)
	if err != nil {
		return err
	}
	gate := newSudoGate(p.gate.password)
	return p.runKill(ctx, gate.asking(line).text, gate)
}

// ended is nil when the process has ended by itself, with an exit status.
func (p *sshProcess) ended() error {
	if p.exited.Load() {
		return nil
	}
	return p.lost
}

// runKill runs the script on this connection, or on another one to the same
// target.
func (p *sshProcess) runKill(ctx context.Context, script string, gate *sudoGate) error {
	c := p.conn
	if !c.borrow() {
		return c.cause()
	}
	err := p.runOn(ctx, c, script, gate)
	var refused *startError
	if !errors.As(err, &refused) || !refused.elsewhere {
		return err
	}
	other, failed := p.host.pool.acquire(ctx, p.host, []*poolConn{c})
	if failed != nil {
		return p.host.dialError(failed)
	}
	if other.peer != c.peer {
		other.unused()
		return errors.New("another machine answers at its address")
	}
	return p.runOn(ctx, other, script, gate)
}

// runOn runs the script on a slot of c.
func (p *sshProcess) runOn(ctx context.Context, c *poolConn, script string, gate *sudoGate) error {
	k := newSSHProcess(p.host, c, script, IO{})
	k.gate = gate
	if err := k.start(ctx); err != nil {
		return err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		k.cut()
		return context.Cause(ctx)
	}
	exit, err := k.Wait()
	if err != nil {
		return err
	}
	if exit.Code != 0 {
		return fmt.Errorf("its process group is still there (exit status %d)", exit.Code)
	}
	return nil
}
