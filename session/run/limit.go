package run

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Limit is a parsed --limit.
type Limit struct {
	text      string
	only, not []string
}

// limitParts bounds the patterns of one --limit.
const limitParts = 10_000

// ParseLimit reads web1,web*,!web9: patterns of host names, in which * stands
// for any bytes and ? for one, those with ! taken away; only negative ones
// start from all. The error names the part that is wrong.
func ParseLimit(text string) (*Limit, error) {
	l := &Limit{text: text}
	parts := strings.Split(text, ",")
	if len(parts) > limitParts {
		return nil, fmt.Errorf("limit: more than %d patterns", limitParts)
	}
	for _, part := range parts {
		pattern, negative := strings.CutPrefix(part, "!")
		if err := checkPattern(pattern); err != nil {
			return nil, fmt.Errorf("limit %q: %w", text, err)
		}
		if negative {
			l.not = append(l.not, pattern)
			continue
		}
		l.only = append(l.only, pattern)
	}
	return l, nil
}

func checkPattern(pattern string) error {
	if pattern == "" {
		return errors.New("a pattern is empty")
	}
	for _, c := range pattern {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("._-*?", c) {
			return fmt.Errorf("%q is no pattern of host names: %q cannot stand in one", pattern, c)
		}
	}
	return nil
}

// Match says whether a host is in. A nil Limit matches all.
func (l *Limit) Match(host string) bool {
	if l == nil {
		return true
	}
	return (len(l.only) == 0 || matchAny(l.only, host)) && !matchAny(l.not, host)
}

// String is the limit as it was written; "" for a nil Limit.
func (l *Limit) String() string {
	if l == nil {
		return ""
	}
	return l.text
}

// matchAny uses path.Match, whose other special bytes checkPattern refuses.
func matchAny(patterns []string, host string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, host); ok && err == nil {
			return true
		}
	}
	return false
}
