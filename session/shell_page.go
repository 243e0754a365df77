package session

import (
	"context"
	"fmt"
	"io"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/session/run"
)

var (
	_ node.Pager = (*watching)(nil)
	_ node.Meter = (*watching)(nil)
)

// Width implements node.Pager.
func (w *watching) Width() int { return w.size.Load().Width }

// Progress implements node.Meter: it goes into the status row.
func (w *watching) Progress(p node.ProgressState) bool {
	live := w.showing.Load()
	if live == nil || w.plain {
		return false
	}
	live.meter(p)
	return true
}

// meter keeps a progress for the status row.
func (l *live) meter(p node.ProgressState) {
	text := printable(p.Text())
	if p.Host != "" {
		text = printable(p.Host) + ": " + text
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.touch()
	for i, m := range l.meters {
		if m.id == p.ID {
			l.meters = append(l.meters[:i:i], l.meters[i+1:]...)
			break
		}
	}
	if !p.Ended {
		l.meters = append(l.meters, meter{p.ID, text})
	}
}

// meter is a progress that goes on.
type meter struct {
	id   *node.Progress
	text string
}

// metered is the status row with the progress that changed last in front.
func (l *live) metered(status string) string {
	n := len(l.meters)
	if n == 0 {
		return status
	}
	text := l.meters[n-1].text
	if n > 1 {
		text += fmt.Sprintf(" (and %d more)", n-1)
	}
	if status != "" {
		text += "; " + status
	}
	return text
}

// Page implements node.Pager, in the terminal that is lent for it.
func (w *watching) Page(ctx context.Context, lines []string) error {
	t, giveBack, err := w.Lend(ctx)
	if err != nil {
		return err
	}
	defer giveBack()
	if c, ok := t.Input.(io.Closer); ok {
		defer context.AfterFunc(ctx, func() { _ = c.Close() })() // ends the read
	}
	p := &paging{t: t, lines: lines, plain: w.plain}
	err = p.show()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == errInterrupted:
		w.run.Cancel(run.ErrCancelled)
		return run.ErrCancelled
	}
	return err
}

// paging is lines that are shown page by page: blank goes on, Return a line, b
// goes back, q is enough.
type paging struct {
	t     host.TerminalIO
	lines []string
	plain bool
	at    int // the first line that was not shown
}

var errInterrupted = fmt.Errorf("interrupted")

func (p *paging) show() error {
	if err := p.forward(p.rows()); err != nil {
		return err
	}
	for p.at < len(p.lines) {
		if err := p.say(); err != nil {
			return err
		}
		more, err := p.key()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// rows is how many lines a page has.
func (p *paging) rows() int {
	select {
	case size := <-p.t.Resized:
		p.t.Pty.Width, p.t.Pty.Height = size.Width, size.Height
	default:
	}
	if p.t.Pty.Height < 3 {
		return 23
	}
	return p.t.Pty.Height - 1
}

func (p *paging) forward(n int) error {
	var text []byte
	for _, line := range p.lines[p.at:min(p.at+n, len(p.lines))] {
		text = appendPrintable(text, []byte(line), !p.plain)
		text = append(text, "\r\n"...)
		p.at++
	}
	_, err := p.t.Output.Write(text)
	return err
}

// say asks for a key below the page.
func (p *paging) say() error {
	text := fmt.Sprintf("-- %d of %d lines: space, b, q --", p.at, len(p.lines))
	if p.plain {
		text += "\r\n"
	} else {
		text = "\x1b[7m" + text + "\x1b[0m"
	}
	_, err := io.WriteString(p.t.Output, text)
	return err
}

// key does what one key means; false when the person has enough.
func (p *paging) key() (more bool, err error) {
	var one [1]byte
	for {
		if _, err := io.ReadFull(p.t.Input, one[:]); err != nil {
			return false, errNobodyThere
		}
		n, known := p.step(one[0])
		if !known {
			continue
		}
		if !p.plain {
			if _, err := io.WriteString(p.t.Output, "\r\x1b[K"); err != nil {
				return false, err
			}
		}
		switch one[0] {
		case 'q', 'Q', 0x04:
			return false, nil
		case keyInterrupt:
			return false, errInterrupted
		}
		return true, p.forward(n)
	}
}

// step is how many lines a key shows.
func (p *paging) step(key byte) (n int, known bool) {
	switch rows := p.rows(); key {
	case ' ', 'f':
		return rows, true
	case '\r', '\n', 'j':
		return 1, true
	case 'b':
		p.at = max(0, p.at-2*rows)
		return rows, true
	case 'G', '>':
		return len(p.lines), true
	case 'g', '<':
		p.at = 0
		return rows, true
	case 'q', 'Q', 0x04, keyInterrupt:
		return 0, true
	}
	return 0, false
}
