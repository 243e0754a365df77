package session

import (
	"strings"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// A run that too many failures stop says so after them, and where it was not
// started.
func TestAStoppedRunSaysWhereItWasNotStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fakes["web1"].Default(hosttest.Answer{Code: 3})
	for _, line := range []string{
		"--serial 1 --run production.web -- x",
		"--forks 1 --max-fail 0 --run production.web -- x",
		"--serial 33% --max-fail 33% --run production.web -- x",
	} {
		_, errs, code := w.exec(t, "alice", line, "")
		lines := strings.Split(errs, "\n")
		want := "deployerd: production.web --run: stopped: 1 of 3 failed, more than max_fail "
		switch {
		case code != 1 || len(lines) < 3 || !strings.Contains(lines[0], "web1: exit status 3"):
			t.Errorf("%s: %d\n%s", line, code, errs)
		case !strings.HasPrefix(lines[1], want) || !strings.HasSuffix(lines[1], " allows; not started: web[2-3]"):
			t.Errorf("%s: the second line is %q", line, lines[1])
		case !strings.Contains(lines[2], "1 failed, 2 skipped in"):
			t.Errorf("%s: the third line is %q", line, lines[2])
		}
	}
	if _, errs, code := w.exec(t, "alice", "--serial 1 --max-fail 34% --run production.web -- x", ""); code != 1 || strings.Contains(errs, "stopped") {
		t.Errorf("as many as allowed: %d\n%s", code, errs)
	}
}

func TestTheStatusTellsTheBatch(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := &live{progress: screen.NewProgress([]string{"web1", "web2"}), began: now}
	for i, want := range []string{"running 1", "batch 2, running 1"} {
		l.progress.Set("web2", screen.Running, now)
		if got := l.status(now); !strings.HasPrefix(got, want) {
			t.Errorf("after %d batches: %q, want %s...", i, got, want)
		}
		l.track(run.Event{Kind: "batch_finished"})
	}
}
