package host

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// A command whose input breaks off must not pass for one that had all of it,
// whatever its exit code.
func TestAnInputThatBreaksOffEndsTheCommand(t *testing.T) {
	t.Parallel()
	local, err := NewLocal("here", nil)
	if err != nil {
		t.Fatal(err)
	}
	file := quote(filepath.Join(t.TempDir(), "copy"))
	gone := errors.New("the connection was lost")
	for _, command := range []string{"cat > " + file, "trap '' TERM; cat > " + file} {
		group := NewGroup(GroupOptions{Roles: []Role{{"host", []Host{local}}}})
		in := io.MultiReader(strings.NewReader("half of"), iotest.ErrReader(gone))
		results, err := group.Run(t.Context(), command, RunOptions{Input: in})
		var broke *InputError
		if !errors.As(err, &broke) || !errors.Is(err, gone) {
			t.Errorf("%s: %v, want the input's error", command, err)
		}
		if len(results) != 1 || results[0].OK {
			t.Errorf("%s: %+v, want one result that is not ok", command, results)
		}
	}
}
