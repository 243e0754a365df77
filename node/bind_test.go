package node_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/node"
)

// words makes arguments: name=value is named, unless it begins with a plus,
// which stands for a quoted word.
func words(line string) []node.Argument {
	var all []node.Argument
	for _, word := range strings.Fields(line) {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "+"):
			all = append(all, node.Argument{Value: word[1:]})
		case ok:
			all = append(all, node.Argument{Name: name, Value: value})
		default:
			all = append(all, node.Argument{Value: word})
		}
	}
	return all
}

var (
	deployParams = []node.Param{
		{Name: "version"},
		{Name: "count", HasDefault: true, Default: int64(3)},
		{Name: "ratio", HasDefault: true, Default: 0.5},
		{Name: "force", HasDefault: true, Default: false},
		{Name: "note", HasDefault: true, Default: "none"},
		{Name: "maybe", HasDefault: true, Default: nil},
		{Name: "dry", Kind: node.KeywordOnly, HasDefault: true, Default: true},
	}
	openParams = []node.Param{
		{Name: "first"},
		{Name: "args", Kind: node.VarArgs},
		{Name: "mode", Kind: node.KeywordOnly},
		{Name: "options", Kind: node.KwArgs},
	}
)

func TestBind(t *testing.T) {
	t.Parallel()
	cases := []struct {
		params []node.Param
		line   string
		want   node.Args
	}{
		{nil, "", node.Args{}},
		{deployParams, "v1", node.Args{Pos: []any{"v1"}}},
		{deployParams, "v1 -7 1.5 yes text 5", node.Args{Pos: []any{"v1", int64(-7), 1.5, true, "text", "5"}}},
		{deployParams, "v1 force=1 count=0", node.Args{Pos: []any{"v1"}, Named: []node.Keyword{{"force", true}, {"count", int64(0)}}}},
		{deployParams, "version=v1 dry=no", node.Args{Named: []node.Keyword{{"version", "v1"}, {"dry", false}}}},
		{deployParams, "+version=v1", node.Args{Pos: []any{"version=v1"}}},
		{deployParams, "note=a=b v1", node.Args{Pos: []any{"v1"}, Named: []node.Keyword{{"note", "a=b"}}}},
		{deployParams, "version=", node.Args{Named: []node.Keyword{{"version", ""}}}},
		{deployParams, "v1 ratio=1e3", node.Args{Pos: []any{"v1"}, Named: []node.Keyword{{"ratio", 1000.0}}}},
		{openParams, "a mode=x", node.Args{Pos: []any{"a"}, Named: []node.Keyword{{"mode", "x"}}}},
		{openParams, "a b 3 mode=x other=4", node.Args{Pos: []any{"a", "b", "3"}, Named: []node.Keyword{{"mode", "x"}, {"other", "4"}}}},
		{openParams, "a mode=x args=1 options=2", node.Args{Pos: []any{"a"}, Named: []node.Keyword{{"mode", "x"}, {"args", "1"}, {"options", "2"}}}},
	}
	for _, c := range cases {
		got, err := (&node.Action{Params: c.params}).Bind("deploy", words(c.line))
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.line, diff)
		}
	}
}

func TestBindTruth(t *testing.T) {
	t.Parallel()
	a := &node.Action{Params: []node.Param{{Name: "b", HasDefault: true, Default: false}}}
	for word, want := range map[string]bool{
		"true": true, "True": true, "YES": true, "yes": true, "1": true,
		"false": false, "FALSE": false, "no": false, "No": false, "0": false,
	} {
		args, err := a.Bind("x", words(word))
		if err != nil || args.Pos[0] != want {
			t.Errorf("%s: %v %v", word, args, err)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	t.Parallel()
	const (
		usage = ` (usage: deploy version count=3 ratio=0.5 force=False note="none" maybe=None dry=True)`
		open  = ` (usage: deploy first *args mode= **options)`
	)
	cases := []struct {
		params []node.Param
		line   string
		param  string
		want   string
	}{
		{nil, "x", "", `the argument "x" is too much (deploy takes no arguments)`},
		{nil, "a=x", "a", `there is no parameter "a"; put -- before it if it is no name=value (deploy takes no arguments)`},
		{deployParams, "", "version", "missing: version" + usage},
		{openParams, "", "first", "missing: first, mode" + open},
		{openParams, "a", "mode", "missing: mode" + open},
		{deployParams, "v1 1 2 1 n m more", "", `the argument "more" is too much` + usage},
		{deployParams, "v1 vresion=2", "vresion", `there is no parameter "vresion"; did you mean version?` + usage},
		{deployParams, "v1 dyr=no", "dyr", `there is no parameter "dyr"; did you mean dry?` + usage},
		{deployParams, "v1 version=v2", "version", "version is given twice" + usage},
		{deployParams, "version=v1 v2", "version", "version is given twice, by name and by place" + usage},
		{deployParams, "v1 note=a note=b", "note", "note is given twice" + usage},
		{openParams, "a mode=1 x=1 x=2", "x", "x is given twice" + open},
		{deployParams, "v1 many", "count", `count: "many" is no whole number` + usage},
		{deployParams, "v1 1.0", "count", `count: "1.0" is no whole number` + usage},
		{deployParams, "v1 99999999999999999999", "count", `count: "99999999999999999999" is no whole number` + usage},
		{deployParams, "v1 0x10", "count", `count: "0x10" is no whole number` + usage},
		{deployParams, "v1 ratio=half", "ratio", `ratio: "half" is no number` + usage},
		{deployParams, "v1 ratio=NaN", "ratio", `ratio: "NaN" is no number` + usage},
		{deployParams, "v1 ratio=inf", "ratio", `ratio: "inf" is no number` + usage},
		{deployParams, "v1 ratio=1e999", "ratio", `ratio: "1e999" is no number` + usage},
		{deployParams, "v1 force=maybe", "force", `force: "maybe" is neither true (yes, 1) nor false (no, 0)` + usage},
		{deployParams, "v1 force=", "force", `force: "" is neither true (yes, 1) nor false (no, 0)` + usage},
	}
	for _, c := range cases {
		_, err := (&node.Action{Params: c.params}).Bind("deploy", words(c.line))
		refused, ok := errors.AsType[*node.ArgumentError](err)
		if !ok {
			t.Errorf("%q: got %v", c.line, err)
			continue
		}
		if refused.Action != "deploy" || refused.Param != c.param || refused.Error() != "deploy: "+c.want {
			t.Errorf("%q: parameter %q\n got %s\nwant deploy: %s", c.line, refused.Param, refused, c.want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"None": nil, "True": true, "False": false, "2.0": 2.0, "-0.5": -0.5, "1e+30": 1e30, "7": int64(7), "a b": "a b",
	} {
		if got := node.Text(v); got != want {
			t.Errorf("%v is shown as %q, want %q", v, got, want)
		}
	}
}
