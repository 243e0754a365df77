package session

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/run"
)

// conclude says how the run ended and gives its exit code.
func (f *follower) conclude(r *run.Run) error {
	o := r.Outcome()
	var err error
	switch {
	case f.spec.Connect && len(o.Hosts) == 1 && o.Hosts[0].ExitCode != nil: // the user has seen how it ended
	case f.live != nil && len(o.Hosts) > 1:
		err = f.live.summarize(r.Info(), o)
	case !f.out.json:
		err = f.summarize(r.Info(), o)
	}
	if err = errors.Join(f.err, err); err != nil && o.ExitCode == exitOK {
		return fmt.Errorf("write the run's output: %w", err)
	}
	if o.ExitCode == exitOK {
		return nil
	}
	return &silentError{o.ExitCode}
}

// summarize writes what went wrong, and the counts where there is more than
// one host or none is well.
func (f *follower) summarize(i run.Info, o run.Outcome) error {
	var text strings.Builder
	where := label(i.Path, i.Action)
	told := false
	shown := f.spec.Command // the user knows that one
	for _, h := range o.Hosts {
		if h.Status == run.OK || h.Status == run.Skipped {
			continue
		}
		told = true
		text.WriteString(where + ": " + hostFailure(h, f.spec.Node) + "\n")
		if command := failedCommand(h.Err); command != "" && command != shown {
			text.WriteString(h.Host + ": the command was: " + firstLine(command) + "\n")
			shown = command
		}
	}
	if o.Err != nil && !told {
		text.WriteString(runFailure(where, o.Err, f.spec.Node))
	}
	text.WriteString(stopped(where, o))
	if len(o.Hosts) > 1 || o.Status != run.OK {
		text.WriteString(summary(i, o) + "\n")
	}
	switch {
	case text.Len() == 0:
		return nil
	case f.out.display != nil && o.Status != run.OK:
		return f.out.write(f.out.stderr, f.out.words(text.String(), red))
	}
	return f.out.say(text.String())
}

// hostFailure is what went wrong on one host.
func hostFailure(h run.HostOutcome, at *node.Node) string {
	text := string(h.Status)
	if h.Err != nil {
		text = ownPart(h.Err, at).Error()
	}
	text = strings.TrimPrefix(text, h.Host+": ")
	if h.Unconfirmed && !strings.Contains(text, "did not confirm") {
		text += "; it did not confirm that the command ended"
	}
	return h.Host + ": " + text
}

// failedCommand is the command whose exit code made a host fail, or "".
func failedCommand(err error) string {
	var exit *host.ExitError
	if !errors.As(err, &exit) {
		return ""
	}
	return exit.Command
}

// ownPart takes away what an error says of the run's own node and action,
// which the line begins with already.
func ownPart(err error, at *node.Node) error {
	for {
		e, ok := err.(*node.ActionError)
		if !ok || !sameRulePath(e.Path, at) {
			return err
		}
		err = e.Err
	}
}

// sameRulePath says whether a path is a node's, or that of one of its cells.
func sameRulePath(path string, at *node.Node) bool {
	own := at.Path()
	return path == own || strings.HasPrefix(path, own+":")
}

// runFailure is the error of a run that no host is behind, with its backtrace.
func runFailure(where string, err error, at *node.Node) string {
	text := where + ": " + strings.TrimPrefix(ownPart(err, at).Error(), label(at.Path(), "")+": ") + "\n"
	var action *node.ActionError
	if errors.As(err, &action) && action.Trace != "" {
		text += action.Trace + "\n"
	}
	return text
}

// summary is a run in one line.
func summary(i run.Info, o run.Outcome) string {
	counts := make(map[run.Status]int)
	for _, h := range o.Hosts {
		counts[h.Status]++
	}
	var parts []string
	for _, s := range []run.Status{run.OK, run.Failed, run.Timeout, run.Unreachable, run.Unknown, run.Cancelled, run.Skipped} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	if counts[run.Skipped] == len(o.Hosts) {
		parts = []string{string(o.Status)} // no host was used
	}
	text := strings.Join(parts, ", ") + " in " + elapsed(time.Since(i.Started))
	if i.Sandbox {
		text += ", sandbox: nothing was changed"
	}
	return text + " (run " + i.Run + ")"
}

// elapsed is a time as a person reads it.
func elapsed(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d m", int(d.Hours()), int(d.Minutes())%60)
}
