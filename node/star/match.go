package star

import (
	"fmt"
	"regexp"

	"go.starlark.net/starlark"
)

// Bounds of match: it is one step, which no cancel ends, and its time grows
// with both.
const (
	maxPattern = 1000    // bytes
	maxMatched = 4 << 20 // bytes
)

// matchText is match(pattern, text): what the pattern's groups hold where it
// first fits, None for one that takes no part; without groups the whole; None
// where it fits nowhere.
func matchText(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var pattern, text string
	if err := arguments(b.Name(), args, kwargs, "pattern", &pattern, "text", &text); err != nil {
		return nil, err
	}
	if len(pattern) > maxPattern || len(text) > maxMatched {
		return nil, fmt.Errorf("match: a pattern has at most %d bytes, a text %d", maxPattern, maxMatched)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, withHint(`patterns are RE2's; write them as r"..."`, "match: %v", err)
	}
	at := re.FindStringSubmatchIndex(text)
	if at == nil {
		return starlark.None, nil
	}
	if len(at) > 2 {
		at = at[2:]
	}
	groups := make(starlark.Tuple, 0, len(at)/2)
	for i := 0; i < len(at); i += 2 {
		if at[i] < 0 {
			groups = append(groups, starlark.None)
			continue
		}
		groups = append(groups, starlark.String(text[at[i]:at[i+1]]))
	}
	return groups, nil
}
