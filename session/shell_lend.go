package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// sane makes a terminal usable again after whatever a target's program has
// done to it: colours and character sets, cursor, keys, wrapping, margins,
// mouse, focus (xterm, "Control Sequences"). The other screen is left before.
const sane = "\x1b[0m\x0f\x1b(B\x1b[?25h\x1b[?1l\x1b>\x1b[?7h\x1b[4l\x1b7\x1b[r\x1b8" +
	"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l"

const pastesOff = "\x1b[?2004l"

// loan is the terminal in the hands of a target's program.
type loan struct {
	keys  *keyboard
	out   *rawWriter
	sizes chan host.Pty // room for the newest
	back  func()        // gives the terminal back, once
}

var _ node.Terminal = (*watching)(nil)

// Lend implements node.Terminal. The borrower has the output's turn, so that
// nothing else is written meanwhile.
func (w *watching) Lend(ctx context.Context) (host.TerminalIO, func(), error) {
	if err := w.borrow(ctx); err != nil {
		return host.TerminalIO{}, nil, err
	}
	l := &loan{keys: newKeyboard(), out: &rawWriter{d: w.out.display}, sizes: make(chan host.Pty, 1)}
	if !w.plain {
		w.wrote(w.out.display.raw([]byte(pastesOff)))
	}
	l.back = sync.OnceFunc(func() { w.giveBack(l) })
	w.loan.Store(l)
	w.t.Tap.lead(func(piece []byte) bool { return w.straight(l, piece) })
	size := *w.size.Load()
	t := host.TerminalIO{
		Pty:   host.Pty{Term: w.t.Term, Width: size.Width, Height: size.Height},
		Input: l.keys, Output: l.out, Resized: l.sizes,
	}
	return t, l.back, nil
}

// straightMost is what goes straight at most, in bytes: what a hand types. More
// could fill what the target takes ahead, and hold up who reads the keys.
const straightMost = 64

// straight gives a piece to who has the terminal, unless a paste may begin or
// go on in it: the shell follows those. It runs where the keys are read, while
// the shell has none to deal with.
func (w *watching) straight(l *loan, piece []byte) bool {
	if len(piece) > straightMost || w.pastes.open || w.pastes.seen > 0 || bytes.IndexByte(piece, '\x1b') >= 0 || !l.keys.straight(piece) {
		return false
	}
	w.s.presence.input()
	return true
}

// borrow takes the output's turn with the cursor at the start of a row.
func (w *watching) borrow(ctx context.Context) error {
	select {
	case <-w.out.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.over:
		return errNobodyThere
	}
	w.wrote(w.out.display.finish())
	return nil
}

func (w *watching) giveBack(l *loan) {
	w.t.Tap.lead(nil)
	w.loan.Store(nil)
	_ = l.keys.Close() // it has nothing to flush
	back := l.out.end()
	if !w.plain {
		d := w.out.display
		open := d.open
		w.wrote(d.raw([]byte(back + sane + pastesOn)))
		d.open = open
	}
	w.wrote(w.out.display.finish())
	w.out.turn <- struct{}{}
}

// rawWriter is the screen, for who has the turn. It knows which screen shows.
type rawWriter struct {
	mu    sync.Mutex // the terminal may be taken back while it writes
	over  bool
	d     *display
	tail  []byte // of what was written, in which a switch may have begun
	other string // the mode that shows the other screen, or ""
}

func (r *rawWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return 0, errNobodyThere
	}
	r.d.open = p[len(p)-1] != '\n'
	r.look(p)
	return r.d.out.Write(p)
}

// look finds the last switch between the screens.
func (r *rawWriter) look(p []byte) {
	const longest = len("\x1b[?1049") // of a switch that lacks its end
	joined := append(r.tail, p[:min(len(p), longest)]...)
	for _, text := range [][]byte{joined, p} {
		last := -1
		for _, mode := range []string{"47", "1047", "1049"} {
			on := bytes.LastIndex(text, []byte("\x1b[?"+mode+"h"))
			off := bytes.LastIndex(text, []byte("\x1b[?"+mode+"l"))
			switch {
			case on > max(last, off):
				r.other, last = mode, on
			case off > max(last, on):
				r.other, last = "", off
			}
		}
	}
	whole := append(r.tail, p[max(0, len(p)-longest):]...)
	r.tail = bytes.Clone(whole[max(0, len(whole)-longest):])
}

// end is the last of it: what leaves the other screen, if it shows.
func (r *rawWriter) end() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.other == "" {
		return ""
	}
	return "\x1b[?" + r.other + "l"
}

// errNobodyThere refuses what needs a person when the person has gone.
var errNobodyThere = errors.New("nobody is at the terminal any more")

// keyboard is what is typed for a borrower. What the borrower has not read at
// its end is dropped: it was not meant for us.
type keyboard struct {
	mu     sync.Mutex
	typed  []byte
	closed bool
	news   chan struct{} // room for one
	room   chan struct{} // room for one: something was read

	writing sync.Mutex // held while something is on its way to the borrower
	to      io.Writer  // the borrower, while WriteTo runs
}

var _ io.WriterTo = (*keyboard)(nil)

func newKeyboard() *keyboard {
	return &keyboard{news: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// put takes what was typed; full says when to stop.
func (k *keyboard) put(in []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.typed = append(k.typed, in...)
	signal(k.news)
}

func (k *keyboard) full() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.typed) >= maxAhead
}

// Read implements io.Reader.
func (k *keyboard) Read(p []byte) (int, error) {
	for len(p) > 0 {
		n, closed := k.take(p)
		switch {
		case closed:
			signal(k.news) // for whoever else reads
			return 0, io.EOF
		case n > 0:
			signal(k.room)
			return n, nil
		}
		<-k.news
	}
	return 0, nil
}

// take takes what fits into p.
func (k *keyboard) take(p []byte) (n int, closed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return 0, true
	}
	n = copy(p, k.typed)
	k.typed = k.typed[n:]
	return n, false
}

// WriteTo implements io.WriterTo. While it runs, keys that nothing is before go
// to w from where they are read.
func (k *keyboard) WriteTo(w io.Writer) (int64, error) {
	k.writing.Lock()
	k.to = w
	k.writing.Unlock()
	defer func() {
		k.writing.Lock()
		k.to = nil
		k.writing.Unlock()
	}()
	var total int64
	var buf [maxPiece]byte
	for {
		k.writing.Lock()
		n, closed := k.take(buf[:])
		var err error
		if n > 0 {
			_, err = w.Write(buf[:n])
		}
		k.writing.Unlock()
		total += int64(n)
		switch {
		case err != nil:
			return total, err
		case closed:
			signal(k.news)
			return total, nil
		case n > 0:
			signal(k.room)
		default:
			<-k.news
		}
	}
}

// straight writes keys to the borrower, unless others are before them.
func (k *keyboard) straight(keys []byte) bool {
	if !k.writing.TryLock() {
		return false
	}
	defer k.writing.Unlock()
	if k.to == nil || !k.idle() {
		return false
	}
	_, _ = k.to.Write(keys) // a borrower that has gone does not want them
	return true
}

// idle says whether it is open and holds nothing.
func (k *keyboard) idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.closed && len(k.typed) == 0
}

// Close ends all reads.
func (k *keyboard) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	signal(k.news)
	signal(k.room)
	return nil
}
