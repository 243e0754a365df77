package session

import (
	"strings"
)

// line is a line taken apart. Without a command it is a path and perhaps an
// action with its arguments, which only the tree can tell apart.
type line struct {
	opts    options
	command *command
	words   []word
	dash    int    // how many words stood before --, or -1 without one
	raw     string // of a raw command: what follows --, byte for byte
}

// texts are the words as plain text.
func texts(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}

// path are the words that may be part of a path: those before --.
func (l *line) path() []string {
	if l.dash >= 0 {
		return texts(l.words[:l.dash])
	}
	return texts(l.words)
}

// parser takes a line apart. reached says whether words lead to an action
// already: after that, options are refused.
type parser struct {
	lex     lexer
	line    line
	reached func(words []string) bool
	atDash  bool // what follows is positional
	begun   bool // a first word was seen
}

// parse takes a line apart. The error is a *lineError or errIncomplete. The
// line comes with the error too, as far as it was read: --json decides how the
// error is shown.
func parse(src string, reached func([]string) bool) (*line, error) {
	p := &parser{lex: lexer{src: src}, line: line{dash: -1}, reached: reached}
	err := checkLine(src)
	if err == nil {
		err = p.words()
	}
	if err == nil {
		err = p.finish()
	}
	if err != nil && !p.line.opts.json {
		p.line.opts.json = p.jsonAhead()
	}
	return &p.line, err
}

func (p *parser) words() error {
	for {
		w, ok, err := p.lex.next()
		if err != nil || !ok {
			return err
		}
		if err := p.word(w); err != nil {
			return err
		}
	}
}

func (p *parser) word(w word) error {
	first := !p.begun
	p.begun = true
	switch {
	case w.text == "--" && first:
		return nil // plink and others send it
	case w.text == "--" && !p.atDash:
		return p.dashes()
	case w.sole && w.text == "&":
		return p.ampersand()
	case p.atDash:
	case strings.HasPrefix(w.text, "--"):
		return p.long(w.text)
	case p.undecided():
		return p.head(w)
	}
	p.line.words = append(p.line.words, w)
	return nil
}

// undecided says that the line is neither a command nor a path so far.
func (p *parser) undecided() bool { return p.line.command == nil && len(p.line.words) == 0 }

// dashes is a word -- that is not the first.
func (p *parser) dashes() error {
	if p.undecided() {
		return wrongf("nothing stands before --")
	}
	p.atDash = true
	p.line.dash = len(p.line.words)
	if p.line.command == nil || !p.line.command.raw {
		return nil
	}
	rest := p.lex.rest()
	p.lex.pos = len(p.lex.src)
	if rest != "" && !isBlank(rest[0]) {
		return wrongf("a newline has no meaning here: quote it")
	}
	if strings.TrimSpace(rest) == "" {
		return wrongf("%s needs a command after --", p.line.command.name)
	}
	p.line.raw = rest[1:]
	return nil
}

// ampersand is a word & on its own.
func (p *parser) ampersand() error {
	if strings.Trim(p.lex.rest(), " \t") == "" {
		return notYet("& at the end of a line")
	}
	return wrongf("& has no meaning here: quote it, as '&'")
}

// head is the first word that is no option.
func (p *parser) head(w word) error {
	switch {
	case w.text == "sandbox":
		opt, _ := findOption("--sandbox")
		return p.line.opts.apply(opt, "")
	case len(w.text) > 1 && w.text[0] == '-':
		return unknownOption(w.text)
	}
	if c, ok := findCommand(w.text); ok {
		return p.setCommand(c)
	}
	p.line.words = append(p.line.words, w)
	return nil
}

func (p *parser) setCommand(c *command) error {
	if c.do == nil {
		return notYet(c.name)
	}
	p.line.command = c
	return nil
}

// long is a word that starts with --.
func (p *parser) long(text string) error {
	if p.line.command == nil && len(p.line.words) > 0 && p.reached(texts(p.line.words)) {
		return wrongf("%s: options stand before the action; put -- before it to pass it on", text)
	}
	name, value, hasValue := strings.Cut(text, "=")
	if c, ok := findCommand(name); ok {
		return p.longCommand(c, word{text: text}, hasValue)
	}
	opt, ok := findOption(name)
	switch {
	case !ok:
		return unknownOption(name)
	case opt.set == nil:
		return notYet(name)
	case opt.value == "" && hasValue:
		return wrongf("%s takes no value", name)
	case opt.value != "" && !hasValue:
		var err error
		if value, err = p.value(opt); err != nil {
			return err
		}
	}
	return p.line.opts.apply(opt, value)
}

// longCommand is a command such as --run.
func (p *parser) longCommand(c *command, w word, hasValue bool) error {
	switch {
	case p.line.command != nil && p.line.command.names:
		p.line.words = append(p.line.words, w)
		return nil
	case !p.undecided():
		return wrongf("%s stands first: %s", c.name, c.usage)
	case hasValue:
		return wrongf("%s takes no =: %s", c.name, c.usage)
	}
	return p.setCommand(c)
}

// value takes the word after an option. One that looks like an option is
// refused: in --reason --sandbox it would turn the sandbox off.
func (p *parser) value(opt option) (string, error) {
	w, ok, err := p.lex.next()
	if err != nil {
		return "", err
	}
	if !ok || strings.HasPrefix(w.text, "--") {
		return "", wrongf("%s needs a value: %s=%s", opt.name, opt.name, opt.value)
	}
	return w.text, nil
}

func (p *parser) finish() error {
	switch l := &p.line; {
	case l.command != nil:
		return l.opts.check(l.command.name, l.command.takes)
	case len(l.words) > 0:
		return nil
	case len(l.opts.given) > 0:
		return wrongf("what should run? Give a path and an action, or a command")
	}
	return wrongf("the line is empty; help lists the commands")
}

// jsonAhead looks for --json in what was not read because of an error.
func (p *parser) jsonAhead() bool {
	for !p.atDash {
		w, ok, err := p.lex.next()
		if err != nil || !ok || w.text == "--" {
			return false
		}
		if w.text == "--json" {
			return true
		}
	}
	return false
}

func unknownOption(name string) error {
	var known []string
	for _, o := range runOptions() {
		known = append(known, o.name)
	}
	for _, c := range commands() {
		known = append(known, c.name)
	}
	return wrongf("%s: no such option%s", name, didYouMean(suggest(name, known)))
}
