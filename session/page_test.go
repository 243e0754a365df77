package session

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/host"
)

func TestPaging(t *testing.T) {
	t.Parallel()
	lines := strings.Fields("1 2 3 4 5 6 7 8 9 \x1b]0;x\x07")
	const ask2, erase = "\x1b[7m-- 2 of 10 lines: space, b, q --\x1b[0m", "\r\x1b[K"
	for name, c := range map[string]struct {
		keys, want string
		err        error
	}{
		"enough":      {"q", "1\r\n2\r\n" + ask2 + erase, nil},
		"a line":      {"x\rq", "1\r\n2\r\n" + ask2 + erase + "3\r\n" + strings.Replace(ask2, "2", "3", 1) + erase, nil},
		"interrupted": {"\x03", "1\r\n2\r\n" + ask2 + erase, errInterrupted},
		"gone":        {"", "1\r\n2\r\n" + ask2, errNobodyThere},
		"the end":     {"G", "1\r\n2\r\n" + ask2 + erase + "3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n\\x1b]0;x\\x07\r\n", nil},
	} {
		var out strings.Builder
		p := &paging{lines: lines, t: host.TerminalIO{
			Pty: host.Pty{Width: 80, Height: 3}, Input: io.NopCloser(strings.NewReader(c.keys)), Output: &out,
		}}
		if err := p.show(); err != c.err {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
