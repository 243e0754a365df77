package screen

import (
	"crypto/sha256"
	"hash"
	"maps"
	"slices"
	"strings"
)

// Bounds of what is kept of each host's lines.
const (
	keptLines = 5
	keptBytes = 512 // of each line
)

// Outputs are the lines of a run's hosts: whether they are alike, however long
// they are, and the last of each.
type Outputs struct {
	order []string
	hosts map[string]*output
}

type output struct {
	sums  map[string]hash.Hash // by stream, since streams race with each other
	lines int
	last  []string
}

// Group are hosts with the same output.
type Group struct {
	Hosts []string
	Lines int
	Text  string // the line, if it is one
}

// Add takes a line of a host's stream.
func (o *Outputs) Add(host, stream, line string) {
	one := o.host(host)
	sum := one.sums[stream]
	if sum == nil {
		sum = sha256.New()
		one.sums[stream] = sum
	}
	sum.Write([]byte(line)) // never fails (package hash)
	sum.Write([]byte{'\n'})
	one.lines++
	if len(line) > keptBytes {
		line = strings.ToValidUTF8(line[:keptBytes], "") + "..."
	}
	if len(one.last) == keptLines {
		one.last = append(one.last[:0], one.last[1:]...)
	}
	one.last = append(one.last, line)
}

func (o *Outputs) host(name string) *output {
	if o.hosts == nil {
		o.hosts = make(map[string]*output)
	}
	one := o.hosts[name]
	if one == nil {
		one = &output{sums: make(map[string]hash.Hash)}
		o.hosts[name] = one
		o.order = append(o.order, name)
	}
	return one
}

// Last are the last lines of a host, at most five.
func (o *Outputs) Last(host string) []string {
	if one := o.hosts[host]; one != nil {
		return one.last
	}
	return nil
}

// Groups puts hosts with the same output together, in the hosts' order.
func (o *Outputs) Groups(hosts []string) []Group {
	var groups []Group
	index := make(map[string]int)
	for _, name := range hosts {
		key, one := "", o.hosts[name]
		if one != nil {
			key = one.key()
		}
		i, known := index[key]
		if !known {
			i = len(groups)
			index[key] = i
			groups = append(groups, newGroup(one))
		}
		groups[i].Hosts = append(groups[i].Hosts, name)
	}
	return groups
}

func newGroup(one *output) Group {
	if one == nil {
		return Group{}
	}
	g := Group{Lines: one.lines}
	if one.lines == 1 {
		g.Text = one.last[0]
	}
	return g
}

func (o *output) key() string {
	var key strings.Builder
	for _, stream := range slices.Sorted(maps.Keys(o.sums)) {
		key.WriteString(stream)
		key.Write(o.sums[stream].Sum(nil))
	}
	return key.String()
}
