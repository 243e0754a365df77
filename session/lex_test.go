package session

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func lexAll(line string) ([]word, error) {
	l := lexer{src: line}
	var words []word
	for {
		w, ok, err := l.next()
		if err != nil || !ok {
			return words, err
		}
		words = append(words, w)
	}
}

func TestWordsSplitAsAShellSplitsThem(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		``:                          nil,
		` 	 `:                       nil,
		`deploy v1.2`:               {"deploy", "v1.2"},
		`  a	b  `:                   {"a", "b"},
		`a 'b c' d`:                 {"a", "b c", "d"},
		`''`:                        {""},
		`a '' b`:                    {"a", "", "b"},
		`a"b c"'d e'f`:              {"ab cd ef"},
		`a\ b`:                      {"a b"},
		`\'`:                        {"'"},
		`"a'b"`:                     {"a'b"},
		`'a"b'`:                     {`a"b`},
		`"\$\"\\\x"`:                {`$"\\x`},
		`'\x'`:                      {`\x`},
		`$HOME * ? ~ # ! ` + "`id`": {"$HOME", "*", "?", "~", "#", "!", "`id`"},
		`a # b`:                     {"a", "#", "b"},
		`'a;b|c<d>e(f)&&g'`:         {"a;b|c<d>e(f)&&g"},
		`a\;b`:                      {"a;b"},
		`http://x/?a=1&b=2`:         {"http://x/?a=1&b=2"},
		"'two\nlines'":              {"two\nlines"},
		"a \\\n  b":                 {"a", "b"},
		"a\\\nb":                    {"ab"},
		"\"a\\\nb\"":                {"ab"},
		`grüße 'wörld'`:             {"grüße", "wörld"},
	} {
		words, err := lexAll(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		var got []string
		for _, w := range words {
			got = append(got, w.text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestWordsRememberWhatWasQuoted(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`name=value`: 10, `name='v x'`: 5, `'name'=v`: 0, `na\me=v`: 2, `n"a"me=v`: 1, `''a`: 0, `a''`: 1,
	} {
		words, err := lexAll(line)
		if err != nil || len(words) != 1 || words[0].bare != want {
			t.Errorf("%s: %+v %v, want %d bytes without quotes", line, words, err, want)
		}
	}
}

func TestWhatMustBeQuotedIsNamed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"a;b": "; has no meaning here: quote it", "a|b": "| has", "a<b": "< has", "a>b": "> has",
		"(a": "( has", "a)": ") has", "a&&b": "&& has", "a && b": "&& has", "a\nb": "a newline has",
	} {
		_, err := lexAll(line)
		if err == nil || !strings.Contains(err.Error(), want) || exitCode(err) != exitWrong {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

func TestOpenQuotesAskForMore(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`a 'b`, `a "b`, `a \`, `'`, `"\`, `"\"`} {
		if _, err := lexAll(line); !errors.Is(err, errIncomplete) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestWhatNoLineMayHold(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"a\x00b": "U+0000", "a\x1bb": "U+001B", "a\rb": "U+000D", "\x7f": "U+007F", "a\u0085": "U+0085",
		"a\xffb": "not UTF-8", "\xc3": "not UTF-8", strings.Repeat("a", maxLine+1): "longer than 64 KiB",
	} {
		if err := checkLine(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", line, err, want)
		}
	}
	if err := checkLine("grüße \uFFFD\t'\n'" + strings.Repeat("a", 1000)); err != nil {
		t.Error(err)
	}
}

func FuzzLex(f *testing.F) {
	for _, seed := range []string{`a 'b c' "d\"e" f\ g`, `--run x -- y | z`, "a \\\n b", `'`, "\\", `""''`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := lexAll(line)
		if err != nil {
			return
		}
		// Quoted again, the words come back the same.
		var again []string
		for _, w := range words {
			if w.bare > len(w.text) || w.sole && !strings.Contains(line, w.text) {
				t.Fatalf("%q: %+v", line, w)
			}
			again = append(again, "'"+strings.ReplaceAll(w.text, "'", `'\''`)+"'")
		}
		twice, err := lexAll(strings.Join(again, " "))
		if err != nil || len(twice) != len(words) {
			t.Fatalf("%q: %d words, then %d: %v", line, len(words), len(twice), err)
		}
		for i := range words {
			if twice[i].text != words[i].text {
				t.Fatalf("%q: %q became %q", line, words[i].text, twice[i].text)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`--json production.web --forks=5 deploy v1`, `--run web -- a | b`, `-- --run web -- x`, `sandbox --limit a,b x`,
		`ls -l`, `a -- b`, `--reason 'x y' a`, `a &`, `--`, ``, "--run\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parse(text, func(words []string) bool { return len(words) > 1 })
		if err != nil {
			if exitCode(err) != exitWrong {
				t.Fatalf("%q: %v is not a wrong line", text, err)
			}
			return
		}
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > maxLine {
			t.Fatalf("%q was taken", text)
		}
		if l.raw != "" && !strings.HasSuffix(text, l.raw) {
			t.Fatalf("%q: the command %q is not the rest of the line", text, l.raw)
		}
		if l.command == nil && len(l.words) == 0 || l.dash > len(l.words) {
			t.Fatalf("%q: %+v", text, l)
		}
	})
}
