package node

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is a number of cells or hosts, or a percentage of them.
type Amount struct {
	N       int
	Percent bool
}

// String is the amount as it is written: 3 or 20%.
func (a Amount) String() string {
	if a.Percent {
		return strconv.Itoa(a.N) + "%"
	}
	return strconv.Itoa(a.N)
}

// Serial says in which batches a call goes over its cells or hosts: the sizes
// in order, of which the last is repeated. A percentage is of the cells of that
// call, rounded down, and at least one cell. None: all at once. It is not to be
// changed.
type Serial []Amount

// maxBatches bounds how many sizes a Serial says, and maxAmount how large they
// are: far above what anybody writes.
const (
	maxBatches = 1000
	maxAmount  = 1_000_000_000
)

// hintSerial and hintMaxFail are the way out of what does not parse.
const (
	hintSerial  = `a number from 1, a percentage such as "20%", or a list of these such as [1, "20%", "100%"]`
	hintMaxFail = `a number from 0 or a percentage such as "10%"`
)

// ParseSerial reads what a tree or a line says: an int, a text such as
// "1,20%", a Serial, or a list ([]any) of numbers and texts. nil says nothing.
func ParseSerial(v any) (Serial, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case Serial:
		return v, v.check()
	case string:
		return serialOf(strings.Split(v, ","))
	case []any:
		return serialOf(v)
	}
	return serialOf([]any{v})
}

func serialOf[T any](items []T) (Serial, error) {
	if len(items) == 0 {
		return nil, fmt.Errorf("no batch is given: %s", hintSerial)
	}
	if len(items) > maxBatches {
		return nil, fmt.Errorf("more than %d sizes of batches", maxBatches)
	}
	serial := make(Serial, len(items))
	for i, item := range items {
		a, ok := parseAmount(item)
		if !ok {
			return nil, fmt.Errorf("%s is no size of a batch: %s", shownAmount(item), hintSerial)
		}
		serial[i] = a
	}
	return serial, serial.check()
}

func (s Serial) check() error {
	for _, a := range s {
		if a.N < 1 || a.Percent && a.N > 100 {
			return fmt.Errorf("%s is no size of a batch: %s", a, hintSerial)
		}
	}
	return nil
}

// String is the serial as a line has it: 1,20%.
func (s Serial) String() string {
	words := make([]string, len(s))
	for i, a := range s {
		words[i] = a.String()
	}
	return strings.Join(words, ",")
}

// Sizes are those of the batches of a call on n cells or hosts; their sum is n.
func (s Serial) Sizes(n int) []int {
	if len(s) == 0 {
		return []int{n}
	}
	var sizes []int
	for left := n; left > 0; {
		size := min(s[min(len(sizes), len(s)-1)].of(n), left)
		sizes = append(sizes, size)
		left -= size
	}
	return sizes
}

// of is the amount of n, at least 1.
func (a Amount) of(n int) int {
	if !a.Percent {
		return max(a.N, 1)
	}
	return max(n*a.N/100, 1)
}

// MaxFail is how many cells or hosts may fail before nothing further is
// started: of the whole run, not of a batch.
type MaxFail struct{ Amount }

// ParseMaxFail reads what a tree or a line says: an int, a text such as "2" or
// "10%", or a *MaxFail. nil says nothing.
func ParseMaxFail(v any) (*MaxFail, error) {
	switch m := v.(type) {
	case nil:
		return nil, nil
	case *MaxFail:
		if m == nil {
			return nil, nil
		}
		v = m.String()
	}
	a, ok := parseAmount(v)
	if !ok || a.N < 0 || a.Percent && a.N > 100 {
		return nil, fmt.Errorf("%s is no bound of failures: %s", shownAmount(v), hintMaxFail)
	}
	return &MaxFail{a}, nil
}

// exceeded says whether so many failures of total are more than it allows.
func (m *MaxFail) exceeded(failed, total int) bool {
	if m.Percent {
		return failed*100 > m.N*total
	}
	return failed > m.N
}

// parseAmount reads a number, or a text of digits with or without a percent
// sign.
func parseAmount(v any) (Amount, bool) {
	if text, ok := v.(string); ok {
		digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
		n, err := strconv.Atoi(digits)
		return Amount{n, percent}, err == nil && isNumber(digits) && n <= maxAmount
	}
	n, ok := wholeNumber(v)
	return Amount{N: n}, ok && n <= maxAmount
}

// shownAmount is what was given instead of an amount, for a message.
func shownAmount(v any) string {
	if text, ok := v.(string); ok {
		return quoted(text)
	}
	return fmt.Sprint(v)
}

// MaxFailError is why cells or hosts were not started: more than max_fail had
// failed before.
type MaxFailError struct {
	Failed, Total int // over the run
	MaxFail       MaxFail
}

func (e *MaxFailError) Error() string {
	return fmt.Sprintf("%d of %d failed, more than max_fail %s allows", e.Failed, e.Total, e.MaxFail)
}
