package star

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	starjson "go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Bounds of JSON in a tree.
const (
	maxJSON       = 16 << 20 // bytes of a text
	maxJSONDepth  = 1000
	maxJSONDigits = 10_000 // of a number
)

// jsonModule is the builtin json.
func jsonModule() starlark.Value {
	members := starlark.StringDict{}
	for name, fn := range map[string]builtinFunc{
		"decode": decodeJSON, "encode": encodeJSON, "encode_indent": encodeIndented, "indent": indentJSON,
	} {
		members[name] = starlark.NewBuiltin("json."+name, fn)
	}
	return &starlarkstruct.Module{Name: "json", Members: members}
}

// decodeJSON is json.decode(text, default): objects keep their order.
func decodeJSON(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		text, ok := starlark.AsString(args[0])
		if !ok {
			return nil, fmt.Errorf("json.decode: got %s, want a text", args[0].Type())
		}
		if err := checkJSON(text); err != nil {
			return nil, fmt.Errorf("json.decode: %w", err)
		}
		thread.Steps += uint64(len(text) / 10)
	}
	decode := starjson.Module.Members["decode"].(*starlark.Builtin)
	v, err := decode.CallInternal(thread, args, kwargs)
	if err != nil && len(args) > 0 {
		text, _ := starlark.AsString(args[0])
		return nil, withLine(err, text)
	}
	return v, err
}

// checkJSON finds what would take too much to decode.
func checkJSON(text string) error {
	if len(text) > maxJSON {
		return fmt.Errorf("the text is larger than %d MiB", maxJSON>>20)
	}
	depth, digits, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if digits++; c < '0' || c > '9' || quoted {
			digits = 0
		}
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		}
		if depth > maxJSONDepth {
			return fmt.Errorf("it nests more than %d deep", maxJSONDepth)
		}
		if digits > maxJSONDigits {
			return fmt.Errorf("a number has more than %d digits", maxJSONDigits)
		}
	}
	return nil
}

var jsonOffset = regexp.MustCompile(`at offset ([0-9]+), `)

// withLine tells the line of an error instead of its byte.
func withLine(err error, text string) error {
	found := jsonOffset.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	at, convErr := strconv.Atoi(found[1])
	if convErr != nil || at > len(text) {
		return err
	}
	line := strings.Count(text[:at], "\n") + 1
	return errors.New(strings.Replace(err.Error(), found[0], fmt.Sprintf("line %d: ", line), 1))
}

// encodeJSON is json.encode(value): dictionaries keep their order.
func encodeJSON(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var v starlark.Value
	if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &v); err != nil {
		return nil, err
	}
	text, err := jsonText(thread, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Name(), err)
	}
	return starlark.String(text), nil
}

func jsonText(thread *starlark.Thread, v starlark.Value) ([]byte, error) {
	e := &jsonEncoder{}
	err := e.value(v, 0)
	thread.Steps += uint64(len(e.text) / 10)
	return e.text, err
}

// encodeIndented is json.encode_indent(value, prefix = "", indent = "\t").
func encodeIndented(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	text, err := encodeJSON(thread, b, args, nil)
	if err != nil {
		return nil, err
	}
	return indentJSON(thread, b, starlark.Tuple{text}, kwargs)
}

// indentJSON is json.indent(text, prefix = "", indent = "\t").
func indentJSON(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		text, _ := starlark.AsString(args[0])
		if err := checkJSON(text); err != nil {
			return nil, fmt.Errorf("%s: %w", b.Name(), err)
		}
	}
	for _, kw := range kwargs {
		if text, ok := starlark.AsString(kw[1]); ok && len(text) > 20 {
			return nil, fmt.Errorf("%s: more than 20 characters for one level", b.Name())
		}
	}
	return starjson.Module.Members["indent"].(*starlark.Builtin).CallInternal(thread, args, kwargs)
}

// jsonEncoder writes values as JSON, within bounds.
type jsonEncoder struct{ text []byte }

func (e *jsonEncoder) value(v starlark.Value, depth int) error {
	switch {
	case depth > maxJSONDepth:
		return fmt.Errorf("it nests more than %d deep", maxJSONDepth)
	case len(e.text) > maxJSON:
		return fmt.Errorf("it is larger than %d MiB", maxJSON>>20)
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return e.plain(nil)
	case starlark.Bool:
		return e.plain(bool(v))
	case starlark.String:
		return e.plain(string(v))
	case starlark.Int:
		e.text = append(e.text, v.String()...)
		return nil
	case starlark.Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return fmt.Errorf("JSON has no number %v", v)
		}
		e.text = append(e.text, v.String()...)
		return nil
	case *starlark.Dict:
		return e.object(v.Items(), depth)
	case *starlarkstruct.Struct:
		return e.fields(v, depth)
	case *resultValue:
		return e.plain(v.json())
	case *resultsValue:
		return e.object(v.named(), depth)
	case *starlark.List, starlark.Tuple, *starlark.Set:
		return e.list(v.(starlark.Iterable), depth)
	case *secretValue:
		return v.formatted()
	}
	return withHint("take from it what is wanted", "a %s has no form in JSON", v.Type())
}

// plain writes what Go can.
func (e *jsonEncoder) plain(v any) error {
	var b strings.Builder
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return err
	}
	e.text = append(e.text, strings.TrimSuffix(b.String(), "\n")...)
	return nil
}

func (e *jsonEncoder) list(list starlark.Iterable, depth int) error {
	e.text = append(e.text, '[')
	first := true
	for item := range starlark.Elements(list) {
		if !first {
			e.text = append(e.text, ',')
		}
		first = false
		if err := e.value(item, depth+1); err != nil {
			return err
		}
	}
	e.text = append(e.text, ']')
	return nil
}

func (e *jsonEncoder) object(items []starlark.Tuple, depth int) error {
	e.text = append(e.text, '{')
	for i, item := range items {
		key, ok := starlark.AsString(item[0])
		if !ok {
			return fmt.Errorf("the keys of an object are texts, not %s", item[0].Type())
		}
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if err := e.plain(key); err != nil {
			return err
		}
		e.text = append(e.text, ':')
		if err := e.value(item[1], depth+1); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	e.text = append(e.text, '}')
	return nil
}

func (e *jsonEncoder) fields(s *starlarkstruct.Struct, depth int) error {
	items := make([]starlark.Tuple, 0, len(s.AttrNames()))
	for _, name := range s.AttrNames() {
		v, err := s.Attr(name)
		if err != nil {
			return err
		}
		items = append(items, starlark.Tuple{starlark.String(name), v})
	}
	return e.object(items, depth)
}
