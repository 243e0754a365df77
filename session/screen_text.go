package session

import (
	"bytes"
	"io"
	"strings"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/run"
)

// textScreen writes events as text.
type textScreen struct {
	out     *output
	array   bool // results are per cell, with its name
	single  bool // exactly one host: its bytes go through as they are
	markers map[streamKey]*marker
	buf     []byte // for one event; reused
	at      *node.Node
	command string // that the user gave
	put     func(w io.Writer, data []byte) error
	// kept gets each line of several hosts, printable; may be nil.
	kept func(host, stream, line string)
}

func newTextScreen(out *output, spec *starting) *textScreen {
	return &textScreen{
		out: out, array: spec.Action != nil && spec.Node.IsArray(),
		single:  len(run.Hosts(spec.Node, spec.Limit)) == 1,
		markers: make(map[streamKey]*marker),
		at:      spec.Node, command: spec.Command, put: out.write,
	}
}

func (t *textScreen) event(e run.Event) error {
	switch e.Kind {
	case "output":
		return t.output(e)
	case "host_finished":
		return t.flush(e.Host)
	case "result":
		return t.result(e)
	case "log":
		return t.log(e)
	case "run_finished":
		for key := range t.markers {
			if err := t.flush(key.host); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *textScreen) output(e run.Event) error {
	if t.single {
		return t.write(e.Stream, e.Data)
	}
	key := streamKey{e.Host, e.Stream}
	m := t.markers[key]
	if m == nil {
		m = &marker{mark: printable(e.Host) + ": "}
		t.markers[key] = m
	}
	t.buf = m.write(t.buf[:0], e.Data)
	t.keep(m, e.Host, e.Stream.String())
	return t.write(e.Stream, t.buf)
}

// flush completes the lines that a host has left open.
func (t *textScreen) flush(name string) error {
	for _, stream := range []host.Stream{host.Stdout, host.Stderr} {
		key := streamKey{name, stream}
		if m := t.markers[key]; m != nil {
			delete(t.markers, key)
			t.buf = m.end(t.buf[:0])
			t.keep(m, name, stream.String())
			if err := t.write(stream, t.buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep gives the lines that are about to be shown to who keeps them.
func (t *textScreen) keep(m *marker, name, stream string) {
	if t.kept == nil {
		return
	}
	for line := range bytes.Lines(t.buf) {
		text := withoutColours(bytes.TrimSuffix(bytes.TrimPrefix(line, []byte(m.mark)), []byte{'\n'}))
		t.kept(printable(name), stream, string(text))
	}
}

func (t *textScreen) write(stream host.Stream, data []byte) error {
	if stream == host.Stderr {
		return t.put(t.out.stderr, data)
	}
	return t.put(t.out.stdout, data)
}

// result prints a value, unless its output was shown when it came.
func (t *textScreen) result(e run.Event) error {
	if e.Shown || e.Value == nil {
		return nil
	}
	mark := ""
	if t.array && e.Host != "" {
		mark = printable(e.Host) + ": "
	}
	t.buf = t.buf[:0]
	for line := range strings.SplitSeq(strings.TrimSuffix(node.Text(e.Value), "\n"), "\n") {
		if t.kept != nil && mark != "" {
			t.kept(printable(e.Host), "result", printable(line))
		}
		t.buf = append(t.buf, mark...)
		t.buf = append(appendPrintable(t.buf, []byte(line), false), '\n')
	}
	return t.put(t.out.stdout, t.buf)
}

// log prints a line of the action's own log.
func (t *textScreen) log(e run.Event) error {
	mark := ""
	if e.Host != "" && !t.single {
		mark = e.Host + ": "
	}
	var text strings.Builder
	for line := range strings.SplitSeq(e.Text, "\n") {
		text.WriteString(mark + line + "\n")
	}
	return t.put(t.out.stderr, t.out.words(text.String(), dim))
}
