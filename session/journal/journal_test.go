package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		os.Exit(writer(dir))
	}
	if dir := os.Getenv(fullDir); dir != "" {
		os.Exit(goThroughFull(dir))
	}
	goleak.VerifyTestMain(m)
}

// patience is a deadline that also holds on a busy machine.
const patience = time.Minute

func open(t testing.TB, dir string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), Options{Dir: dir, Daemon: "box one", Deadline: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close(context.Background()) })
	return j
}

func folder(t testing.TB) string { return filepath.Join(t.TempDir(), "journal") }

func export(t testing.TB, j *Journal) []Record {
	t.Helper()
	var b bytes.Buffer
	if err := j.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var records []Record
	for d := json.NewDecoder(&b); d.More(); {
		var r Record
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func texts(records []Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Text)
	}
	return all
}

func wantGood(t testing.TB, j *Journal, want uint64) {
	t.Helper()
	if n, err := j.Verify(t.Context()); n != want || err != nil {
		t.Fatalf("Verify: %d, %v; want %d good", n, err, want)
	}
}

func TestTheChainContinuesOverRestarts(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	code := 2
	want := []Record{
		{Kind: Intent, Run: "r1", User: "alice", Action: "--run", Args: []string{"a && b <x>"}, Hosts: []string{"web1", "web2"}, Text: "1"},
		{Kind: End, Run: "r1", Status: "failed", Results: []HostEnd{{"web1", "ok", nil}, {"web2", "failed", &code}}, Text: "2"},
		{Kind: Daemon, Text: "3"},
	}
	for _, r := range want {
		j := open(t, dir)
		if err := j.Write(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, dir)
	wantGood(t, j, 3)
	got := export(t, j)
	prev := ""
	for i := range got {
		if got[i].Prev != prev || got[i].Seq != uint64(i+1) || got[i].Daemon != "box one" || got[i].Time.IsZero() {
			t.Errorf("record %d does not continue the chain: %+v", i+1, got[i])
		}
		prev = got[i].Hash
		got[i].Seq, got[i].Time, got[i].Daemon, got[i].Prev, got[i].Hash = 0, time.Time{}, "", "", ""
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := j.State(); s.Records != 3 || s.Bytes == 0 || s.Err != nil {
		t.Errorf("State: %+v", s)
	}
}

func TestADaemonOfAnotherNameHasItsOwnChain(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, daemon := range []string{"a", "b", "b", "a"} {
		j, err := Open(t.Context(), Options{Dir: dir, Daemon: daemon})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Write(t.Context(), Record{Kind: Daemon}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, dir)
	wantGood(t, j, 4)
	var got []string
	for _, r := range export(t, j) {
		got = append(got, fmt.Sprint(r.Daemon, r.Seq))
	}
	if d := cmp.Diff([]string{"a1", "b1", "b2", "a2"}, got); d != "" {
		t.Error(d)
	}
}

func TestAppendAndWriteKeepTheirOrder(t *testing.T) {
	t.Parallel()
	j := open(t, folder(t))
	var want []string
	for i := range 300 {
		r := Record{Kind: End, Text: fmt.Sprint(i)}
		want = append(want, r.Text)
		put := j.Append
		if i%10 == 0 {
			put = func(r Record) error { return j.Write(t.Context(), r) }
		}
		if err := put(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantGood(t, j, 300)
	if d := cmp.Diff(want, texts(export(t, j))); d != "" {
		t.Error(d)
	}
}

func TestConcurrentWritesAreAllThere(t *testing.T) {
	t.Parallel()
	j := open(t, folder(t))
	var g sync.WaitGroup
	for w := range 100 {
		g.Go(func() {
			for i := range 5 {
				if err := j.Write(t.Context(), Record{Kind: Intent, Run: fmt.Sprint(w), Call: i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	g.Wait()
	wantGood(t, j, 500)
	calls := map[string]int{}
	for _, r := range export(t, j) {
		if r.Call != calls[r.Run] {
			t.Errorf("call %d of writer %s stands where %d belongs", r.Call, r.Run, calls[r.Run])
		}
		calls[r.Run]++
	}
	if j.end.messages >= 500 {
		t.Errorf("500 records of 100 writers took %d messages: nothing shared a sync", j.end.messages)
	}
}

func TestASecondProcessIsRefusedByPid(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	j := open(t, dir)
	_, err := Open(t.Context(), Options{Dir: dir})
	if want := fmt.Sprintf("pid %d", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("Open: %v; want %s", err, want)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestAnOpenFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "0750") {
		t.Fatalf("Open: %v", err)
	}
}

func TestClosedRefuses(t *testing.T) {
	t.Parallel()
	j := open(t, folder(t))
	if err := j.Append(Record{Text: "last"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"Write":  j.Write(t.Context(), Record{}),
		"Append": j.Append(Record{}),
		"Flush":  j.Flush(t.Context()),
	} {
		if !errors.Is(err, ErrNoJournal) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if _, err := j.Verify(t.Context()); err == nil {
		t.Error("Verify after Close: no error")
	}
}

func TestARecordThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	j := open(t, folder(t))
	if err := j.Write(t.Context(), Record{Text: strings.Repeat("x", 2<<20)}); !errors.Is(err, ErrNoJournal) {
		t.Errorf("Write: %v", err)
	}
	// The largest that is taken, with every byte escaped, fits in a message.
	if err := j.Write(t.Context(), Record{Text: strings.Repeat("\x01", callSize-500)}); err != nil {
		t.Error(err)
	}
	wantGood(t, j, 1)
}

func TestAWriteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	j := open(t, folder(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the session ended")
	cancel(cause)
	// It may have been faster than the look at ctx; if not, it says why.
	if err := j.Write(ctx, Record{}); err != nil && (!errors.Is(err, ErrNoJournal) || !errors.Is(err, cause)) {
		t.Errorf("Write: %v", err)
	}
}
