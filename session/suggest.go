package session

import (
	"slices"
	"strings"
)

// maxSuggestions is how many names a wrong one is answered with.
const maxSuggestions = 3

// suggest returns the names that are nearest to a wrong one, nearest first.
func suggest(wrong string, names []string) []string {
	const longest = 64 // beyond this it is no slip of the finger
	type candidate struct {
		name string
		far  int
	}
	if len(wrong) > longest {
		return nil
	}
	var near []candidate
	for _, name := range names {
		if len(name) > longest || name == wrong {
			continue
		}
		if far := distance(strings.ToLower(wrong), strings.ToLower(name)); far <= 1+len(name)/4 && far < len(wrong) {
			near = append(near, candidate{name, far})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.far - b.far })
	var list []string
	for _, c := range near[:min(len(near), maxSuggestions)] {
		list = append(list, c.name)
	}
	return list
}

// distance counts the bytes to insert, delete, change or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// didYouMean is the end of a sentence about a wrong name.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, ", ") + "?"
}
