package screen

import (
	"fmt"
	"strconv"
	"strings"
)

// maxParts bounds how many names or ranges are written out.
const maxParts = 12

// Names writes host names shortly: web[1-3,7],db1. The order is that of the
// first of each kind; a name stands once.
func Names(names []string) string {
	var order []shape
	numbers := make(map[shape][]int)
	have := make(map[string]bool)
	for _, name := range names {
		if have[name] {
			continue
		}
		have[name] = true
		kind, n := split(name)
		if _, known := numbers[kind]; !known {
			order = append(order, kind)
		}
		numbers[kind] = append(numbers[kind], n)
	}
	var parts []string
	left := 0
	for _, kind := range order {
		if len(parts) == maxParts {
			left += len(numbers[kind])
			continue
		}
		parts = append(parts, kind.write(numbers[kind]))
	}
	text := strings.Join(parts, ",")
	if left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return text
}

// shape is a name without its number.
type shape struct {
	before, after string
	digits        int // how many the number is written with; 0 is none
}

// split takes the last number in the first label off a name. Numbers of
// different lengths belong together unless they are filled with zeros.
func split(name string) (shape, int) {
	label, rest, _ := strings.Cut(name, ".")
	if len(label) < len(name) {
		rest = "." + rest
	}
	end := strings.LastIndexAny(label, "0123456789") + 1
	begin := end
	for begin > 0 && label[begin-1] >= '0' && label[begin-1] <= '9' {
		begin--
	}
	n, err := strconv.Atoi(label[begin:end])
	if err != nil {
		return shape{before: name}, 0
	}
	digits := 1
	if label[begin] == '0' {
		digits = end - begin
	}
	return shape{label[:begin], label[end:] + rest, digits}, n
}

func (s shape) write(numbers []int) string {
	if s.digits == 0 {
		return s.before
	}
	var ranges []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		text := s.number(numbers[i])
		if last > i {
			text += "-" + s.number(numbers[last])
		}
		ranges = append(ranges, text)
		i = last + 1
	}
	if len(numbers) == 1 {
		return s.before + ranges[0] + s.after
	}
	return s.before + "[" + strings.Join(ranges, ",") + "]" + s.after
}

func (s shape) number(n int) string { return fmt.Sprintf("%0*d", s.digits, n) }
