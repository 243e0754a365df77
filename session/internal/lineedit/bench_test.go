package lineedit

import (
	"strings"
	"testing"
)

func BenchmarkKey(b *testing.B) {
	for name, line := range map[string]string{
		"short":     "deploy v1.2",
		"64KiB":     strings.Repeat("x", MaxLine-100),
		"64KiBWide": strings.Repeat("中", MaxLine/3-100),
	} {
		b.Run(name, func(b *testing.B) {
			e := New(Options{})
			e.Start(Prompt{Text: "alice@box > "})
			e.Feed([]byte(line))
			for b.Loop() {
				e.Feed([]byte("x"))
				e.Feed([]byte("\x7f"))
			}
		})
	}
}
