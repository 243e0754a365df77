package host

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// feed writes data in pieces of the given sizes, the rest at once, and ends it.
func feed(t *testing.T, data string, sizes ...int) (a *announcement, passed string) {
	t.Helper()
	a = newAnnouncement()
	data = strings.ReplaceAll(data, "TOKEN", announceToken(a.nonce))
	var out bytes.Buffer
	w := a.writer(&out)
	for _, n := range append(sizes, len(data)) {
		n = min(n, len(data))
		if m, err := w.Write([]byte(data[:n])); err != nil || m != n {
			t.Fatalf("Write: %d, %v", m, err)
		}
		data = data[n:]
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	return a, strings.ReplaceAll(out.String(), announceToken(a.nonce), "TOKEN")
}

// announcements are streams with what must be found in them and passed on.
var announcements = []struct {
	name, data, passed string
	pgid               int // 0: none
}{
	{"first", "TOKEN4711\n", "", 4711},
	{"output after it", "TOKEN4711\nsome\noutput", "some\noutput", 4711},
	{"in a terminal", "TOKEN4711\r\nsome\r\n", "some\r\n", 4711},
	{"largest in a terminal", "TOKEN2147483647\r\n", "", 2147483647},
	{"carriage returns", "TOKEN12\r\r\nTOKEN13\r\n", "TOKEN12\r\r\n", 13},
	{"a carriage return alone", "TOKEN12\rx", "TOKEN12\rx", 0},
	{"noise before it", "motd\nhello TOKEN4711\nx", "motd\nhello x", 4711},
	{"no group of its own", "aTOKEN0\nb", "ab", 0},
	{"none", "only noise", "only noise", 0},
	{"nothing", "", "", 0},
	{"begun", "x deployerd:", "x deployerd:", 0},
	{"cut off", "TOKEN12", "TOKEN12", 0},
	{"not a number", "TOKEN$$\nTOKEN99\n!", "TOKEN$$\n!", 99},
	{"init", "TOKEN1\n", "TOKEN1\n", 0},
	{"negative", "TOKEN-5\n", "TOKEN-5\n", 0},
	{"empty", "TOKEN\n", "TOKEN\n", 0},
	{"leading zero", "TOKEN007\n", "TOKEN007\n", 0},
	{"largest", "TOKEN2147483647\n", "", 2147483647},
	{"too large", "TOKEN2147483648\n", "TOKEN2147483648\n", 0},
	{"far too large", "TOKEN99999999999999999999\n", "TOKEN99999999999999999999\n", 0},
	{"the first counts", "TOKEN12\nTOKEN13\n", "TOKEN13\n", 12},
	{"doubled token", "TOKENTOKEN12\n", "TOKEN", 12},
}

func checkAnnouncement(t *testing.T, a *announcement, passed, want string, pgid int) {
	t.Helper()
	if passed != want {
		t.Errorf("%q was passed on, not %q", passed, want)
	}
	select {
	case <-a.done():
	default:
		t.Error("it is not done at the end of the stream")
	}
	if got, ok := a.group(); got != pgid || ok != (pgid > 0) {
		t.Errorf("group %d, %t; want %d", got, ok, pgid)
	}
}

func TestAnnouncementWholeAndAtEverySplit(t *testing.T) {
	t.Parallel()
	for _, c := range announcements {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, passed := feed(t, c.data)
			checkAnnouncement(t, a, passed, c.passed, c.pgid)
			size := len(strings.ReplaceAll(c.data, "TOKEN", announceToken(a.nonce)))
			ones := make([]int, size)
			for i := range ones {
				ones[i] = 1
				a, passed := feed(t, c.data, i)
				checkAnnouncement(t, a, passed, c.passed, c.pgid)
			}
			a, passed = feed(t, c.data, ones...)
			checkAnnouncement(t, a, passed, c.passed, c.pgid)
		})
	}
}

func TestAnnouncementIsDoneBeforeTheStreamEnds(t *testing.T) {
	t.Parallel()
	a := newAnnouncement()
	w := a.writer(nil)
	if _, ok := a.group(); ok {
		t.Fatal("a group before the announcement")
	}
	if _, err := w.Write([]byte(announceToken(a.nonce) + "77\n")); err != nil {
		t.Fatal(err)
	}
	<-a.done()
	if got, ok := a.group(); got != 77 || !ok {
		t.Fatalf("group %d, %t; want 77", got, ok)
	}
}

func TestAnnouncementPassesNoiseOnAtOnce(t *testing.T) {
	t.Parallel()
	a := newAnnouncement()
	var out bytes.Buffer
	w := a.writer(&out)
	if _, err := w.Write([]byte("Last login: today\n")); err != nil {
		t.Fatal(err)
	}
	if out.String() != "Last login: today\n" {
		t.Fatalf("%q was passed on", out.String())
	}
}

func TestAnnouncementIsNotLookedForBehind64KiB(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ noise, pgid int }{{announceNoise - 100, 5}, {announceNoise + 1, 0}} {
		data := strings.Repeat("n", c.noise) + "TOKEN5\n"
		sizes := make([]int, c.noise/1000+1)
		for i := range sizes {
			sizes[i] = 1000
		}
		a, passed := feed(t, data, sizes...)
		want := strings.Repeat("n", c.noise)
		if c.pgid == 0 {
			want = data
		}
		if passed != want {
			t.Errorf("%d bytes of noise: %d bytes were passed on, not %d", c.noise, len(passed), len(want))
		}
		if got, ok := a.group(); got != c.pgid || ok != (c.pgid > 0) {
			t.Errorf("%d bytes of noise: group %d, %t", c.noise, got, ok)
		}
	}
}

func TestAnnouncementTellsAFailedWrite(t *testing.T) {
	t.Parallel()
	w := newAnnouncement().writer(brokenWriter{})
	if n, err := w.Write([]byte("noise")); !errors.Is(err, errBroken) || n != 0 {
		t.Errorf("Write: %d, %v", n, err)
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestAnnouncementNoncesDiffer(t *testing.T) {
	t.Parallel()
	a, b := newAnnouncement(), newAnnouncement()
	if a.nonce == b.nonce || len(a.nonce) != 32 {
		t.Errorf("nonces %q and %q", a.nonce, b.nonce)
	}
}

// FuzzAnnouncement: whatever a target sends in whatever pieces, the result is
// the same as in one piece, and no byte but the announcement's is lost.
func FuzzAnnouncement(f *testing.F) {
	for _, c := range announcements {
		f.Add([]byte(c.data), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		whole, passed := feed(t, string(data))
		sizes := make([]int, len(data)/(int(size)+1)+1)
		for i := range sizes {
			sizes[i] = int(size) + 1
		}
		pieces, again := feed(t, string(data), sizes...)
		if passed != again {
			t.Fatalf("%q whole, %q in pieces of %d", passed, again, size)
		}
		id, ok := whole.group()
		if other, also := pieces.group(); id != other || ok != also {
			t.Fatalf("group %d whole, %d in pieces", id, other)
		}
		text := "TOKEN" + strconv.Itoa(id)
		without := func(end string) string { return strings.Replace(string(data), text+end, "", 1) }
		if passed != string(data) && passed != without("\n") && passed != without("\r\n") {
			t.Fatalf("%q was passed on of %q", passed, data)
		}
		if ok && (id < 2 || id > announceMax) {
			t.Fatalf("group %d was believed", id)
		}
	})
}
