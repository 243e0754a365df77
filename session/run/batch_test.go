package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
	"github.com/deployerd/deployerd/node"
)

// batchTape keeps batches and hosts' ends, as lines.
type batchTape struct{ lines []string }

func (b *batchTape) Event(e Event) error {
	switch e.Kind {
	case kindBatch:
		b.lines = append(b.lines, fmt.Sprintf("batch %s ok %d failed %d", strings.Join(e.Hosts, ","), e.Counts[OK], e.Counts[Failed]))
	case kindHostFinished:
		text := ""
		if e.Err != nil && e.Status == Skipped {
			text = " " + e.Err.Error()
		}
		b.lines = append(b.lines, fmt.Sprintf("%s %s%s", e.Host, e.Status, text))
	}
	return nil
}

func serialOf(t *testing.T, text string) node.Serial {
	t.Helper()
	s, err := node.ParseSerial(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBatchesOfARun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4, map[string]function{
		"deploy": command("deploy", host.RunOptions{}),
	})
	const why = "1 of 4 failed, more than max_fail 0 allows"
	for _, c := range []struct {
		name    string
		path    string
		action  string
		unreach bool
		maxFail *node.MaxFail
		want    []string
		status  Status
		code    int
	}{
		{
			name: "an action", path: "cells.web", action: "deploy", status: Failed, code: 1,
			want: []string{"web1 failed", "batch web1 ok 0 failed 1", "web2 skipped not started: " + why, "web3 skipped not started: " + why, "web4 skipped not started: " + why},
		},
		{
			name: "a command", path: "cells.web", action: "$ deploy", status: Failed, code: 1,
			want: []string{"web1 failed", "batch web1 ok 0 failed 1", "web2 skipped " + why, "web3 skipped " + why, "web4 skipped " + why},
		},
		{
			name: "a command of a plain node", path: "all", action: "$ deploy", status: Failed, code: 1, unreach: true,
			want: []string{"web1 unreachable", "batch web1 ok 0 failed 1", "web2 skipped " + why, "web3 skipped " + why, "web4 skipped " + why},
		},
		{
			name: "unreachable ones stop an action", path: "cells.web", action: "deploy", status: Failed, code: 1, unreach: true,
			want: []string{"web1 unreachable", "batch web1 ok 0 failed 1", "web2 skipped not started: " + why, "web3 skipped not started: " + why, "web4 skipped not started: " + why},
		},
		{
			name: "as many as allowed", path: "cells.web", action: "deploy", status: Failed, code: 1, maxFail: &node.MaxFail{Amount: node.Amount{N: 1}},
			want: []string{
				"web1 failed", "batch web1 ok 0 failed 1", "web2 ok", "batch web2 ok 1 failed 0",
				"web3 ok", "batch web3 ok 1 failed 0", "web4 ok", "batch web4 ok 1 failed 0",
			},
		},
	} {
		answer := hosttest.Answer{Code: 3}
		if c.unreach {
			answer = hosttest.Answer{StartErr: unreachable("web1")}
		}
		f.fakes["web1"].Default(answer)
		s := f.spec(c.path, c.action)
		s.Serial, s.MaxFail = serialOf(t, "1"), c.maxFail
		sink := &batchTape{}
		s.Sink = sink
		o := f.start(s).Outcome()
		if diff := cmp.Diff(c.want, sink.lines); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if o.Status != c.status || o.ExitCode != c.code {
			t.Errorf("%s: %s, exit code %d; want %s, %d", c.name, o.Status, o.ExitCode, c.status, c.code)
		}
	}
}
