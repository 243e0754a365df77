package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
)

// writerDir in the environment makes the test binary a writer to be killed.
const writerDir = "DEPLOYERD_TEST_JOURNAL"

// writer writes until it is killed, and prints the number of each record when
// it is acknowledged.
func writer(dir string) int {
	j, err := Open(context.Background(), Options{Dir: dir, Daemon: "box one", Deadline: patience})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	for n := j.State().Records; ; {
		n++
		if err := j.Write(context.Background(), Record{Kind: Intent, Text: fmt.Sprint(n)}); err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println(n)
	}
}

func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	dir, kills := folder(t), 10
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		kills = 200
	}
	acknowledged := uint64(0)
	for range kills {
		acknowledged = max(acknowledged, writeUntilKilled(t, dir))
		j := open(t, dir)
		n := j.State().Records
		if n < acknowledged {
			t.Fatalf("%d records, and %d were acknowledged", n, acknowledged)
		}
		wantGood(t, j, n)
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts(export(t, open(t, dir))) {
		if text != fmt.Sprint(i+1) {
			t.Fatalf("record %d says %s", i+1, text)
		}
	}
}

// writeUntilKilled returns the number of the last record that a writer had
// acknowledged when it was killed.
func writeUntilKilled(t *testing.T, dir string) (last uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	for left := 1 + rand.IntN(100); s.Scan(); left-- {
		if _, err := fmt.Sscan(s.Text(), &last); err != nil {
			t.Errorf("the writer says %q", s.Text())
		}
		if left == 0 {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the writer ended by itself")
	}
	return last
}
