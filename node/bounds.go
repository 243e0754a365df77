package node

import "fmt"

// Bounds are how a call that is split goes over its cells. Each may be left
// unsaid.
type Bounds struct {
	Forks   int      // how many at once; 0: not said
	Serial  Serial   // in which batches; nil: not said
	MaxFail *MaxFail // how many may fail before nothing further starts; nil: not said
}

// Check says what is wrong with them.
func (b Bounds) Check() error {
	if b.Forks != 0 {
		if _, err := ParseForks(b.Forks); err != nil {
			return fmt.Errorf("forks: %w", err)
		}
	}
	if err := b.Serial.check(); err != nil {
		return fmt.Errorf("serial: %w", err)
	}
	if _, err := ParseMaxFail(b.MaxFail); err != nil {
		return fmt.Errorf("max_fail: %w", err)
	}
	return nil
}

// over gives what b says, and else what the less important does.
func (b Bounds) over(less Bounds) Bounds {
	if b.Forks == 0 {
		b.Forks = less.Forks
	}
	if b.Serial == nil {
		b.Serial = less.Serial
	}
	if b.MaxFail == nil {
		b.MaxFail = less.MaxFail
	}
	return b
}

// failures is how many may fail: with batches none, where nobody says.
func (b Bounds) failures() *MaxFail {
	if b.MaxFail == nil && b.Serial != nil {
		return &MaxFail{}
	}
	return b.MaxFail
}

// maxForks is as many as the configuration and a line can say.
const maxForks = 10_000

// ParseForks reads what a tree says: an int. nil, for which it gives 0, says
// nothing.
func ParseForks(v any) (int, error) {
	if v == nil {
		return 0, nil
	}
	n, ok := wholeNumber(v)
	if !ok || n < 1 || n > maxForks {
		return 0, fmt.Errorf("%s is not how many cells run at once: a whole number from 1 to %d", shownAmount(v), maxForks)
	}
	return n, nil
}

// setBound gives the type its forks, serial or max_fail.
func (d *derivation) setBound(m Member) {
	if d.made.kind != Parallel {
		d.refuse(m.Pos, m.Name+" belongs to a parallel_node", "a plain node has no %s", m.Name)
		return
	}
	var err error
	switch m.Name {
	case "forks":
		d.made.forks, err = ParseForks(m.Value)
	case "serial":
		d.made.serial, err = ParseSerial(m.Value)
	case "max_fail":
		d.made.maxFail, err = ParseMaxFail(m.Value)
	}
	if err != nil {
		d.refuse(m.Pos, "", "%s: %v", m.Name, err)
	}
}

// mostForks is the highest that the type and its actions say.
func (t *Type) mostForks() int {
	most := t.forks
	for _, m := range t.members {
		if a, ok := m.Value.(*Action); ok {
			most = max(most, a.Bounds.Forks)
		}
	}
	return most
}

// bounds are what the place says of how its calls are split, and the place at
// which cells are counted. Nodes that share a dimension share them.
func (p *place) bounds() (b Bounds, counted *place) {
	dimensions := len(p.arrays)
	for q := p; q != nil && len(q.arrays) == dimensions; q = q.parent {
		if b.Forks == 0 && q.typ.forks > 0 {
			counted = q
		}
		b = b.over(Bounds{Forks: q.typ.forks, Serial: q.typ.serial, MaxFail: q.typ.maxFail})
	}
	switch {
	case counted != nil:
	case dimensions > 0:
		counted = p.arrays[dimensions-1]
	default:
		counted = p
	}
	return b, counted
}

// bounds are how a call at p is split: what the line says, else the action,
// else the node, else runs.forks; and the place at which cells are counted.
func (r *Run) bounds(p *place, action Bounds) (Bounds, *place) {
	own, counted := p.bounds()
	line := Bounds{Forks: r.Forks, Serial: r.Serial, MaxFail: r.MaxFail}
	return line.over(action).over(own).over(Bounds{Forks: r.usual()}), counted
}
