package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// logging makes a target write down what it is given, with the address it was
// given at, before it runs it: entries end with NUL.
const logging = `SetEnv HOME=%[1]s
ForceCommand printf '%%s %%s\0' "$SSH_CONNECTION" "$SSH_ORIGINAL_COMMAND" >> %[1]s/commands; exec sh -c "$SSH_ORIGINAL_COMMAND"
`

// intent is what the journal's records are read for.
type intent struct {
	Kind  string
	Run   string
	Args  []string
	Hosts []string
}

// The daemon is killed at any moment of several runs and started again: the
// targets' own logs hold nothing that the journal has no intent for, and
// nothing twice.
func TestKilledAtAnyMomentNoCommandIsWithoutItsIntent(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := startSSHD(t, fmt.Sprintf(logging, home))
	d := startDaemon(t, daemonOptions{
		tree: fmt.Sprintf(`
def mark(env, name):
    env.host.run("echo one-" + name)
    env.host.run("echo two-" + name)

root = node(web = parallel_node(mark = mark).array(hosts = {"host": %s}))
`, s.hosts(20)),
		knownHosts: s.knownHosts(t, 20), identity: s.key, users: []string{"alice"},
	})
	kills := 10
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		kills = 200
	}
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for i := range kills {
		var runs []*process
		for n := range 3 {
			runs = append(runs, d.startSSH(t, "alice", "web", "mark", fmt.Sprintf("%d-%d", i, n)))
		}
		<-time.After(time.Duration(random.IntN(700)) * time.Millisecond) // any moment is as good
		_ = d.cmd.Process.Kill()
		_ = d.wait()
		for _, r := range runs {
			finish(t, r)
		}
		d.serve(t)
	}
	if r := d.ssh(t, "alice", "web", "mark", "end"); r.code != 0 {
		t.Error(r)
	}
	compareLogs(t, filepath.Join(home, "commands"), records(t, d.file("state", "journal")))
}

// compareLogs finds the intent of each command that a target was given.
func compareLogs(t *testing.T, log string, intents []intent) {
	t.Helper()
	seen := make(map[string]bool)
	entries := strings.Split(strings.TrimSuffix(read(t, log), "\x00"), "\x00")
	for _, entry := range entries {
		_, command, ok := strings.Cut(entry, "'echo ")
		command, _, ended := strings.Cut(command, "'")
		at := strings.Fields(entry)
		if !ok || !ended || len(at) < 4 {
			continue // a kill's, or how a group is found
		}
		name := "web" + strings.TrimPrefix(at[2], "127.0.1.")
		if seen[name+command] {
			t.Errorf("%s got %q twice", name, command)
		}
		seen[name+command] = true
		if !slices.ContainsFunc(intents, func(i intent) bool {
			return i.Kind == "intent" && slices.Contains(i.Args, "echo "+command) && slices.Contains(i.Hosts, name)
		}) {
			t.Errorf("%s got %q without an intent", name, command)
		}
	}
	t.Logf("%d commands at targets, %d records", len(seen), len(intents))
	if len(seen) < 40 {
		t.Errorf("the targets were given %d commands; the last run alone has 40", len(seen))
	}
}

// records reads the audit's records out of the journal's files.
func records(t *testing.T, dir string) []intent {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "audit/jetstream/*/streams/AUDIT/msgs/*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no blocks: %v", err)
	}
	var all []intent
	for _, file := range files {
		for line := range bytes.SplitSeq([]byte(read(t, file)), []byte("\n")) {
			at := bytes.Index(line, []byte(`{"seq":`))
			if at < 0 {
				continue
			}
			var i intent
			if err := json.Unmarshal(line[at:], &i); err != nil {
				t.Fatalf("%q: %v", line[at:], err)
			}
			all = append(all, i)
		}
	}
	return all
}
