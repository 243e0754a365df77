package run

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// lent is a person's terminal.
type lent struct {
	screen strings.Builder
	times  int
	back   int
}

func (l *lent) Lend(context.Context) (host.TerminalIO, func(), error) {
	l.times++
	return host.TerminalIO{Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, Output: &l.screen}, func() { l.back++ }, nil
}

func connecting(f *fixture, l *lent) Spec {
	s := f.spec("cells.web:web1", "$ ")
	s.Command, s.Connect = "", true
	if l != nil {
		s.Terminal = l
	}
	return s
}

func TestConnectIsOneIntentAndOneEnd(t *testing.T) {
	t.Parallel()
	f, l := newFixture(t, 2, nil), &lent{}
	f.fakes["web1"].Default(hosttest.Answer{Stdout: "web1 $ ", Code: 3})
	r, tape := f.runs(connecting(f, l))
	if o := r.Outcome(); o.ExitCode != 3 || o.Status != Failed {
		t.Errorf("%v %d, want the shell's own code 3", o.Status, o.ExitCode)
	}
	if l.screen.String() != "web1 $ " || l.times != 1 || l.back != 1 {
		t.Errorf("the screen is %q, lent %d times, given back %d times", l.screen.String(), l.times, l.back)
	}
	wantLines(t, audited(f.records()),
		`intent 0 alice /cells/web:web1 --connect [] [web1]`,
		`end 0 failed web1=failed(3) # web1: exit status 3`)
	for _, e := range tape.all() {
		if strings.Contains(e, "web1 $ ") {
			t.Errorf("the terminal's output is an event too: %s", e)
		}
	}
}

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	f, l := newFixture(t, 2, nil), &lent{}
	several := connecting(f, l)
	several.Node = f.spec("all", "$ x").Node
	sandbox := connecting(f, l)
	sandbox.Sandbox = true
	sudo := connecting(f, l)
	sudo.Sudo = true
	for name, s := range map[string]Spec{
		"--connect is for one host, and /all has 2":             several,
		"--connect needs a terminal, and this session has none": connecting(f, nil),
		"--connect: a sandbox opens no terminal":                sandbox,
		"--connect: neither sudo nor an input goes with it":     sudo,
	} {
		if _, err := f.Start(t.Context(), s); err == nil || err.Error() != name {
			t.Errorf("%v, want %s", err, name)
		}
	}
	if n := len(f.records()); n > 0 || l.times > 0 {
		t.Errorf("%d records, lent %d times", n, l.times)
	}
}

// The default time-out of runs does not end a person's shell; a cancel does.
func TestConnectLastsUntilItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, l := newUnaudited(t, 1, nil), &lent{}
		f.SetDefaults(Defaults{Timeout: time.Minute})
		f.fakes["web1"].Default(hosttest.Answer{Block: make(chan struct{})})
		r := f.start(connecting(f, l))
		time.Sleep(time.Hour)
		select {
		case <-r.Done():
			t.Fatalf("it ended: %+v", r.Outcome())
		default:
		}
		r.Cancel(nil)
		if o := r.Outcome(); o.Status != Cancelled || o.ExitCode != 130 || l.back != 1 {
			t.Errorf("%v %d, given back %d times", o.Status, o.ExitCode, l.back)
		}
	})
}
