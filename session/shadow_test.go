package session

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

func TestNamesOfCommandsAreTold(t *testing.T) {
	t.Parallel()
	quiet := act("", func(context.Context, *node.Env, node.Args) (any, error) { return nil, nil })
	site := plain(t, with("status", quiet), with("deploy", quiet), with("monitor", plain(t, with("status", quiet))))
	tree, err := node.NewTree(plain(t, with("site", site), with("_ls", quiet)), "v1")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/site/status (and 1 more) has the name of a command: where it stands, ./status reaches it",
		"/site/monitor has the name of a command: where it stands, ./monitor reaches it",
	}
	if diff := cmp.Diff(want, Shadowed(tree)); diff != "" {
		t.Error(diff)
	}
}
