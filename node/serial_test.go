package node_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

func TestParseSerial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given any
		want  string // of its String, or of the error from "!"
	}{
		{nil, ""},
		{1, "1"},
		{int64(3), "3"},
		{"20%", "20%"},
		{"1,20%,100%", "1,20%,100%"},
		{" 1 , 20% ", "1,20%"},
		{[]any{int64(1), "20%", "100%"}, "1,20%,100%"},
		{node.Serial{{N: 2}}, "2"},
		{0, "!0 is no size of a batch"},
		{-1, "!-1 is no size of a batch"},
		{"0%", "!0% is no size of a batch"},
		{"101%", "!101% is no size of a batch"},
		{"", `!"" is no size of a batch`},
		{"1,,2", `!"" is no size of a batch`},
		{"%", `!"%" is no size of a batch`},
		{"-5%", `!"-5%" is no size of a batch`},
		{"+5", `!"+5" is no size of a batch`},
		{"1.5", `!"1.5" is no size of a batch`},
		{"some", `!"some" is no size of a batch`},
		{"9999999999999999999", `!"9999999999999999999" is no size of a batch`},
		{true, "!true is no size of a batch"},
		{1.5, "!1.5 is no size of a batch"},
		{[]any{}, "!no batch is given"},
		{[]any{1, []any{2}}, "![2] is no size of a batch"},
		{[]any{1, nil}, "!<nil> is no size of a batch"},
		{make([]any, 1001), "!more than 1000 sizes of batches"},
		{node.Serial{{N: 101, Percent: true}}, "!101% is no size of a batch"},
	} {
		serial, err := node.ParseSerial(c.given)
		got := serial.String()
		if err != nil {
			got = "!" + err.Error()
			c.want += `: a number from 1, a percentage such as "20%", or a list of these such as [1, "20%", "100%"]`
			if got[:6] == "!more " {
				c.want = "!more than 1000 sizes of batches"
			}
		}
		if got != c.want {
			t.Errorf("%#v: got %s, want %s", c.given, got, c.want)
		}
	}
}

func TestSizesOfBatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		serial string
		n      int
		want   []int
	}{
		{"1", 3, []int{1, 1, 1}},
		{"2", 5, []int{2, 2, 1}},
		{"10", 5, []int{5}},
		{"20%", 10, []int{2, 2, 2, 2, 2}},
		{"30%", 10, []int{3, 3, 3, 1}},
		{"20%", 7, []int{1, 1, 1, 1, 1, 1, 1}},
		{"10%", 3, []int{1, 1, 1}},
		{"100%", 3, []int{3}},
		{"1,20%,100%", 10, []int{1, 2, 7}},
		{"1,3", 10, []int{1, 3, 3, 3}},
		{"1,1,1", 2, []int{1, 1}},
		{"1", 0, nil},
	} {
		serial, err := node.ParseSerial(c.serial)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, serial.Sizes(c.n)); diff != "" {
			t.Errorf("%s of %d (-want +got):\n%s", c.serial, c.n, diff)
		}
	}
}

func TestParseMaxFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given any
		want  string
	}{
		{0, "0"},
		{int64(3), "3"},
		{"2", "2"},
		{"10%", "10%"},
		{"0%", "0%"},
		{"100%", "100%"},
		{&node.MaxFail{Amount: node.Amount{N: 5}}, "5"},
		{-1, "!-1"},
		{"-1", `!"-1"`},
		{"101%", `!"101%"`},
		{"", `!""`},
		{"1,2", `!"1,2"`},
		{[]any{1}, "![1]"},
		{false, "!false"},
		{0.1, "!0.1"},
	} {
		m, err := node.ParseMaxFail(c.given)
		got := ""
		switch {
		case err != nil:
			got = "!" + err.Error()
			c.want += ` is no bound of failures: a number from 0 or a percentage such as "10%"`
		default:
			got = m.String()
		}
		if got != c.want {
			t.Errorf("%#v: got %s, want %s", c.given, got, c.want)
		}
	}
	if m, err := node.ParseMaxFail(nil); m != nil || err != nil {
		t.Errorf("nil says %v, %v", m, err)
	}
}

func FuzzParseSerial(f *testing.F) {
	for _, text := range []string{"1", "1,20%,100%", "0", "%", ",", "99999999999", " 5 %"} {
		f.Add(text, 7)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		n &= 1023
		serial, err := node.ParseSerial(text)
		if err != nil {
			return
		}
		again, err := node.ParseSerial(serial.String())
		if err != nil || cmp.Diff(serial, again) != "" {
			t.Fatalf("%q is %v, and that %v, %v", text, serial, again, err)
		}
		sum := 0
		for _, size := range serial.Sizes(n) {
			if size < 1 {
				t.Fatalf("%q of %d has a batch of %d", text, n, size)
			}
			sum += size
		}
		if sum != n {
			t.Fatalf("%q of %d are %d", text, n, sum)
		}
	})
}
