package integration

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func sorted(l []string) []string {
	sort.Strings(l)
	return l
}

// expect fails unless a line did exactly this; stderr is not compared.
func expect(t *testing.T, r result, code int, stdout string) {
	t.Helper()
	if r.code != code || r.stdout != stdout {
		t.Errorf("want exit %d and stdout %q, got %s", code, stdout, r)
	}
}

func TestAnActionRunsOnTwentyHosts(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := d.ssh(t, "alice", "production.web", "deploy", "v1.2")
	var want []string
	for i := 1; i <= 20; i++ {
		want = append(want, fmt.Sprintf("web%d: v1.2", i))
	}
	if diff := cmp.Diff(sorted(want), sorted(lines(r.stdout))); r.code != 0 || diff != "" {
		t.Errorf("%s\n%s", diff, r)
	}
	if !strings.Contains(r.stderr, "20 ok") {
		t.Errorf("no summary: %s", r.stderr)
	}
}

func TestOneFailingHostFailsTheRunAndLosesNoOther(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := d.ssh(t, "alice", "production.web", "deploy", "v1", "broken=web3")
	if got := len(lines(r.stdout)); r.code != 1 || got != 20 {
		t.Errorf("want exit 1 and 20 lines, got %s", r)
	}
	if !strings.Contains(r.stderr, "web3: it broke\n") {
		t.Errorf("web3's stderr is lost: %s", r)
	}
	var ours []string
	for _, line := range lines(r.stderr) {
		if strings.HasPrefix(line, "deployerd: ") {
			ours = append(ours, line)
		}
	}
	if len(ours) < 2 || ours[0] != "deployerd: production.web deploy: web3: exit status 3" {
		t.Errorf("our first line does not say what went wrong: %q", ours)
	}
	if !strings.Contains(r.stderr, "19 ok") || !strings.Contains(r.stderr, "1 failed") {
		t.Errorf("no summary: %s", r)
	}
}

func TestForksBoundHowManyRunAtOnce(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	dir := t.TempDir()
	file := filepath.Join(dir, "log")
	write(t, file, "")
	p := d.startSSH(t, "alice", "--", "--forks", "4", "--limit", "web1?", "production.web", "gate", dir)
	poll(t, "four hosts run at once", func() bool { return strings.Count(read(t, file), "+") == 4 })
	write(t, filepath.Join(dir, "go"), "")
	if r := finish(t, p); r.code != 0 {
		t.Fatal(r)
	}
	now, most, total := 0, 0, 0
	for _, line := range lines(read(t, file)) {
		if line == "-" {
			now--
			continue
		}
		now++
		total++
		most = max(most, now)
	}
	if most != 4 || total != 10 {
		t.Errorf("at most %d at once of %d, want 4 of 10", most, total)
	}
}

func TestLimitNamesNoHost(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	if r := d.ssh(t, "alice", "--", "--limit", "db*", "production.web", "deploy", "v1"); r.code != 2 || r.stdout != "" {
		t.Error(r)
	}
}

func TestTimeoutEndsTheCommandOnTheTarget(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	pids := filepath.Join(t.TempDir(), "pids")
	r := d.ssh(t, "alice", "--", "--timeout", "500ms", "--limit", "web1,web2", "production.web", "hang", pids)
	if r.code != 1 || !strings.Contains(r.stderr, "timed out after 500ms") {
		t.Error(r)
	}
	gone(t, pids)
}

// gone waits until every process whose id stands in a file has ended.
func gone(t *testing.T, pids string) {
	t.Helper()
	for _, pid := range lines(read(t, pids)) {
		poll(t, "process "+pid+" ended", func() bool {
			_, err := os.Stat("/proc/" + pid)
			return os.IsNotExist(err)
		})
	}
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := d.ssh(t, "alice", "--", "--json", "--limit", "web1,web2", "production.web", "deploy", "v1", "broken=web2")
	counts := map[string]int{}
	var last map[string]any
	for _, line := range lines(r.stdout) {
		last = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if last["time"] == nil || last["run"] == nil {
			t.Errorf("no time or run: %s", line)
		}
		counts[fmt.Sprint(last["event"])]++
	}
	want := map[string]int{"run_started": 1, "host_started": 2, "output": 3, "host_finished": 2, "run_finished": 1}
	if diff := cmp.Diff(want, counts); diff != "" || r.code != 1 || r.stderr != "" {
		t.Errorf("%s\n%s", diff, r)
	}
	for name, value := range map[string]any{"status": "failed", "exit_code": 1.0, "ok": 1.0, "failed": 1.0, "skipped": 0.0} {
		if last[name] != value {
			t.Errorf("run_finished %s is %v, want %v", name, last[name], value)
		}
	}
}

func TestStandardInputReachesTheCommandByteForByte(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	from, to := t.TempDir(), t.TempDir()
	content := make([]byte, 3<<20)
	_, _ = rand.Read(content)
	write(t, filepath.Join(from, "some data"), string(content))
	tar := run(t, "", "tar", "c", "-C", from, ".")
	r := run(t, tar.stdout, "ssh", d.sshArgs("alice", "--", "--run", "production.web:web1", "--", "tar x -C "+to)...)
	if r.code != 0 || r.stdout != "" || r.stderr != "" {
		t.Fatal(r)
	}
	if read(t, filepath.Join(to, "some data")) != string(content) {
		t.Error("the file arrived changed")
	}
	back := d.ssh(t, "alice", "--", "--run", "production.web:web1", "--", "cat '"+filepath.Join(to, "some data")+"'")
	if back.code != 0 || back.stdout != string(content) || back.stderr != "" {
		t.Errorf("the file came back changed: exit %d, %d bytes, %s", back.code, len(back.stdout), back.stderr)
	}
}

func TestRunGivesTheCommandsOwnExitCode(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	for command, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 143, "kill -9 $$": 137} {
		if r := d.ssh(t, "alice", "--", "--run", "production.web:web1", "--", command); r.code != code {
			t.Errorf("%s: want exit %d, got %s", command, code, r)
		}
	}
	expect(t, d.ssh(t, "alice", "--", "--run", "production.web:web1", "--", `echo "a  b" | tr a 'c'; echo '$HOME'`), 0, "c  b\n$HOME\n")
}

func TestLinesFromStandardInputShareOneSession(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	script := "cd production.web:web1\npwd\nenv WHO='al ice'\nvariable\n./here /tmp\n"
	r := run(t, script, "ssh", d.sshArgs("alice")...)
	expect(t, r, 0, "/production/web:web1\nal ice\n/tmp\n")
	r = run(t, "pwd\nnonsense\npwd\n", "ssh", d.sshArgs("alice")...)
	expect(t, r, 127, "/\n")
	if !strings.HasPrefix(r.stderr, "deployerd: ") {
		t.Error(r.stderr)
	}
}

func TestSeveralSessionsShareOneConnection(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	socket := filepath.Join(t.TempDir(), "mux")
	args := func(rest ...string) []string {
		return append([]string{"-S", socket}, d.sshArgs("alice", rest...)...)
	}
	master := start(t, "", "ssh", append([]string{"-M", "-N"}, args()...)...)
	poll(t, "the master is there", func() bool { return run(t, "", "ssh", append([]string{"-O", "check"}, args()...)...).code == 0 })
	hanging := start(t, "", "ssh", args("production.web:web1", "hang")...)
	hanging.stdout.waitFor(t, "begun")
	for range 5 {
		expect(t, run(t, "", "ssh", args("production.web:web2", "variable")...), 0, "\n")
	}
	_ = hanging.cmd.Process.Signal(os.Interrupt)
	poll(t, "Ctrl-C under ControlMaster cancels the run", func() bool { return noRuns(t, d.daemon, "bob") })
	_ = master.cmd.Process.Kill()
}

// noRuns says whether status lists no run.
func noRuns(t *testing.T, d *daemon, user string) bool {
	t.Helper()
	return len(runs(t, d, user)) == 0
}

// runs are the ids of the running runs.
func runs(t *testing.T, d *daemon, user string) []string {
	t.Helper()
	r := d.ssh(t, user, "--", "--json", "status")
	var status struct {
		Runs []struct{ Run string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil {
		t.Fatalf("%v: %s", err, r)
	}
	var ids []string
	for _, run := range status.Runs {
		ids = append(ids, run.Run)
	}
	return ids
}

func TestCtrlCCancelsOnEveryHost(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	pids := filepath.Join(t.TempDir(), "pids")
	p := d.startSSH(t, "alice", "production.web", "hang", pids)
	poll(t, "all twenty begin", func() bool { return strings.Count(p.stdout.String(), "begun") == 20 })
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	finish(t, p)
	gone(t, pids)
	poll(t, "the run ends", func() bool { return noRuns(t, d.daemon, "alice") })
}

func TestALostConnectionLeavesTheRunRunning(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	pids := filepath.Join(t.TempDir(), "pids")
	p := d.startSSH(t, "alice", "production.web:web1", "hang", pids)
	p.stdout.waitFor(t, "begun")
	_ = p.cmd.Process.Kill()
	_ = p.wait()
	poll(t, "the session is gone", func() bool { return sessions(t, d.daemon) == 1 })
	if ids := runs(t, d.daemon, "bob"); len(ids) != 1 {
		t.Errorf("want the run to go on, got %v", ids)
	}
	if _, err := os.Stat("/proc/" + lines(read(t, pids))[0]); err != nil {
		t.Errorf("the command ended: %v", err)
	}
}

// sessions counts the sessions, the asking one too.
func sessions(t *testing.T, d *daemon) int {
	t.Helper()
	r := d.ssh(t, "bob", "--", "--json", "status")
	var status struct{ Sessions struct{ Count int } }
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil {
		t.Fatalf("%v: %s", err, r)
	}
	return status.Sessions.Count
}

func TestDetachLeavesARunThatEnds(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	file := filepath.Join(t.TempDir(), "log")
	r := d.ssh(t, "alice", "--", "--detach", "production.web", "count", file)
	if id := strings.TrimSpace(r.stdout); r.code != 0 || id == "" || strings.ContainsAny(id, " \n") {
		t.Fatalf("want the run's id alone: %s", r)
	}
	poll(t, "the detached run ends", func() bool { return noRuns(t, d.daemon, "alice") })
	if got := strings.Count(read(t, file), "-"); got != 20 {
		t.Errorf("%d of 20 hosts ended", got)
	}
}

func TestStdinForSeveralHosts(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := run(t, "hello", "ssh", d.sshArgs("alice", "--", "--stdin", "--limit", "web1,web2", "--run", "production.web", "--", "cat")...)
	if diff := cmp.Diff([]string{"web1: hello", "web2: hello"}, sorted(lines(r.stdout))); diff != "" || r.code != 0 {
		t.Errorf("%s\n%s", diff, r)
	}
}

func TestSandboxChangesNothing(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	file := filepath.Join(t.TempDir(), "log")
	if r := d.ssh(t, "alice", "sandbox", "production.web", "count", file); r.code != 0 {
		t.Error(r)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the sandbox wrote a file")
	}
	if r := d.ssh(t, "alice", "--", "--sandbox", "--run", "production.web:web1", "--", "if then"); r.code == 0 {
		t.Errorf("a syntax error passed: %s", r)
	}
}

func TestRunWithSudo(t *testing.T) {
	t.Parallel()
	need(t, "sudo")
	if exec.Command("sudo", "-n", "true").Run() != nil {
		t.Skip("SKIPPED: sudo asks for a password here")
	}
	d := startTwenty(t, "")
	expect(t, d.ssh(t, "alice", "--", "--run-with-sudo", "production.web:web1", "--", "id -u; true && id -u"), 0, "0\n0\n")
}

func TestWhatIsNotInThisVersionIsRefused(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	for _, line := range []string{"jobs", "--scp", "attach 1", "monitor", "production.web deploy v1 &"} {
		r := d.ssh(t, "alice", "--", line)
		if r.code != 2 || !strings.Contains(r.stderr, "not in this version") || r.stdout != "" {
			t.Errorf("%s: %s", line, r)
		}
	}
}

func TestATreeIsWalkedAndExplained(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	if r := d.ssh(t, "alice", "ls"); r.code != 0 || !strings.Contains(r.stdout, "production") {
		t.Error(r)
	}
	expect(t, d.ssh(t, "alice", "pwd"), 0, "/\n")
	if r := d.ssh(t, "alice", "--", "--inspect", "production.web"); r.code != 0 || !strings.Contains(r.stdout, "Put a version in place.") {
		t.Error(r)
	}
	if r := d.ssh(t, "alice", "find", "deploy"); r.code != 0 || !strings.Contains(r.stdout, "/production/web") {
		t.Error(r)
	}
	r := d.ssh(t, "alice", "prodution")
	if r.code != 127 || !strings.Contains(r.stderr, "production") || r.stdout != "" {
		t.Errorf("want a suggestion: %s", r)
	}
	for _, command := range []string{"whoami", "can", "hosts", "status", "help"} {
		if r := d.ssh(t, "alice", command); r.code != 0 || r.stdout == "" || r.stderr != "" {
			t.Errorf("%s: %s", command, r)
		}
	}
	if r := d.ssh(t, "alice", "--", "--version"); r.code != 0 || r.stdout == "" {
		t.Error(r)
	}
	var whoami struct {
		User, From, Method string
		Roles              []string
	}
	r = d.ssh(t, "alice", "--", "--json", "whoami")
	if err := json.Unmarshal([]byte(r.stdout), &whoami); err != nil || whoami.User != "alice" || whoami.Method != "publickey" || whoami.From != "127.0.0.1" {
		t.Errorf("%v: %s", err, r)
	}
}

// A run in batches stops before the next one when a host has failed.
func TestARunInBatchesStops(t *testing.T) {
	t.Parallel()
	d := startTwenty(t, "")
	r := d.ssh(t, "alice", "--", "--serial", "2,50%", "production.web", "deploy", "v1", "broken=web2")
	if got := len(lines(r.stdout)); r.code != 1 || got != 2 {
		t.Errorf("want exit 1 and 2 lines, got %s", r)
	}
	if !strings.Contains(r.stderr, "stopped: 1 of 20 failed, more than max_fail 0 allows; not started: web[3-20]\n") {
		t.Errorf("it is not said what was not started: %s", r)
	}
	r = d.ssh(t, "alice", "--", "--json", "--serial", "2,50%", "--max-fail", "5%", "production.web", "deploy", "v1", "broken=web2")
	var batches []string
	for _, line := range lines(r.stdout) {
		var e struct {
			Event      string
			Hosts      []string
			OK, Failed int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "batch_finished" {
			batches = append(batches, fmt.Sprint(len(e.Hosts), e.OK, e.Failed))
		}
	}
	if diff := cmp.Diff([]string{"2 1 1", "10 10 0", "8 8 0"}, batches); r.code != 1 || diff != "" {
		t.Errorf("%s\n%s", diff, r)
	}
}
