package session

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/session/internal/screen"
	"github.com/deployerd/deployerd/session/run"
)

// How often the status row is drawn.
const (
	firstFrame = 200 * time.Millisecond // what is quick needs no status
	nextFrame  = 50 * time.Millisecond  // at most 20 a second
	idleFrame  = time.Second            // its seconds go on
)

// quiet is how long a single host says nothing before it is said that it is
// waited for.
const quiet = time.Second

// errLetGo ends the events of a run that its user does not wait for any more.
var errLetGo = errors.New("not waited for any more")

// live shows a run while somebody looks at it: the lines as they come, and a
// status row below them. Events come from the run, frames from a goroutine of
// its own, so that a screen that stands still stops neither keys nor cancel.
type live struct {
	out    *output
	text   *textScreen
	stderr stream // of the single host; its stdout is the other
	stdout stream
	single bool

	dirty   chan struct{} // something is to be drawn
	stop    chan struct{}
	painted chan struct{} // closed when no frame comes any more
	once    sync.Once

	letGo bool // in the output's turn

	mu         sync.Mutex
	progress   *screen.Progress
	outputs    screen.Outputs
	began      time.Time
	heard      time.Time // when the last output came
	cancelling bool
	batches    int // that have ended
	notices    []string
	meters     []meter // what goes on, the one that changed last at the end
}

func newLive(out *output, spec *starting) *live {
	text := newTextScreen(out, spec)
	l := &live{
		out: out, text: text, single: text.single,
		dirty: make(chan struct{}, 1), stop: make(chan struct{}), painted: make(chan struct{}),
		progress: screen.NewProgress(printables(run.Hosts(spec.Node, spec.Limit))),
		began:    time.Now(), heard: time.Now(),
	}
	text.kept, text.put = l.keep, l.put
	return l
}

func printables(names []string) []string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = printable(name)
	}
	return shown
}

// start begins to draw; end must follow.
func (l *live) start(log *slog.Logger) {
	go func() {
		defer close(l.painted)
		defer func() {
			if p := recover(); p != nil {
				log.Error("panic in the status row", "err", p, "stack", string(debug.Stack()))
			}
		}()
		l.paint()
	}()
}

// end takes the status off the screen and leaves the cursor at the start of a
// row. Nothing is shown after it. Idempotent.
func (l *live) end() error {
	l.once.Do(func() { close(l.stop) })
	<-l.painted
	return l.out.inTurn(func() error {
		if l.letGo {
			return nil
		}
		l.letGo = true
		return l.out.display.finish()
	})
}

// event shows one event of the run.
func (l *live) event(e run.Event) error {
	l.track(e)
	switch {
	case !l.single:
	case e.Kind == "output":
		return l.part(e)
	case e.Kind == "run_finished":
		return l.put(l.out.stdout, l.stderr.end(l.stdout.end(nil)))
	}
	return l.text.event(e)
}

// part shows output of the single host as far as it came.
func (l *live) part(e run.Event) error {
	one := &l.stdout
	if e.Stream == host.Stderr {
		one = &l.stderr
	}
	l.text.buf = one.write(l.text.buf[:0], e.Data)
	return l.put(l.out.stdout, l.text.buf)
}

// put writes unless nobody waits any more.
func (l *live) put(w io.Writer, data []byte) error {
	return l.out.inTurn(func() error {
		if l.letGo {
			return errLetGo
		}
		_, err := w.Write(data)
		return err
	})
}

// track keeps what the status row says.
func (l *live) track(e run.Event) {
	name := printable(e.Host)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case "host_started":
		l.progress.Set(name, screen.Running, e.Time)
	case "host_finished":
		state := screen.Failed
		if e.Status == run.OK || e.Status == run.Skipped {
			state = screen.Done
		}
		l.progress.Set(name, state, e.Time)
	case "batch_finished":
		l.batches++
	case "output", "log", "result":
		l.heard = time.Now()
	default:
		return
	}
	l.touch()
}

// keep keeps a line for the summary.
func (l *live) keep(name, stream, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outputs.Add(name, stream, line)
}

// touch says that there is something to draw.
func (l *live) touch() {
	select {
	case l.dirty <- struct{}{}:
	default:
	}
}

// notice shows a word above the status, soon.
func (l *live) notice(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 16 // more tell nothing new
	if len(l.notices) < most {
		l.notices = append(l.notices, text)
	}
	l.touch()
}

// cancel says that the run was cancelled.
func (l *live) cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancelling = true
	l.touch()
}

// unanswered are the hosts that have not finished.
func (l *live) unanswered() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.progress.Open()
}

// paint draws frames until the end.
func (l *live) paint() {
	wait := time.NewTimer(firstFrame)
	defer wait.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-wait.C:
		}
		if l.frame() != nil {
			return // the terminal is gone
		}
		wait.Reset(idleFrame)
		select {
		case <-l.stop:
			return
		case <-l.dirty:
			wait.Reset(nextFrame)
		case <-wait.C:
			wait.Reset(0)
		}
	}
}

// frame draws what there is to say now.
func (l *live) frame() error {
	l.mu.Lock()
	notices, status := l.notices, l.metered(l.status(time.Now()))
	l.notices = nil
	l.mu.Unlock()
	return l.out.inTurn(func() error {
		d := l.out.display
		for _, n := range notices {
			if err := d.finish(); err != nil {
				return err
			}
			if _, err := d.Write(l.out.words(n, dim)); err != nil {
				return err
			}
		}
		return d.draw(status)
	})
}

// status is the text of the status row.
func (l *live) status(now time.Time) string {
	text := l.progress.Text(now)
	if text == "" {
		text = "running (" + screen.Seconds(now.Sub(l.began)) + ")"
	}
	if l.single && !l.cancelling {
		if now.Sub(l.heard) < quiet {
			return ""
		}
		text = strings.TrimPrefix(text, "running 1, ")
	}
	if l.batches > 0 && len(l.progress.Open()) > 0 {
		text = fmt.Sprintf("batch %d, %s", l.batches+1, text)
	}
	if l.cancelling {
		text = "cancelling, " + text
	}
	return text
}
