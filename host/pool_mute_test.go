package host_test

import (
	"strings"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host"
)

// A target that lets one in and then answers no request for a channel is told
// of within the connect time-out, and nothing is left of it.
func TestATargetThatAnswersNoRequestForAChannel(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{mute: -1})
	o := server.options
	o.ConnectTimeout = time.Second
	pool := newPool(t, host.PoolOptions{})
	err := startError(t, t.Context(), sshHost(t, pool, "web1", o))
	if err.Stage != host.StageChannel || !strings.Contains(err.Error(), "no answer to the request for a channel within 1s") {
		t.Errorf("%v, want the stage channel and why", err)
	}
	<-server.ended
}

// What runs on such a connection is let to its end, others go to a new one, and
// the old one ends.
func TestAConnectionThatAnswersNoMoreRequestsEndsWithItsLastCommand(t *testing.T) {
	t.Parallel()
	server := startScripted(t, scripted{mute: 1, exec: untilInputEnds})
	o := server.options
	o.ConnectTimeout = time.Second
	pool := newPool(t, host.PoolOptions{})
	h := sshHost(t, pool, "web1", o)
	first := hold(t, h)
	second := hold(t, h)
	if n := server.conns.Load(); n != 2 {
		t.Errorf("%d connections, want a second one for the second command", n)
	}
	finish(t, first)
	<-server.ended
	finish(t, second)
}
