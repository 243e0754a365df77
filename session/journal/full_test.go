package journal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fullDir in the environment makes the test binary go through a full disk,
// played by a limit on the size of its files.
const fullDir = "DEPLOYERD_TEST_FULL_JOURNAL"

func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullDir+"="+folder(t))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "good\n") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// goThroughFull prints what goes wrong, and at the end "good".
func goThroughFull(dir string) int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := full(context.Background(), dir); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("good")
	return 0
}

func full(ctx context.Context, dir string) error {
	j, err := Open(ctx, Options{Dir: dir, Deadline: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	if err := write(ctx, j, "before"); err != nil {
		return err
	}
	if err := limitFiles(dir); err != nil {
		return err
	}
	for range 2 {
		if err := j.Write(ctx, Record{Text: "refused"}); !errors.Is(err, ErrNoJournal) {
			return fmt.Errorf("on a full disk: %w", err)
		}
	}
	if err := j.Append(Record{Text: "kept"}); err != nil {
		return err
	}
	if j.State().Err == nil {
		return errors.New("State tells nothing of it")
	}
	if err := setLimit(math.MaxInt64); err != nil {
		return err
	}
	return recovered(ctx, j)
}

// write tries until the deadline, which is short here, is kept.
func write(ctx context.Context, j *Journal, text string) (err error) {
	for range 100 {
		if err = j.Write(ctx, Record{Text: text}); err == nil {
			return nil
		}
	}
	return err
}

// recovered checks that all goes on without a restart. A record that was
// refused may be there or not; those that were taken are.
func recovered(ctx context.Context, j *Journal) error {
	if err := write(ctx, j, "after"); err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	if err := j.Flush(ctx); err != nil {
		return err
	}
	if err := j.State().Err; err != nil {
		return fmt.Errorf("State with space again: %w", err)
	}
	if _, err := j.Verify(ctx); err != nil {
		return err
	}
	var b strings.Builder
	if err := j.Export(ctx, &b); err != nil {
		return err
	}
	for _, text := range []string{"before", "kept", "after"} {
		if n := strings.Count(b.String(), `"text":"`+text+`"`); n == 0 || n > 1 && text == "kept" {
			return fmt.Errorf("%q is there %d times:\n%s", text, n, b.String())
		}
	}
	return j.Close(ctx)
}

// limitFiles lets no file grow beyond what the stream's has now.
func limitFiles(dir string) error {
	blocks, err := filepath.Glob(filepath.Join(dir, "audit", blockFolder, "*.blk"))
	if err != nil || len(blocks) != 1 {
		return fmt.Errorf("blocks: %q, %w", blocks, err)
	}
	info, err := os.Stat(blocks[0])
	if err != nil {
		return err
	}
	return setLimit(uint64(info.Size()) + 20)
}

func setLimit(size uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = min(size, l.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}
