package star

import (
	"context"
	"encoding/json"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/node"
)

// Value is a Starlark value that Go has no own type for, on its way through
// the node package: an attribute, an argument, a result. It is frozen, or no
// thread uses it any more.
type Value struct{ v starlark.Value }

// String is what print shows of it.
func (v Value) String() string { return shown(v.v) }

// TypeName is its kind, as type(...) has it.
func (v Value) TypeName() string { return v.v.Type() }

// MarshalJSON gives lists and dictionaries as such, a command's result as an
// object, and everything else as its text.
func (v Value) MarshalJSON() ([]byte, error) {
	plain, err := jsonValue(v.v, 0)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// WasShown says whether it is what a command printed and the user has seen: a
// result, or the results of several hosts or cells that all were shown.
func (v Value) WasShown() bool { return wasShown(v.v) }

func wasShown(v starlark.Value) bool {
	switch v := v.(type) {
	case *resultValue:
		return !v.quiet
	case *resultsValue:
		for _, item := range v.values {
			if !wasShown(item) && item != starlark.None {
				return false
			}
		}
		return len(v.values) > 0
	}
	return false
}

// shown is a value's text: a string as it is, anything else as print has it.
func shown(v starlark.Value) string {
	if s, ok := starlark.AsString(v); ok {
		return s
	}
	if err := hasText(v); err != nil {
		return fmt.Sprintf("<%s: %v>", v.Type(), err)
	}
	return v.String()
}

// toGo gives a value the form in which the node package carries it.
func toGo(v starlark.Value) any {
	switch v := v.(type) {
	case starlark.NoneType:
		return nil
	case starlark.String:
		return string(v)
	case starlark.Bool:
		return bool(v)
	case starlark.Float:
		return float64(v)
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n
		}
	case *envValue:
		return v.e
	}
	return Value{v}
}

// fromGo is the way back. An env is placed in ctx, so that its properties end
// with the call that reads them.
func fromGo(ctx context.Context, c *catalog, v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case Value:
		return placed(ctx, v.v), nil
	case starlark.Value:
		return placed(ctx, v), nil
	case string:
		return starlark.String(v), nil
	case bool:
		return starlark.Bool(v), nil
	case int:
		return starlark.MakeInt(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case float64:
		return starlark.Float(v), nil
	case *node.CellResults:
		return cellResults(ctx, c, v)
	case *node.Env:
		return &envValue{ctx: ctx, e: v, catalog: c}, nil
	case node.Group:
		return groupValue{g: v}, nil
	case fmt.Stringer:
		return starlark.String(v.String()), nil
	}
	return nil, fmt.Errorf("a Go %T has no place in a tree", v)
}

func placed(ctx context.Context, v starlark.Value) starlark.Value {
	if e, ok := v.(*envValue); ok {
		return &envValue{ctx: ctx, e: e.e, catalog: e.catalog}
	}
	return v
}

// maxNesting bounds how deep lists nest in JSON, and ends those that hold
// themselves.
const maxNesting = 100

// jsonValue is what json.Marshal takes for a value.
func jsonValue(v starlark.Value, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("a value is nested more than %d deep", maxNesting)
	}
	switch v := v.(type) {
	case starlark.NoneType, starlark.String, starlark.Bool:
		return toGo(v), nil
	case starlark.Int:
		return json.Number(v.String()), nil
	case starlark.Float:
		return jsonFloat(v), nil
	case *starlark.Dict:
		return jsonObject(v.Items(), depth)
	case *resultValue:
		return v.json(), nil
	case *resultsValue:
		return jsonObject(v.named(), depth)
	case *statValue:
		return jsonObject(v.fields(), depth)
	}
	if !isListed(v) {
		return shown(v), nil
	}
	list := []any{}
	for item := range listed(v) {
		plain, err := jsonValue(item, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, plain)
	}
	return list, nil
}

// jsonFloat gives infinities and NaN, which JSON has not, as their text.
func jsonFloat(f starlark.Float) any {
	if _, err := json.Marshal(float64(f)); err != nil {
		return f.String()
	}
	return float64(f)
}

// jsonObject keeps the order of the items, which a map would not.
func jsonObject(items []starlark.Tuple, depth int) (any, error) {
	var b []byte
	for i, item := range items {
		plain, err := jsonValue(item[1], depth+1)
		if err != nil {
			return nil, err
		}
		key, err := json.Marshal(shown(item[0]))
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(plain)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return json.RawMessage("{" + string(b) + "}"), nil
}
