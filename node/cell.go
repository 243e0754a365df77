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
	shown := n.indexed(keys)
	if !n.IsArray() {
		if n.isCell() {
			return nil, fmt.Errorf("%s: this is one cell already", shown)
		}
		return nil, fmt.Errorf("%s: this node has no cells", shown)
	}
	if want := len(n.place.arrays) - len(n.cell); len(keys) != want {
		return nil, fmt.Errorf("%s: its cells have %s, and %d given", shown, dimensions(want), len(keys))
	}
	cell := n.cell
	for _, key := range keys {
		h, err := choose(n.place.dimension(cell), key)
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
	var shown []string
	for _, key := range keys[:min(len(keys), 10)] {
		shown = append(shown, quoted(key))
	}
	return dottedOrRoot(n.Path()) + "[" + strings.Join(shown, ", ") + "]"
}

func dottedOrRoot(path string) string {
	if path == "/" {
		return path
	}
	return dotted(path)
}

// choose finds a host by name, else by number.
func choose(hosts []host.Host, key string) (host.Host, error) {
	for _, h := range hosts {
		if h.Name() == key {
			return h, nil
		}
	}
	number, err := strconv.Atoi(key)
	switch {
	case err != nil || !isNumber(strings.TrimPrefix(key, "-")):
		return nil, noHost(key)
	case strings.HasPrefix(key, "-"):
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
