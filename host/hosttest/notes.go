package hosttest

import (
	"context"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
)

// noteHooks keep what is said of files.
type noteHooks struct{ all []string }

// Before implements host.Hooks.
func (*noteHooks) Before(context.Context, host.Call) error { return nil }

// Started implements host.Hooks.
func (*noteHooks) Started(host.Call, string) {}

// Output implements host.Hooks.
func (*noteHooks) Output(string, host.Stream, []byte) {}

// Finished implements host.Hooks.
func (n *noteHooks) Finished(_ host.Call, r host.Result) { n.all = append(n.all, r.Note) }

// After implements host.Hooks.
func (*noteHooks) After(host.Call, []host.Result) {}

// saw wants texts in the last note.
func (n *noteHooks) saw(t *testing.T, texts ...string) {
	t.Helper()
	last := n.all[len(n.all)-1]
	for _, text := range texts {
		if !strings.Contains(last, text) {
			t.Errorf("%q is not in\n%s", text, last)
		}
	}
}
