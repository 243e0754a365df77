package host

import (
	"errors"
	"strings"
)

var errUnclosed = errors.New("a $(, ${, ` or quote in it is not closed")

// expandable returns value as a double-quoted word that the shell expands. See
// [Context.Setenv] for its rules. Its result still goes through eval: where
// the scanner and a shell disagree (such as on the brackets of case patterns),
// a shell sees a syntax error of that one word, never of the line.
func expandable(value string) (string, error) {
	if strings.IndexByte(value, 0) >= 0 {
		return "", errNUL
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(value); {
		n, err := expansion(value[i:])
		if err != nil {
			return "", err
		}
		switch {
		case n > 0:
			b.WriteString(value[i : i+n])
		case value[i] == '"':
			b.WriteString(`\"`)
		case value[i] == '\\' && i+1 == len(value):
			b.WriteString(`\\`)
		case value[i] == '\\':
			b.WriteString(value[i : i+2])
			n = 2
		default:
			b.WriteByte(value[i])
		}
		i += max(n, 1)
	}
	b.WriteByte('"')
	return b.String(), nil
}

// expansion is the length of the $(...), ${...} or `...` that s starts with, 0
// when it starts with none.
func expansion(s string) (int, error) {
	switch {
	case strings.HasPrefix(s, "$("):
		return closed(s, 2, ')')
	case strings.HasPrefix(s, "${"):
		return closed(s, 2, '}')
	case strings.HasPrefix(s, "`"):
		return closed(s, 1, '`')
	}
	return 0, nil
}

// closed is the length of s up to and with the end that closes it, from from
// on. Quotes, backslashes, nested expansions and brackets are stepped over.
func closed(s string, from int, end byte) (int, error) {
	for i := from; i < len(s); {
		if s[i] == end {
			return i + 1, nil
		}
		n, err := element(s[i:], end)
		if err != nil {
			return 0, err
		}
		i += n
	}
	return 0, errUnclosed
}

// element is the length of what s starts with inside of an expansion.
func element(s string, end byte) (int, error) {
	switch {
	case s[0] == '\\':
		return 2, nil // past the end: unclosed
	case s[0] == '\'' && end != '}': // inside "${...}" it is no quote
		return closedBy(s, '\'')
	case s[0] == '"':
		return closedText(s)
	case s[0] == '(' && end == ')':
		return closed(s, 1, ')')
	}
	n, err := expansion(s)
	return max(n, 1), err
}

func closedBy(s string, end byte) (int, error) {
	if i := strings.IndexByte(s[1:], end); i >= 0 {
		return i + 2, nil
	}
	return 0, errUnclosed
}

// closedText is the length of the "..." that s starts with.
func closedText(s string) (int, error) {
	for i := 1; i < len(s); {
		switch s[i] {
		case '"':
			return i + 1, nil
		case '\\':
			i += 2
			continue
		}
		n, err := expansion(s[i:])
		if err != nil {
			return 0, err
		}
		i += max(n, 1)
	}
	return 0, errUnclosed
}
