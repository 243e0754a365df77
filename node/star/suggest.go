package star

import "strings"

// nearest returns the candidate that word is most likely a misspelling of, or
// "". Case and underscores count for nothing.
func nearest(word string, candidates []string) string {
	folded := fold(word)
	best, bound := "", (len(folded)+1)/2
	for _, c := range candidates {
		if c == word {
			continue
		}
		if d := distance(folded, fold(c)); d < bound {
			best, bound = c, d
		}
	}
	return best
}

// didYouMean is the hint for a misspelt word, or "".
func didYouMean(word string, candidates []string) string {
	if n := nearest(word, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

func fold(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "_", ""))
}

// distance is the Levenshtein distance of two words in bytes, with a swap of
// neighbours counted once.
func distance(a, b string) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
