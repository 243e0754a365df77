package node

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const maxSuggestions = 3

// didYouMean is the hint of some suggestions, "" without any.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(names, " or ") + "?"
}

// near gives the names that are nearest to a word, at most three. Long words
// are no misspelling of anything; they are bounded here because a user may
// send any.
func near(word string, names []string) []string {
	const longest = 64
	if word == "" || len(word) > longest {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	allowed := 1 + utf8.RuneCountInString(word)/4
	for _, name := range names {
		if d := misspelt(word, name, allowed); d <= allowed {
			found = append(found, candidate{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var best []string
	for _, c := range found[:min(len(found), maxSuggestions)] {
		best = append(best, c.name)
	}
	return best
}

// misspelt counts how far a word is from a name; a word that begins the name
// is at most allowed away from it.
func misspelt(word, name string, allowed int) int {
	a, b := strings.ToLower(word), strings.ToLower(name)
	if len(a) >= 3 && strings.HasPrefix(b, a) {
		return min(allowed, len(b)-len(a))
	}
	if diff := len(a) - len(b); diff > 4*allowed || diff < -4*allowed {
		return allowed + 1
	}
	return distance([]rune(a), []rune(b))
}

// distance is the number of letters added, left out, changed or swapped with
// their neighbour (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
