package session

import (
	"errors"
	"fmt"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// stopped says that a run started nothing further because too many had failed,
// and on which hosts it was not started; "" when it was not stopped, or where
// its error alone says so.
func stopped(where string, o run.Outcome) string {
	var names []string
	var why *node.MaxFailError
	for _, h := range o.Hosts {
		if h.Status == run.Skipped && errors.As(h.Err, &why) {
			names = append(names, printable(h.Host))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s: stopped: %v; not started: %s\n", where, why, screen.Names(names))
}
