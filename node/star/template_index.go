package star

import "fmt"

// indexed is {{index .a "b" 0}}: Go's own gives "<no value>" for a name that is
// not there, and in a tree that is an error.
func indexed(v any, keys ...any) (any, error) {
	for _, key := range keys {
		var err error
		switch of := v.(type) {
		case map[string]any:
			v, err = itemNamed(of, key)
		case templateFields:
			v, err = itemNamed(of, key)
		case []any:
			v, err = itemNumbered(of, key)
		default:
			return nil, fmt.Errorf("%v has no items", v)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func itemNamed(m map[string]any, key any) (any, error) {
	v, ok := m[fmt.Sprint(key)]
	if !ok {
		return nil, fmt.Errorf("there is no %q", fmt.Sprint(key))
	}
	return v, nil
}

func itemNumbered(list []any, key any) (any, error) {
	at := -1
	switch n := key.(type) {
	case int: // one that is written in the template
		at = n
	case int64:
		at = int(n)
	}
	if at < 0 || at >= len(list) {
		return nil, fmt.Errorf("there is no item %v in a list of %d", key, len(list))
	}
	return list[at], nil
}
