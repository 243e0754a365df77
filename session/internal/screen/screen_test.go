package screen

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
	"github.com/rivo/uniseg"
)

// shows is what a terminal shows of bytes.
func shows(vt vt10x.Terminal) string {
	var rows []string
	for _, row := range strings.Split(vt.String(), "\n") {
		rows = append(rows, strings.TrimRight(row, " "))
	}
	return strings.TrimRight(strings.Join(rows, "\n"), "\n")
}

func TestTheStatusIsDrawnInItsPlace(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {20, 5}, {200, 50}, {1, 1}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			vt := vt10x.New(vt10x.WithSize(size[0], size[1]))
			var s Status
			s.Resize(size[0])
			for i := range 100 {
				frame := s.Draw(nil, fmt.Sprintf("running %d, waiting on web3", 100-i))
				_, _ = vt.Write(frame)
				if i%10 == 0 {
					frame = append(s.Erase(nil), fmt.Sprintf("line %d\r\n", i)...)
					_, _ = vt.Write(s.Draw(frame, "running 0"))
				}
			}
			_, _ = vt.Write(s.Erase(nil))
			want := ""
			for i := range 10 {
				want += fmt.Sprintf("line %d\n", i*10)
			}
			lines := strings.Split(strings.TrimSuffix(want, "\n"), "\n")
			if most := size[1] - 1; len(lines) > most {
				lines = lines[len(lines)-most:]
			}
			if diff := cmp.Diff(strings.Join(lines, "\n"), shows(vt)); diff != "" && size[0] > 1 {
				t.Error(diff)
			}
		})
	}
}

// A window that becomes narrower wraps the row, or cuts it; either way no row
// of the output is lost and nothing of the status stays.
func TestTheStatusInAWindowThatBecomesNarrower(t *testing.T) {
	t.Parallel()
	for _, reflow := range []bool{false, true} {
		s := Status{NoReflow: !reflow}
		s.Resize(40)
		screen := append([]byte("one\r\ntwo\r\n"), s.Draw(nil, "running 12, done 7, waiting on web3")...)
		if reflow { // as a terminal of 15 columns shows the row
			screen = []byte("one\r\ntwo\r\nrunning 12, don\r\ne 7, waiting on\r\n web3")
		}
		vt := vt10x.New(vt10x.WithSize(15, 10))
		if !reflow {
			vt = vt10x.New(vt10x.WithSize(40, 10))
		}
		_, _ = vt.Write(screen)
		vt.Resize(15, 10)
		s.Resize(15)
		_, _ = vt.Write(s.Draw(nil, "running 11, done 8"))
		if got := shows(vt); got != "one\ntwo\nrunning 11, do" {
			t.Errorf("reflow %v:\n%s", reflow, got)
		}
		s.Resize(40)
		vt.Resize(40, 10)
		_, _ = vt.Write(s.Erase(nil))
		if got := shows(vt); got != "one\ntwo" {
			t.Errorf("reflow %v, erased:\n%s", reflow, got)
		}
	}
}

func TestWhatShowsAlreadyCostsNothing(t *testing.T) {
	t.Parallel()
	var s Status
	s.Resize(80)
	if first := s.Draw(nil, "running 1"); string(first) != "running 1" {
		t.Errorf("%q", first)
	}
	if again := s.Draw(nil, "running 1"); len(again) > 0 {
		t.Errorf("%q", again)
	}
	if none := (&Status{}).Erase(nil); len(none) > 0 {
		t.Errorf("%q", none)
	}
}

func TestWideCharactersAreNotCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"世界世界": "世界", "ab世": "ab世", "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧": "👩‍👩‍👧👩‍👩‍👧", "": ""} {
		if got, wide := clip(text, 5); got != want || wide != uniseg.StringWidth(want) {
			t.Errorf("%q: %q, %d columns", text, got, wide)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add("running 1", 80, 20)
	f.Add("世界", 1, 3)
	f.Add("", -1, 0)
	f.Fuzz(func(t *testing.T, text string, before, after int) {
		if !utf8.ValidString(text) || before > 1000 || after > 1000 {
			return
		}
		var s Status
		s.Resize(before)
		first := s.Draw(nil, text)
		if wide := uniseg.StringWidth(string(first)); wide > max(before-1, 0) {
			t.Errorf("%d columns in a window of %d", wide, before)
		}
		s.Resize(after)
		s.Draw(nil, text+"x")
		s.Erase(nil)
		if s.Shows() || len(s.Erase(nil)) > 0 {
			t.Error("it is not erased")
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	p := NewProgress([]string{"web1", "web2", "web3", "web4", "web5"})
	check := func(want string) {
		t.Helper()
		if got := p.Text(at); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check("to come 5")
	p.Set("web3", Running, at.Add(-12*time.Second))
	p.Set("web2", Running, at.Add(-2*time.Second))
	check("running 2, to come 3, waiting on web3, web2 (12 s)")
	p.Set("web1", Failed, at)
	p.Set("web2", Done, at)
	p.Set("db1", Running, at.Add(-90*time.Second))
	check("running 2, done 1, failed 1, to come 2, waiting on db1, web3 (1 m 30 s)")
	p.Set("web4", Running, at)
	p.Set("web5", Running, at)
	check("running 4, done 1, failed 1, waiting on db1 (1 m 30 s)")
	if diff := cmp.Diff([]string{"db1", "web3", "web4", "web5"}, p.Open()); diff != "" {
		t.Error(diff)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59*time.Second + 900*time.Millisecond: "59 s", time.Hour - time.Second: "59 m 59 s", 90 * time.Minute: "1 h 30 m",
	} {
		if got := Seconds(d); got != want {
			t.Errorf("%s: %q", d, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"web1":                  "web1",
		"web1 web2 web3 web3":   "web[1-3]",
		"web1 db web2 web4":     "web[1-2,4],db",
		"web9 web10 web11":      "web[9-11]",
		"web01 web02 web1 web2": "web[01-02],web[1-2]",
		"web1.example.com web2.a web3.example.com": "web[1,3].example.com,web2.a",
		"n1-eu n2-eu":                   "n[1-2]-eu",
		"1 2":                           "[1-2]",
		"x99999999999999999999999 x1":   "x99999999999999999999999,x1",
		"a b c d e f g h i j k l m n o": "a,b,c,d,e,f,g,h,i,j,k,l and 3 more",
	} {
		if got := Names(strings.Fields(in)); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("web1 web2")
	f.Add("007 08 -1 .")
	f.Fuzz(func(t *testing.T, names string) {
		if list := strings.Fields(names); (Names(list) == "") != (len(list) == 0) {
			t.Errorf("%q", Names(list))
		}
	})
}

func TestGroups(t *testing.T) {
	t.Parallel()
	var o Outputs
	for _, h := range []string{"web1", "web2", "web3"} {
		o.Add(h, "stdout", "v1")
	}
	o.Add("web2", "stderr", "warn")
	for i := range 10 {
		o.Add("db1", "stdout", fmt.Sprint(i))
	}
	got := o.Groups([]string{"web1", "web2", "web3", "db1", "st1"})
	want := []Group{{Hosts: []string{"web1", "web3"}, Lines: 1, Text: "v1"}, {Hosts: []string{"web2"}, Lines: 2}, {Hosts: []string{"db1"}, Lines: 10}, {Hosts: []string{"st1"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"5", "6", "7", "8", "9"}, o.Last("db1")); diff != "" {
		t.Error(diff)
	}
}

// Streams race with each other: only the order within one counts. And what is
// kept stays small, however much a host says.
func TestGroupsDoNotDependOnTheOrderOfStreams(t *testing.T) {
	t.Parallel()
	var o Outputs
	long := strings.Repeat("世", 1000)
	o.Add("a", "stdout", long)
	o.Add("a", "stderr", "2")
	o.Add("b", "stderr", "2")
	o.Add("b", "stdout", long)
	o.Add("c", "stdout", long+"!")
	o.Add("c", "stderr", "2")
	if got := o.Groups([]string{"a", "b", "c"}); len(got) != 2 || len(got[0].Hosts) != 2 {
		t.Errorf("%+v", got)
	}
	if last := o.Last("a")[0]; len(last) > keptBytes+3 || !utf8.ValidString(last) {
		t.Errorf("%d bytes: %q", len(last), last)
	}
}
