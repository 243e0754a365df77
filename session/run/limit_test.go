package run

import (
	"strings"
	"testing"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	hosts := []string{"web1", "web2", "web9", "web10", "db1.example.com", "db-2"}
	for text, want := range map[string]string{
		"web1":               "web1",
		"web1,db-2":          "web1 db-2",
		"web?":               "web1 web2 web9",
		"web*,!web9":         "web1 web2 web10",
		"!web9,web*":         "web1 web2 web10",
		"!web*":              "db1.example.com db-2",
		"*.example.com":      "db1.example.com",
		"*":                  strings.Join(hosts, " "),
		"nothing":            "",
		"web1,!*":            "",
		"*1*,!web1?,!db1.*m": "web1",
	} {
		l := limit(t, text)
		var got []string
		for _, h := range hosts {
			if l.Match(h) {
				got = append(got, h)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if !(*Limit)(nil).Match("web1") {
		t.Error("no limit does not match")
	}
}

func TestBadLimits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", ",", "web1,", ",web1", "!", "web1,!", "web[1]", `web\1`, "a b", "!!a", "wéb", "a/b", "\xff"} {
		if l, err := ParseLimit(text); err == nil {
			t.Errorf("%q was taken: %+v", text, l)
		}
	}
	if _, err := ParseLimit(strings.Repeat("a,", limitParts) + "a"); err == nil {
		t.Error("too many patterns were taken")
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, seed := range []string{"web1,web*,!web9", "!a", "?", "[", `\`, ",", "*,*?*"} {
		f.Add(seed, "web1")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		l, err := ParseLimit(text)
		if err != nil {
			return
		}
		if l.String() != text {
			t.Errorf("%q prints as %q", text, l)
		}
		if strings.HasPrefix(text, "!") && !strings.Contains(text, ",") && l.Match(name) == matchAny([]string{text[1:]}, name) {
			t.Errorf("%q and %q", text, name)
		}
	})
}
