package node

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/deployerd/deployerd/host"
)

// IsArray says whether it has cells that are not chosen yet.
func (n *Node) IsArray() bool { return len(n.cell) < len(n.place.arrays) }

func (n *Node) isCell() bool { return len(n.cell) > 0 && !n.IsArray() }

// Keys are the names of the hosts of the chosen cells, one per dimension from
// the outermost; nil where none is chosen.
func (n *Node) Keys() []string {
	return namesOf(n.cell)
}

// Cells lists an array's cells, in order; nil for any other node.
func (n *Node) Cells() []*Node { return n.cells(nil) }

// cells lists the cells of hosts that keep allows; nil allows all.
func (n *Node) cells(keep func(host string) bool) []*Node {
	if !n.IsArray() {
		return nil
	}
	chosen := [][]host.Host{n.cell}
	for d := len(n.cell); d < len(n.place.arrays); d++ {
		var longer [][]host.Host
		for _, cell := range chosen {
			longer = append(longer, n.place.extend(cell, keep)...)
		}
		chosen = longer
	}
	cells := make([]*Node, len(chosen))
	for i, cell := range chosen {
		cells[i] = &Node{place: n.place, cell: cell}
	}
	return cells
}

// extend chooses each host of the next dimension.
func (p *place) extend(cell []host.Host, keep func(host string) bool) [][]host.Host {
	hosts := p.dimension(cell)
	longer := make([][]host.Host, 0, len(hosts))
	for _, h := range hosts {
		if keep == nil || keep(h.Name()) {
			longer = append(longer, append(cell[:len(cell):len(cell)], h))
		}
	}
	return longer
}

// dimension gives the hosts of the dimension after those that are chosen.
func (p *place) dimension(cell []host.Host) []host.Host {
	return hostsOf(p.arrays[len(cell)].rolesIn(cell), HostRole)
}

// count counts the cells below those that are chosen, and stops above most.
func (p *place) count(cell []host.Host, most int) int {
	hosts := p.dimension(cell)
	if len(cell)+1 == len(p.arrays) {
		return len(hosts)
	}
	total := 0
	for _, h := range hosts {
		total += p.count(append(cell[:len(cell):len(cell)], h), most-total)
		if total > most {
			break
		}
	}
	return total
}

// Cell returns the cell of these keys, one per dimension: host names, or
// numbers from 0 in digits unless a host is called that. The error names the
// node and what is wrong.
func (n *Node) Cell(keys ...string) (*Node, error) {
	return n.pickCell(n.indexed(keys), len(keys), func(i int, hosts []host.Host) (host.Host, error) {
		return choose(hosts, keys[i])
	})
}

// CellKey is the key of a cell in one dimension: the name of its host, or
// without one its number from 0.
type CellKey struct {
	Host   string
	Number int
}

// String shows the key as it is written between brackets.
func (k CellKey) String() string {
	if k.Host != "" {
		return quoted(k.Host)
	}
	return strconv.Itoa(k.Number)
}

// cellOf is the cell of these keys, one per dimension. No host's name is taken
// for a number here, nor a number for a name. Its errors are those of Cell.
func (n *Node) cellOf(keys []CellKey) (*Node, error) {
	shown := make([]string, len(keys))
	for i, key := range keys {
		shown[i] = key.String()
	}
	return n.pickCell(n.between(shown), len(keys), func(i int, hosts []host.Host) (host.Host, error) {
		if keys[i].Host != "" {
			return named(hosts, keys[i].Host)
		}
		return numbered(hosts, keys[i].Number)
	})
}

// pickCell chooses a host in each dimension. shown is how it was asked for.
func (n *Node) pickCell(shown string, keys int, pick func(i int, hosts []host.Host) (host.Host, error)) (*Node, error) {
	if !n.IsArray() {
		if n.isCell() || len(n.Isolated()) > 0 {
			return nil, fmt.Errorf("%s: this is one cell already", shown)
		}
		return nil, fmt.Errorf("%s: this node has no cells", shown)
	}
	if want := len(n.place.arrays) - len(n.cell); keys != want {
		return nil, fmt.Errorf("%s: its cells have %s, and %d given", shown, dimensions(want), keys)
	}
	cell := n.cell
	for i := range keys {
		h, err := pick(i, n.place.dimension(cell))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", shown, err)
		}
		cell = append(cell[:len(cell):len(cell)], h)
	}
	return &Node{place: n.place, cell: cell}, nil
}

func dimensions(n int) string {
	if n == 1 {
		return "1 dimension"
	}
	return fmt.Sprintf("%d dimensions", n)
}

// indexed shows the node with the keys that were asked for.
func (n *Node) indexed(keys []string) string {
	shown := make([]string, len(keys))
	for i, key := range keys {
		shown[i] = quoted(key)
	}
	return n.between(shown)
}

// between shows the node with some keys between its brackets.
func (n *Node) between(keys []string) string {
	return dottedOrRoot(n.Path()) + "[" + strings.Join(keys[:min(len(keys), 10)], ", ") + "]"
}

func dottedOrRoot(path string) string {
	if path == "/" {
		return path
	}
	return dotted(path)
}

// choose finds a host by name, else by number.
func choose(hosts []host.Host, key string) (host.Host, error) {
	h, err := named(hosts, key)
	if err == nil || !isNumber(strings.TrimPrefix(key, "-")) {
		return h, err
	}
	number, broken := strconv.Atoi(key)
	if broken != nil {
		return nil, err
	}
	if strings.HasPrefix(key, "-") {
		number = min(number, -1) // -0, too
	}
	return numbered(hosts, number)
}

func named(hosts []host.Host, name string) (host.Host, error) {
	for _, h := range hosts {
		if h.Name() == name {
			return h, nil
		}
	}
	return nil, noHost(name)
}

func numbered(hosts []host.Host, number int) (host.Host, error) {
	switch {
	case number < 0:
		return nil, fmt.Errorf("a cell's number is not negative")
	case number >= len(hosts):
		return nil, fmt.Errorf("no cell %d there, it has %d (from 0)", number, len(hosts))
	}
	return hosts[number], nil
}

func noHost(key string) error { return fmt.Errorf("no host %s there", quoted(key)) }

// isNumber says whether a key is digits alone.
func isNumber(key string) bool {
	return key != "" && strings.Trim(key, "0123456789") == ""
}
