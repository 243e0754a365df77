package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on the file. A configuration has four levels.
const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 32      // levels of nesting
	maxPairs = 50_000  // keys; the parser's time grows with their square in one mapping
)

// place is a position in the file, from 1; the zero place is the file as a
// whole.
type place struct{ line, col int }

// syntaxError is a text that is no YAML we read.
type syntaxError struct {
	at         place
	text, hint string
}

func (e *syntaxError) Error() string { return e.text }

// parse reads a text into its one document, nil when it is empty.
func parse(text []byte) (body ast.Node, err error) {
	if !utf8.Valid(text) {
		return nil, &syntaxError{place{}, "the file is not UTF-8", ""}
	}
	defer func() {
		// The parser is not ours, and a file of a running daemon must not end it.
		if p := recover(); p != nil {
			body, err = nil, &syntaxError{place{}, fmt.Sprintf("the YAML cannot be read: %v", p), ""}
		}
	}()
	tokens := lexer.Tokenize(strings.TrimPrefix(string(text), "\uFEFF"))
	if err := checkShape(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, asSyntaxError(err)
	}
	return onlyDocument(file)
}

func onlyDocument(file *ast.File) (ast.Node, error) {
	var body ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case body != nil:
			return nil, &syntaxError{start(doc.Body), "a second document begins here", "one file is one configuration"}
		default:
			body = doc.Body
		}
	}
	return body, nil
}

func asSyntaxError(err error) error {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) {
		return &syntaxError{place{}, "the YAML cannot be read: " + err.Error(), ""}
	}
	return &syntaxError{tokenPlace(syntax.Token), "the YAML cannot be read: " + syntax.Message, ""}
}

// checkShape refuses what would make the parser work or recurse without bound:
// brackets in brackets, blocks in blocks, which need a column or an indicator
// each, and too many keys.
func checkShape(tokens token.Tokens) error {
	flow, line, indicators, pairs := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, indicators = t.Position.Line, 0
			if flow == 0 && t.Position.Column > 8*maxDepth {
				return tooDeep(t)
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			indicators++
		case token.MappingValueType:
			pairs++
		}
		if pairs > maxPairs {
			return &syntaxError{tokenPlace(t), fmt.Sprintf("the file has more than %d keys", maxPairs), ""}
		}
		if flow > maxDepth || indicators > maxDepth {
			return tooDeep(t)
		}
	}
	return nil
}

func tooDeep(t *token.Token) error {
	return &syntaxError{tokenPlace(t), "the YAML is nested too deeply", ""}
}

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// start is where a node begins. A block's own token is its first colon.
func start(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return tokenPlace(m.Values[0].Key.GetToken())
	}
	return tokenPlace(n.GetToken())
}
