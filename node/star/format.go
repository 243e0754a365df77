package star

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bazelbuild/buildtools/build"
	"go.starlark.net/syntax"
)

// ErrMeaning says that a file was not formatted because it would have changed
// what it means.
var ErrMeaning = errors.New("the formatter would change what it means; it stays as it is")

// Format lays out a file of a tree. The error is a *LoadError when it does not
// parse; name is for errors alone. What a file means never changes, nor does the
// order of anything in it.
func Format(name string, source []byte) ([]byte, error) {
	text := strings.TrimPrefix(string(source), "\ufeff")
	p := parse(filepath.Base(name), text)
	if p.file == nil {
		return nil, formatErrors(name, text, p.findings)
	}
	before := meaning(p.file)
	file, err := build.ParseDefault(name, []byte(whileOut(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: format: %w", name, err)
	}
	after := whileBack(string(build.FormatWithoutRewriting(file)))
	again, err := dialect.Parse(name, after, 0)
	if err != nil || !slices.Equal(before, meaning(again)) {
		return nil, fmt.Errorf("%s: %w", name, ErrMeaning)
	}
	return []byte(after), nil
}

func formatErrors(name, source string, findings []finding) error {
	lines := splitLines(source)
	e := &LoadError{}
	for _, f := range findings {
		p := Problem{File: name, Line: f.at.line, Col: f.at.col, Text: f.text, Hint: f.hint}
		if f.at.line > 0 && f.at.line <= len(lines) {
			p.Source = lines[f.at.line-1]
		}
		e.Problems = append(e.Problems, p)
	}
	return e
}

// whileMark stands for while in what the formatter gets, which knows no while.
const whileMark = "for deployerd_while in"

// whileOut writes each while loop as one that the formatter knows.
func whileOut(source string) string {
	var b strings.Builder
	lines := strings.SplitAfter(source, "\n")
	at := 0
	for _, t := range tokens(source) {
		if t.kind != nameToken || t.text != "while" || !t.first {
			continue
		}
		for ; at < t.line-1; at++ {
			b.WriteString(lines[at])
		}
		lines[at] = strings.Replace(lines[at], "while", whileMark, 1)
	}
	b.WriteString(strings.Join(lines[at:], ""))
	return b.String()
}

func whileBack(source string) string { return strings.ReplaceAll(source, whileMark, "while") }

// meaning lists all that a file consists of but its layout, its brackets and
// how its literals are written.
func meaning(file *syntax.File) []string {
	var all []string
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case nil:
			all = append(all, "end")
		case *syntax.ParenExpr:
			all = append(all, "(")
		case *syntax.Literal:
			all = append(all, fmt.Sprintf("%T %v", n.Value, n.Value))
		case *syntax.Ident:
			all = append(all, n.Name)
		case *syntax.BinaryExpr:
			all = append(all, "binary "+n.Op.String())
		case *syntax.UnaryExpr:
			all = append(all, "unary "+n.Op.String())
		case *syntax.AssignStmt:
			all = append(all, "assign "+n.Op.String())
		case *syntax.BranchStmt:
			all = append(all, n.Token.String())
		default:
			all = append(all, fmt.Sprintf("%T", n))
		}
		return true
	})
	return all
}
