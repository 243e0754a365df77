package session

import (
	"cmp"
	"slices"
	"strings"

	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/internal/lineedit"
)

// maxCandidates bounds what a Tab offers.
const maxCandidates = 2000

// complete answers a Tab behind a line: of what the user may know, and from
// what is known here, so that nothing is connected to.
func (s *Session) complete(line string) lineedit.Completion {
	words, current, from, ok := tornWords(line)
	if !ok {
		return lineedit.Completion{}
	}
	c := &invocation{s: s, state: s.m.state.Load(), line: &lineUnderway}
	if s.place != nil && s.place.Tree() != c.state.Tree {
		if _, there := same(s.place, c.state.Tree); !there {
			return lineedit.Completion{} // the line will say that the place is gone
		}
	}
	if err := s.enterState(c); err != nil {
		return lineedit.Completion{}
	}
	t := &completer{c: c, current: current}
	t.read(words)
	t.offer()
	slices.SortStableFunc(t.found, func(a, b lineedit.Candidate) int { return cmp.Compare(a.Text, b.Text) })
	t.found = slices.CompactFunc(t.found, func(a, b lineedit.Candidate) bool { return a.Text == b.Text })
	return lineedit.Completion{From: from, Candidates: t.found[:min(len(t.found), maxCandidates)]}
}

// lineUnderway stands for a line that is not parsed yet.
var lineUnderway = line{dash: -1}

// tornWords are the words of a line that may end anywhere; the last, which may
// be empty or have its quote open, is the one to complete.
func tornWords(line string) (words []string, current string, from int, ok bool) {
	for _, end := range []string{"", "'", `"`} {
		l := lexer{src: line + end}
		words = nil
		for {
			for l.pos < len(l.src) && isBlank(l.src[l.pos]) {
				l.pos++
			}
			from = l.pos
			w, more, err := l.next()
			if err != nil {
				break
			}
			if !more {
				return words, "", len(line), true
			}
			if l.pos == len(l.src) && (end != "" || !isBlank(line[len(line)-1])) {
				return words, w.text, from, true
			}
			words = append(words, w.text)
		}
	}
	return nil, "", 0, false
}

// completer finds what may stand at a place of a line.
type completer struct {
	c       *invocation
	current string // what is there already
	found   []lineedit.Candidate

	command *command
	path    []string // words of a path, and of an action's arguments
	option  string   // whose value comes next
	dash    bool     // after --: nothing of ours
}

// read goes through the words before.
func (t *completer) read(words []string) {
	for i, word := range words {
		opt, isOption := findOption(word)
		switch cmd, isCommand := findCommand(word); {
		case t.option != "":
			t.option = ""
		case word == "--" && i == 0, word == "sandbox" && t.undecided():
		case word == "--":
			t.dash = true
		case isOption:
			if opt.value != "" {
				t.option = word
			}
		case strings.HasPrefix(word, "--") && !isCommand:
		case isCommand && t.undecided():
			t.command = cmd
		default:
			t.path = append(t.path, word)
		}
	}
}

func (t *completer) undecided() bool { return t.command == nil && len(t.path) == 0 }

// offer finds the candidates.
func (t *completer) offer() {
	name, value, hasValue := strings.Cut(t.current, "=")
	switch {
	case t.dash:
	case t.option != "":
		t.value(t.option, "", t.current)
	case hasValue && strings.HasPrefix(name, "--"):
		t.value(name, name+"=", value)
	case strings.HasPrefix(t.current, "-") && (t.command == nil || !t.command.names):
		t.options()
	case t.command != nil:
		t.words()
	default:
		if len(t.path) == 0 {
			t.commands()
		}
		t.places(t.c.view.running(t.c.s.last), true)
	}
}

func (t *completer) add(text, end, kind, doc string) {
	if len(t.found) <= maxCandidates && strings.HasPrefix(text, t.current) {
		t.found = append(t.found, lineedit.Candidate{
			Text: quoted(text), End: end, Display: text, Kind: kind, Doc: printable(firstLine(doc)),
		})
	}
}

// quoted is a word as a line needs it.
func quoted(text string) string {
	if !strings.ContainsAny(text, " \t\n'\"\\;|<>()&") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// commands are the words that may begin a line.
func (t *completer) commands() {
	for _, cmd := range commands() {
		if cmd.section != "" && !strings.HasPrefix(cmd.name, "-") {
			t.add(cmd.name, " ", "", cmd.doc)
		}
	}
}

// options are those that may stand here, and the commands that look like them.
func (t *completer) options() {
	for _, o := range runOptions() {
		end := " "
		if o.value != "" {
			end = "="
		}
		if o.set != nil && (t.command == nil || o.in&t.command.takes != 0) && t.action() == nil {
			t.add(o.name+strings.TrimSuffix(end, " "), strings.Trim(end, "="), "", o.doc)
		}
	}
	for _, cmd := range commands() {
		if t.undecided() && cmd.section != "" && strings.HasPrefix(cmd.name, "-") {
			t.add(cmd.name, " ", "", cmd.doc)
		}
	}
}

// value completes what an option takes: of --limit the last host.
func (t *completer) value(option, before, value string) {
	if option != "--limit" {
		return
	}
	last := strings.LastIndexByte(value, ',') + 1
	if strings.HasPrefix(value[last:], "!") {
		last++
	}
	for _, row := range t.hosts(value[last:]) {
		t.add(before+value[:last]+row.host.Name(), "", "", "")
	}
}

// hosts are those whose names begin so. What would be a wildcard stands in no
// name.
func (t *completer) hosts(prefix string) []hostRow {
	if strings.ContainsAny(prefix, `*?[]{}\`) {
		return nil
	}
	return t.c.hosts(prefix + "*")
}

// words are those of a command.
func (t *completer) words() {
	switch t.command.name {
	case "cd":
		t.places(t.c.view.watching(t.c.s.last), false)
	case "ls", "--inspect", "--source-code":
		t.places(t.c.view.watching(t.c.s.last), t.command.name != "ls")
	case "can", "--run", "--run-with-sudo", "--connect":
		t.places(t.c.view.running(t.c.s.last), false)
	case "help":
		for _, cmd := range commands() {
			if cmd.section != "" {
				t.add(cmd.name, " ", "", cmd.doc)
			}
		}
	case "hosts":
		for _, row := range t.hosts(t.current) {
			t.add(row.host.Name(), " ", "", row.host.Address())
		}
	}
}

// action is the one that the words before lead to, or nil.
func (t *completer) action() *node.NamedAction {
	if t.command != nil || len(t.path) == 0 {
		return nil
	}
	return t.c.here.Resolve(t.path, t.c.view.running(t.c.s.last)).Action
}

// places completes a path, or behind an action its parameters.
func (t *completer) places(lookup node.Lookup, actions bool) {
	found := t.c.here.Resolve(t.path, lookup)
	if actions && t.command == nil && found.Next != nil {
		found = t.c.byDefault(found, t.path)
	}
	switch {
	case found.Action != nil:
		if actions && t.command == nil {
			t.parameters(found.Action, t.path[found.Words:])
		}
	case found.Next == nil && (len(t.path) == 0 || !strings.HasPrefix(t.current, "/")):
		t.below(found.Node, lookup, actions)
		if call := t.c.byDefault(found, t.path); actions && t.command == nil && call.Action != nil {
			t.parameters(call.Action, nil)
		}
	}
}

// parameters are an action's that were not given by name.
func (t *completer) parameters(a *node.NamedAction, given []string) {
	for _, p := range a.Params {
		isGiven := func(word string) bool { return strings.HasPrefix(word, p.Name+"=") }
		if p.Kind == node.VarArgs || p.Kind == node.KwArgs || slices.ContainsFunc(given, isGiven) {
			continue
		}
		if _, ok := p.Default.(bool); ok && isGiven(t.current) {
			t.add(p.Name+"=true", " ", "", "")
			t.add(p.Name+"=false", " ", "", "")
			continue
		}
		t.add(p.Name+"=", "", "", "")
	}
}

// below completes the last part of a path in its word: what stands before it
// is followed first.
func (t *completer) below(n *node.Node, lookup node.Lookup, actions bool) {
	slash := strings.LastIndexByte(t.current, '/') + 1
	t.in(n, t.current[:slash], lookup, actions)
	for i := slash; i < len(t.current); i++ {
		if t.current[i] == '.' && i > slash && t.current[i-1] != '.' {
			t.in(n, t.current[:i+1], lookup, actions)
		}
	}
	if colon := strings.IndexByte(t.current[slash:], ':'); colon > 0 {
		t.cells(n, t.current[:slash+colon], lookup)
	}
}

// in offers what is in the node that the beginning of a word leads to.
func (t *completer) in(n *node.Node, before string, lookup node.Lookup, actions bool) {
	at := n
	if before != "" {
		trimmed := strings.TrimSuffix(before, ".")
		found := n.Resolve([]string{trimmed}, lookup)
		if found.Next != nil || found.Action != nil {
			return
		}
		at = found.Node
	}
	private := strings.HasPrefix(strings.TrimPrefix(t.current, before), "_")
	for _, child := range at.Children(private) {
		if lookup.Node(child) {
			t.add(before+child.Name(), "/", "", t.doc(child))
		}
	}
	if before == "" || strings.HasSuffix(before, "/") {
		t.offerCells(at, before, lookup)
	}
	if actions && t.command != nil {
		t.attributes(at, before, private)
	}
	for _, a := range at.Actions(private) {
		if !actions || !lookup.Action(at, a) {
			continue
		}
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			if private || !strings.HasPrefix(name, "_") {
				t.add(before+name, " ", "*", a.Doc)
			}
		}
	}
}

// attributes offers what --inspect and --source-code show besides places and
// actions.
func (t *completer) attributes(at *node.Node, before string, private bool) {
	if !t.c.view.sees(at) {
		return
	}
	marks := map[string]string{"query": "?", "property": "@"}
	for _, a := range at.Attributes(private) {
		doc := ""
		switch {
		case a.Property != nil:
			doc = a.Property.Doc
		case a.Query != nil:
			doc = a.Query.Text
		}
		t.add(before+a.Name, " ", marks[a.KindName()], doc)
	}
}

// cells offers those of the array that a word names before its colon.
func (t *completer) cells(n *node.Node, before string, lookup node.Lookup) {
	found := n.Resolve([]string{before}, lookup)
	if found.Next != nil || found.Action != nil {
		return
	}
	at := found.Node
	word := t.current[len(before):]
	if last := strings.LastIndexByte(word, ':'); last > 0 { // of a further dimension
		found = n.Resolve([]string{before + word[:last]}, lookup)
		if found.Next != nil {
			return
		}
		at = found.Node
	}
	t.offerCells(at, before, lookup)
}

func (t *completer) offerCells(at *node.Node, before string, lookup node.Lookup) {
	for _, cell := range at.Cells() {
		if lookup.Node(cell) {
			t.add(before+cellName(cell), "/", "", "")
		}
	}
}

// doc is a node's documentation, if the user may see the node.
func (t *completer) doc(n *node.Node) string {
	if !t.c.view.sees(n) {
		return ""
	}
	return n.Doc()
}
