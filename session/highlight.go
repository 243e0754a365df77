package session

import (
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
)

// starlarkLexer cuts the tree's language into what is coloured alike. The
// rules are our own: those that come with chroma are for 250 languages, and
// all are read when the program starts.
var starlarkLexer = sync.OnceValues(func() (*chroma.RegexLexer, error) {
	return chroma.NewLexer(&chroma.Config{Name: "Starlark", EnsureNL: true, DotAll: true}, func() chroma.Rules {
		return chroma.Rules{"root": {
			{Pattern: `#[^\n]*`, Type: chroma.Comment},
			{Pattern: `r?b?"""(?:[^\\]|\\.)*?"""|r?b?'''(?:[^\\]|\\.)*?'''`, Type: chroma.LiteralString},
			{Pattern: `r?b?"(?:[^"\\\n]|\\.)*"|r?b?'(?:[^'\\\n]|\\.)*'`, Type: chroma.LiteralString},
			{Pattern: `(def)([ \t]+)(\w+)`, Type: chroma.ByGroups(chroma.Keyword, chroma.Text, chroma.NameFunction)},
			{Pattern: `(?:and|break|continue|def|elif|else|for|if|in|lambda|load|not|or|pass|return|while)\b`, Type: chroma.Keyword},
			{Pattern: `(?:None|True|False|Q|ALL_HOSTS)\b`, Type: chroma.KeywordConstant},
			{Pattern: `(?:0[xXoObB])?\d[\w.]*`, Type: chroma.LiteralNumber},
			{Pattern: `[^\W\d]\w*`, Type: chroma.Name},
			{Pattern: `[ \t\n]+`, Type: chroma.Text},
			{Pattern: `.`, Type: chroma.Operator},
		}}
	})
})

// colourOf is how a kind of token is shown; "" as it is.
func colourOf(t chroma.TokenType) string {
	switch {
	case t == chroma.KeywordConstant, t.InCategory(chroma.Literal) && !t.InSubCategory(chroma.LiteralString):
		return cyan
	case t.InCategory(chroma.Keyword):
		return blue
	case t.InCategory(chroma.Comment):
		return dim
	case t.InSubCategory(chroma.LiteralString):
		return green
	case t == chroma.NameFunction:
		return bold
	}
	return ""
}

const (
	blue = "34"
	cyan = "36"
)

// highlighted is source text in colours, line by line, with control characters
// escaped. What cannot be cut into tokens is shown without colours.
func highlighted(text string, colour func(sgr, text string) string) string {
	lexer, err := starlarkLexer()
	if err != nil {
		return sourceLines(text)
	}
	tokens, err := lexer.Tokenise(nil, text)
	if err != nil {
		return sourceLines(text)
	}
	var b strings.Builder
	for token := tokens(); token != chroma.EOF; token = tokens() {
		writeToken(&b, token, colour)
	}
	return b.String()
}

// writeToken colours each line of a token by itself: a terminal that scrolls
// or a pager would else lose the colour.
func writeToken(b *strings.Builder, token chroma.Token, colour func(sgr, text string) string) {
	sgr := colourOf(token.Type)
	for i, line := range strings.Split(token.Value, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		shown := printable(line)
		if sgr != "" && shown != "" {
			shown = colour(sgr, shown)
		}
		b.WriteString(shown)
	}
}

// sourceLines is source text with control characters escaped.
func sourceLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
