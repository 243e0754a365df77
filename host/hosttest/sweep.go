package hosttest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// targetMark is the variable by which what a target's commands left running is
// found, whatever session or group it has moved to.
const targetMark = "DEPLOYERD_TARGET="

// spawn starts a command and remembers its process group, unless the target is
// closed.
func (t *Target) spawn(c *exec.Cmd) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errors.New("the target is closed")
	}
	if err := c.Start(); err != nil {
		return err
	}
	t.groups[c.Process.Pid] = true
	return nil
}

// reaped forgets the process group of a command that has ended: its number may
// become somebody else's.
func (t *Target) reaped(pgid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.groups, pgid)
}

func killGroup(pgid int) { _ = syscall.Kill(-pgid, syscall.SIGKILL) } // gone is as good

// killMarked kills every process whose environment has mark, until there is
// none. It needs /proc; elsewhere it does nothing.
func killMarked(mark string) error {
	for range 50 {
		found := marked(mark)
		if len(found) == 0 {
			return nil
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone is as good
		}
		<-time.After(20 * time.Millisecond) // a killed process takes a moment to go
	}
	return fmt.Errorf("processes %v are still running", marked(mark))
}

// marked finds the processes whose environment has mark. Zombies have none.
func marked(mark string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is good
	var pids []int
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil { // gone, or somebody else's
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && hasEntry(env, mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func hasEntry(env []byte, entry string) bool {
	for e := range bytes.SplitSeq(env, []byte{0}) {
		if string(e) == entry {
			return true
		}
	}
	return false
}

// process is one process and no later one of the same number.
type process struct {
	pid, parent int
	started     string // field 22 of /proc/PID/stat, see proc(5)
}

// signal sends a signal, unless the process is gone.
func (p process) signal(s syscall.Signal) {
	if now, ok := readProcess(p.pid); ok && now.started == p.started {
		_ = syscall.Kill(p.pid, s) // gone is as good
	}
}

// freeze stops processes and all that descends from them, so that none can
// start another, and returns them.
func freeze(roots ...process) []process {
	frozen := make(map[process]bool)
	for {
		before := len(frozen)
		for _, r := range roots {
			for _, p := range append(descendants(r.pid), r) {
				if !frozen[p] {
					frozen[p] = true
					p.signal(syscall.SIGSTOP)
				}
			}
		}
		if len(frozen) == before {
			return slices.Collect(maps.Keys(frozen))
		}
	}
}

func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil { // gone
		return process{}, false
	}
	// The second field, the name in brackets, may have any bytes.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return process{pid: pid, parent: parent, started: string(fields[19])}, err == nil
}

// descendants finds the children of pid, and theirs.
func descendants(pid int) []process {
	children := make(map[int][]process)
	files, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, file := range files {
		child, err := strconv.Atoi(filepath.Base(file))
		if err != nil {
			continue
		}
		if p, ok := readProcess(child); ok {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	found := children[pid]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}
