package session

// Marks around a paste (xterm, "Bracketed Paste Mode").
const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// reader is who a paste is for.
type reader int

const (
	forPrompt reader = iota
	forQuestion
	forTarget
	forNobody
)

// pastes follows where pastes begin and end in what is typed, however it is
// cut: the rest of one that has lost its beginning would be lines that run by
// themselves.
type pastes struct {
	to reader // who got the beginning

	open bool // one has begun and not ended
	seen int  // how many bytes of the next mark came last
}

// cut cuts off what is all of one paste, with its end mark, or all outside,
// with the begin mark.
func (p *pastes) cut(in []byte) (part []byte, inside bool, rest []byte) {
	inside = p.open
	mark := pasteBegin
	if inside {
		mark = pasteEnd
	}
	for i, b := range in {
		switch b {
		case mark[p.seen]:
			p.seen++
		case mark[0]:
			p.seen = 1
		default:
			p.seen = 0
		}
		if p.seen == len(mark) {
			p.open, p.seen = !inside, 0
			return in[:i+1], inside, in[i+1:]
		}
	}
	return in, inside, nil
}

// kept says whether our editor has, or will get, the beginning of the paste.
func (p *pastes) kept() bool { return p.to == forPrompt || p.to == forQuestion }

// prompt is what of the input the prompt gets.
func (p *pastes) prompt(in []byte) []byte {
	var all []byte
	for len(in) > 0 {
		part, inside, rest := p.cut(in)
		if !inside {
			p.to = forPrompt
		}
		if p.kept() {
			all = append(all, part...)
		}
		in = rest
	}
	return all
}
