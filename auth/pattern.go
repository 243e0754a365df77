package auth

import (
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxPattern bounds a pattern, in bytes.
const maxPattern = 256

// pathPattern is a pattern over tree paths: * within a name, ** any number of
// levels, the node itself included.
type pathPattern string

// parsePath checks a pattern. What the patterns of others have beyond * and **
// is not the contract's, and names of nodes never need it.
func parsePath(text string) (pathPattern, error) {
	if err := checkPattern(text); err != nil {
		return "", err
	}
	if !strings.HasPrefix(text, "/") {
		return "", advise("a path begins with a slash, such as /staging/**", "%q is no path", text)
	}
	if text != path.Clean(text) {
		return "", advise("the path is "+path.Clean(text), "%q has empty or dotted parts", text)
	}
	if strings.Contains(text, ":") {
		return "", advise("use hosts: to narrow a rule to some", "%q names a cell; paths are without cells", text)
	}
	for part := range strings.SplitSeq(text, "/") {
		if part != "**" && strings.Contains(part, "**") {
			return "", advise("** stands alone between slashes", "%q has ** within a name", text)
		}
	}
	return pathPattern(norm.NFC.String(text)), nil
}

// match says whether a place matches; "" is the daemon as a whole, which counts
// as the root.
func (p pathPattern) match(place string) bool {
	if place == "/" || place == "" {
		// The root has no name, which * would need.
		return p == "/" || strings.ReplaceAll(string(p), "/**", "") == ""
	}
	return glob(parts(string(p)), parts(place), "**", matchText)
}

func parts(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// matchText says whether a name matches a pattern in which * is any text.
func matchText(pattern, name string) bool {
	return glob([]byte(pattern), []byte(name), '*', func(p, n byte) bool { return p == n })
}

// glob matches all of text with a pattern, in which star stands for any number
// of elements, none too. Only the last star seen is gone back to: what the ones
// before it took can stay as it is, so the time is bounded by the product of
// the lengths.
func glob[T comparable](pattern, text []T, star T, same func(p, t T) bool) bool {
	p, back, taken := 0, -1, 0
	for t := 0; t < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == star:
			back, taken = p, t
			p++
		case p < len(pattern) && same(pattern[p], text[t]):
			p++
			t++
		case back >= 0:
			taken++
			p, t = back+1, taken
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == star {
		p++
	}
	return p == len(pattern)
}

// namePattern is a pattern over the names of groups, hosts or actions, in which
// * is any text.
type namePattern string

func parseNamePattern(text string) (namePattern, error) {
	if err := checkPattern(text); err != nil {
		return "", err
	}
	if strings.Contains(text, "**") {
		return "", advise("write *", "%q has ** in a name", text)
	}
	if strings.ContainsAny(text, "/:") {
		return "", advise("use paths: for nodes", "%q is no name", text)
	}
	return namePattern(norm.NFC.String(text)), nil
}

// match says whether a name matches; the empty name, of what has none, does
// not.
func (p namePattern) match(name string) bool {
	return name != "" && matchText(string(p), name)
}

func checkPattern(text string) error {
	switch {
	case text == "":
		return advise("leave the key out to mean all", "the pattern is empty")
	case len(text) > maxPattern:
		return advise("", "the pattern is longer than %d bytes", maxPattern)
	case strings.ContainsAny(text, `?[]{}\!`):
		return advise("* and ** are the only wildcards", "%q has characters that no name has", text)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\uFFFD' }):
		return advise("", "%q has blanks or control characters", text)
	}
	return nil
}
