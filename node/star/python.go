package star

import (
	"regexp"
	"strings"
)

// finding is something wrong at a place in a file.
type finding struct {
	at         place
	text, hint string
}

// reserved are the words that Starlark reserves for Python and has no use for.
var reserved = map[string]finding{
	"class":    {text: "Starlark has no classes", hint: "make a type with node(...), and derive from it by calling it: Web = node(...), Mine = Web(...)"},
	"try":      {text: "Starlark has no try and except", hint: "call env.attempt(lambda: ...) and look at its .ok, .value and .error"},
	"except":   {text: "Starlark has no try and except", hint: "call env.attempt(lambda: ...) and look at its .ok, .value and .error"},
	"finally":  {text: "Starlark has no try and finally", hint: "call env.attempt(lambda: ...), do what must be done, then fail(...) if it is not .ok"},
	"with":     {text: "Starlark has no with", hint: `a context is a value: site = env.hosts.cd("/srv"), then site.run(...)`},
	"import":   {text: "Starlark has no import", hint: `load("file.star", "name") reads names from another file of the tree`},
	"from":     {text: "Starlark has no import", hint: `load("file.star", "name") reads names from another file of the tree`},
	"raise":    {text: "Starlark has no exceptions to raise", hint: `fail("text") ends the action with an error`},
	"global":   {text: "Starlark has no global", hint: "globals are bound once, while the file is read; pass values and return them"},
	"nonlocal": {text: "Starlark has no nonlocal", hint: "keep what changes in a list or a dictionary"},
	"del":      {text: "Starlark has no del", hint: "use .pop(key) on a list or a dictionary"},
	"yield":    {text: "Starlark has no generators", hint: "build a list and return it"},
	"is":       {text: "Starlark has no is", hint: "compare with == or !="},
	"async":    {text: "Starlark has no async", hint: "a parallel_node runs its actions on all its hosts at once"},
	"await":    {text: "Starlark has no await", hint: "a parallel_node runs its actions on all its hosts at once"},
	"as":       {text: "as is a reserved word", hint: "choose another name"},
}

// keywords are Starlark's own words, after which an operand may begin.
var keywords = map[string]bool{
	"and": true, "break": true, "continue": true, "def": true, "elif": true, "else": true, "for": true, "if": true,
	"in": true, "lambda": true, "load": true, "not": true, "or": true, "pass": true, "return": true, "while": true,
}

// pythonisms finds what Python has and Starlark has not, one finding a line.
func pythonisms(all []token) []finding {
	var found []finding
	seen := map[int]bool{}
	tried := false
	for i, t := range all {
		f, ok := pythonism(all, i)
		tried = tried || t.text == "try"
		handler := t.text == "except" || t.text == "finally"
		if !ok || seen[t.line] || handler && tried {
			if handler {
				seen[t.line] = true
			}
			continue
		}
		seen[t.line] = true
		if f.at == (place{}) {
			f.at = place{t.line, t.col}
		}
		found = append(found, f)
	}
	return found
}

// pythonism looks at one token in its place.
func pythonism(all []token, i int) (finding, bool) {
	switch t := all[i]; t.kind {
	case nameToken:
		return nameFinding(all, i)
	case stringToken:
		return stringFinding(all, i)
	case operatorToken:
		if f, ok := doubled(all, i); ok {
			return f, true
		}
		return operatorFinding(all, i, t)
	case numberToken:
		return numberFinding(t)
	}
	return finding{}, false
}

var starlarkNumber = regexp.MustCompile(`^(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|[0-9]+(?:[eE][0-9]*)?)$`)

func numberFinding(t token) (finding, bool) {
	if starlarkNumber.MatchString(t.text) {
		return finding{}, false
	}
	return finding{text: "Starlark has no number " + t.text, hint: "numbers are such as 1000, 0x1f, 0o644, 0b11 and 1.5e3"}, true
}

// doubled finds operators of two or three characters that Starlark has not.
func doubled(all []token, i int) (finding, bool) {
	if i+1 == len(all) || all[i+1].kind != operatorToken || all[i+1].line != all[i].line || all[i].end != (place{all[i+1].line, all[i+1].col}) {
		return finding{}, false
	}
	last := i+2 == len(all) || all[i+2].line != all[i].line
	switch both := all[i].text + all[i+1].text; {
	case both == "&&":
		return finding{text: "Starlark has no && operator", hint: "write and"}, true
	case both == "||":
		return finding{text: "Starlark has no || operator", hint: "write or"}, true
	case both == ".." && !last && all[i+2].text == ".":
		return finding{text: "Starlark has no ...", hint: "write pass, or None"}, true
	case (both == "++" || both == "--") && last && i > 0 && endsOperand(all[i-1]):
		return finding{text: "Starlark has no " + both + " operator", hint: "write x " + both[:1] + "= 1"}, true
	}
	return finding{}, false
}

func nameFinding(all []token, i int) (finding, bool) {
	t := all[i]
	attached := i+1 < len(all) && !t.spaceAfter && all[i+1].kind == stringToken
	if attached && strings.Trim(strings.ToLower(t.text), "fburt") == "" {
		return stringPrefix(t.text), true
	}
	if f, ok := reserved[t.text]; ok {
		return f, true
	}
	if t.text == "load" && (!t.first || i+1 == len(all) || all[i+1].text != "(") {
		return finding{text: "load is a statement of Starlark's own", hint: `load("file.star", "name") stands by itself; choose another name`}, true
	}
	if !t.first || i+1 == len(all) || all[i+1].line != t.line || !beginsOperand(all[i+1]) {
		return finding{}, false
	}
	switch t.text {
	case "assert":
		return finding{text: "Starlark has no assert", hint: `write: if not condition: fail("text")`}, true
	case "match":
		return finding{text: "Starlark has no match statement", hint: "write if and elif"}, true
	case "print":
		return finding{text: "print is a function", hint: "write print(...)"}, true
	}
	return finding{}, false
}

func stringPrefix(prefix string) finding {
	if strings.ContainsAny(prefix, "fF") {
		return finding{text: "Starlark has no f-strings", hint: `write "... %s ..." % value, or "... {} ...".format(value)`}
	}
	return finding{text: "Starlark has no string prefix " + prefix, hint: `"..." and r"..." are strings, b"..." is bytes`}
}

// beginsOperand tells print x from print(x), print = x and print.x.
func beginsOperand(t token) bool {
	return t.kind == stringToken || t.kind == numberToken || t.kind == nameToken && !keywords[t.text]
}

func stringFinding(all []token, i int) (finding, bool) {
	t := all[i]
	if i == 0 || all[i-1].kind != stringToken || t.first && t.depth == 0 {
		return finding{}, false
	}
	return finding{text: "Starlark does not join string literals that stand side by side", hint: "put a + between them"}, true
}

func operatorFinding(all []token, i int, t token) (finding, bool) {
	switch {
	case t.text == "@" && t.first:
		return finding{text: "Starlark has no decorators", hint: "call it: name = property(fn)"}, true
	case t.text == "**" && i > 0 && endsOperand(all[i-1]):
		return finding{text: "Starlark has no ** operator", hint: "multiply"}, true
	case t.text == "**" && i > 0 && all[i-1].text == "{":
		return finding{text: "Starlark cannot unpack a dictionary in another", hint: "write a | b, or dict(a, **b)"}, true
	case t.text == ":=":
		return finding{text: "Starlark has no := operator", hint: "assign in a statement of its own"}, true
	case t.text == "->":
		return finding{text: "Starlark has no type annotations", hint: "leave it out"}, true
	case t.text == "!":
		return finding{text: "Starlark has no ! operator", hint: "write not"}, true
	case t.text == "`":
		return finding{text: "Starlark has no backquotes", hint: "a command runs through env.hosts.run(...)"}, true
	case t.text == "<>":
		return finding{text: "Starlark has no <> operator", hint: "write !="}, true
	}
	return finding{}, false
}

// endsOperand says whether a value ends with the token, so that what follows
// is a binary operator.
func endsOperand(t token) bool {
	switch t.kind {
	case nameToken:
		return !keywords[t.text]
	case operatorToken:
		return t.text == ")" || t.text == "]" || t.text == "}"
	default:
		return true
	}
}

// syntaxHints tell the way out of what only the parser notices, by what it
// says. The first that fits counts.
var syntaxHints = []struct{ contains, hint string }{
	{"does not associate with", "write a < b and b < c"},
	{"got for, want ':'", "Starlark has no set comprehensions: write set([x for x in xs])"},
	{"got for, want", "Starlark has no generator expressions: put [ ] around it"},
	{"got ':', want ')'", "Starlark has no type annotations"},
	{"got ':', want newline", "Starlark has no type annotations"},
	{"got ',', want ':'", "a set is written set([...]), and a dictionary {key: value}"},
	{"got '}', want ':'", "a set is written set([...]), and a dictionary {key: value}"},
	{"got newline, want ':'", "a colon is missing at the end of the line"},
	{"got '=', want ':'", "compare with ==; to assign in an expression is impossible"},
	{"got '*', want primary expression", "a * stands only before an argument: add lists with +, take them apart with xs[0] and xs[1:]"},
	{"got else, want primary expression", "a loop has no else: note in a list or a name what came of it"},
	{"not an identifier", "a parameter is a name: take a tuple apart inside of the function"},
	{"got '=', want newline", "one name at a time: x = 3, and then y = x"},
	{"obsolete form of octal", "write 0o644"},
	{"unindent does not match", "indent with blanks only"},
	{"unexpected newline in string", `a string that spans lines is written """..."""`},
	{"want newline", "one statement a line; is an operator or a comma missing?"},
	{"keyword argument must have form", "compare with =="},
	{"conditional expression without else", "write: a if condition else b"},
}

// nameHints tell the way out for names that Python has.
var nameHints = map[string]string{
	"setattr":    "a tree cannot be changed from within an action; keep what changes in a dictionary",
	"delattr":    "a tree cannot be changed from within an action; keep what changes in a dictionary",
	"map":        "write [f(x) for x in xs]",
	"filter":     "write [x for x in xs if f(x)]",
	"sum":        "add in a loop",
	"isinstance": `compare type(x) == "string"`,
	"super":      "call the base's function: Base.restart(env)",
	"self":       "the first parameter of an action is env",
	"true":       "write True",
	"false":      "write False",
	"null":       "write None",
	"nil":        "write None",
	"exit":       `fail("text") ends the action with an error`,
	"round":      "write int(x + 0.5)",
	"os":         "a tree does not see the daemon's machine; commands run through env.hosts",
	"subprocess": "commands run through env.hosts.run(...)",
	"time":       "a tree has no clock",
	"re":         `match("pattern", text) gives the groups, or None`,
	"sys":        "a tree does not see the daemon's machine; commands run through env.hosts",
	"open":       `file("name") gives the text of a file in the tree's folder; those of hosts are read with .read(path)`,
	"input":      `env.console.input("label") asks the person who started the run`,
	"datetime":   "a tree has no clock; env.run.started is when the run began",
	"random":     "env.console.choice(..., allow_random = True) leaves a choice to chance",
	"logging":    "env.log(text) writes a line into the run's log",
	"eval":       "a tree cannot run text as code",
	"exec":       "a tree cannot run text as code",
	"callable":   `compare type(x) == "function"`,
	"pow":        "multiply",
	"divmod":     "write x // y and x % y",
	"iter":       "go over it with for, or make a list of it",
	"next":       "go over it with for, or make a list of it",
	"frozenset":  "write set([...])",
	"hex":        `write "%x" % n`,
	"oct":        `write "%o" % n`,
	"globals":    "a tree does not see its own names",
	"locals":     "a tree does not see its own names",
	"object":     "make a type with node(...), or a value with struct(...)",
	"Exception":  `fail("text") ends the action with an error; env.attempt(...) catches one`,
	"ValueError": `fail("text") ends the action with an error; env.attempt(...) catches one`,
	"namedtuple": "struct(name = value, ...) makes one",
	"dataclass":  "struct(name = value, ...) makes one",
}

func syntaxHint(text string) string {
	for _, h := range syntaxHints {
		if strings.Contains(text, h.contains) {
			return h.hint
		}
	}
	return ""
}
