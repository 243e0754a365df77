package session

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinesKeepTheSessionsState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, errs, code := w.lines(t, "alice", strings.Join([]string{
		"env WHO='it is me' B=2", "", "   ", " cd production.web:web1", "pwd", "env", "env -u B", "env",
		"--run -- id 'open", "cd -", "pwd", "production", "pwd", "..", "version", "pwd",
	}, "\n"))
	if code != exitNotFound || errs != "deployerd: version: no such node or action here\n" {
		t.Errorf("%d %q", code, errs)
	}
	want := "/production/web:web1\nWHO=it is me\nB=2\nWHO=it is me\n/\n/production\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	lines := w.fakes["web1"].Lines()
	if len(lines) != 1 || !strings.Contains(lines[0], "it is me") || strings.Contains(lines[0], "B=2") {
		t.Errorf("%q", lines)
	}
}

func TestLinesGoOnAndEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for in, want := range map[string]struct {
		out  string
		code int
	}{
		"":                                  {"", 0},
		"answer\r\nanswer\r\n":              {"42\n42\n", 0},
		"find 'no\nsuch'\nanswer":           {"42\n", 0},
		"ans\\\nwer\n":                      {"42\n", 0},
		"answer 'open\n":                    {"", 2},
		"answer\n\\":                        {"42\n", 2},
		"exit\nanswer\n":                    {"", 0},
		"answer\nnowhere\nanswer":           {"42\n", 127},
		"--run --stdin production.web -- x": {"", 2},
		"answer\n" + strings.Repeat("a", maxLine+3): {"42\n", 2},
	} {
		out, errs, code := w.lines(t, "alice", in)
		if out != want.out || code != want.code || (code != 0) != (errs != "") {
			t.Errorf("%.40q: %q %q %d, want %+v", in, out, errs, code, want)
		}
	}
}
