package host

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// sudoPatience is how long sudo may take to ask, and again to let the
	// command start.
	sudoPatience = 60 * time.Second
	// sudoNoise is how many bytes may come before the command has started.
	sudoNoise = 64 << 10
)

// A sudoGate stands before a command that sudo may want a password for. The
// line says to sudo what its prompt is, 128 bits that are new each time, and
// writes a mark as its first act once sudo has let it in. The password is sent
// once, when that prompt came before that mark, and the command's own input
// only after the mark: sudo would take it for a password.
//
// The gate is the writer through which the stream goes that has both.
type sudoGate struct {
	password *Password
	token    []byte
	mark     []byte

	asked  chan struct{} // closed at the prompt
	opened chan struct{} // closed at the mark
	shut   chan struct{} // closed when it will not open any more

	mu    sync.Mutex // guards all below
	out   io.Writer
	state sudoState
	noise int
	held  []byte // what may be a token or a mark; after the prompt, all
	said  string // the password, once it is read
	why   error  // why it was shut
	pgid  int    // see settled
	left  error  // the stream ended when sudo had asked
}

type sudoState int

const (
	sudoWaiting sudoState = iota
	sudoAsked
	sudoOpen
	sudoShut
)

func newSudoGate(password *Password) *sudoGate {
	return &sudoGate{
		password: password, out: io.Discard,
		token: []byte("[sudo " + nonce() + "] "), mark: []byte("deployerd:" + nonce() + ":sudo"),
		asked: make(chan struct{}), opened: make(chan struct{}), shut: make(chan struct{}),
	}
}

// nonce is 128 fresh bits in hexadecimal.
func nonce() string {
	var b [nonceSize / 2]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// asking is the line with a sudo that may ask. A sudo that wants a terminal
// (requiretty) gets one of script(1)'s to look at, and the streams as they are;
// the mark then tells the command's process group, which is another.
func (g *sudoGate) asking(l Line) Line {
	user, err := l.how.sudoUser()
	if err != nil {
		user = "" // newLine has refused it
	}
	const shell = `if command -v bash >/dev/null 2>&1
then set -- "$1" bash --noprofile --norc -c
else set -- "$1" sh -c
fi
`
	enter := func(before, mark string) string {
		return user + "-- sh -c " + quote(before+`echo "`+string(g.mark)+mark+`" >&2
deployerd_s=$1
shift
exec "$@" "$deployerd_s"`) + ` sh "$@"` + "\n"
	}
	ask := "exec sudo -S -p " + quote(string(g.token)) + " "
	inTerminal := `exec <&3 >&4 2>&5 3<&- 4>&- 5>&-
set -- "$deployerd_c"
unset deployerd_c
` + shell + ask + enter(findGroup, ":$deployerd_g")
	l.text = l.text[:l.run] + "unset BASH_ENV\n" + shell +
		"deployerd_e=$(LC_ALL=C sudo -n " + user + "-- sh -c : 2>&1 </dev/null) && exec sudo -n " + enter("", "") +
		`case $deployerd_e in *'must have a tty'*)
	if command -v script >/dev/null 2>&1
	then
		deployerd_c=$1
		export deployerd_c
		exec 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1
		exec env SHELL=/bin/sh script -qec ` + quote(inTerminal) + ` /dev/null
	fi ;;
esac
` + ask + enter("", "")
	return l
}

// writer returns what the stream is copied to, which passes what is not ours on
// to out.
func (g *sudoGate) writer(out io.Writer) io.Writer {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out = out
	return g
}

// Write implements io.Writer, for one goroutine.
func (g *sudoGate) Write(p []byte) (int, error) {
	g.mu.Lock()
	if g.state == sudoOpen || g.state == sudoShut {
		g.mu.Unlock()
		return g.out.Write(p)
	}
	g.held = append(g.held, p...)
	pass := g.scan()
	g.mu.Unlock()
	if len(pass) == 0 {
		return len(p), nil
	}
	if _, err := g.out.Write(pass); err != nil {
		return 0, err
	}
	return len(p), nil
}

// scan takes out of held what goes on to the user. g.mu is held.
func (g *sudoGate) scan() (pass []byte) {
	if at, end, ok := g.findMark(); ok {
		if g.state == sudoWaiting {
			pass = append(pass, g.held[:at]...)
		}
		pass = append(pass, g.held[end:]...)
		g.held, g.state = nil, sudoOpen
		close(g.opened)
		return pass
	}
	if i := bytes.Index(g.held, g.token); i >= 0 {
		before, after := g.held[:i], g.held[i+len(g.token):]
		if g.state == sudoAsked {
			g.held = before
			g.refuse(fmt.Errorf("it refuses the password %s", g.password.Name))
			return nil
		}
		g.state, g.noise = sudoAsked, 0
		close(g.asked)
		g.held = append([]byte(nil), after...)
		return append([]byte(nil), before...)
	}
	if g.state == sudoWaiting {
		keep := max(overlap(g.held, g.token), g.beginMark())
		pass = append([]byte(nil), g.held[:len(g.held)-keep]...)
		g.held = append([]byte(nil), g.held[len(g.held)-keep:]...)
		g.noise += len(pass)
	}
	if g.noise+len(g.held) > sudoNoise {
		g.refuse(fmt.Errorf("it said more than %d bytes and neither asked for a password nor ran the command", sudoNoise))
	}
	return pass
}

// findMark finds the mark, with the process group that it may tell and its end
// of line, which a terminal writes as CR LF.
func (g *sudoGate) findMark() (at, end int, ok bool) {
	at = bytes.Index(g.held, g.mark)
	if at < 0 {
		return 0, 0, false
	}
	end = at + len(g.mark)
	rest := g.held[end:]
	if group, told := bytes.CutPrefix(rest, []byte(":")); told {
		pgid, n, state := parseGroup(group)
		g.pgid = pgid
		return at, end + 1 + n, state == groupComplete
	}
	for _, eol := range []string{"\n", "\r\n"} {
		if bytes.HasPrefix(rest, []byte(eol)) {
			return at, end + len(eol), true
		}
	}
	return 0, 0, false
}

// settled waits a moment for the mark, which may be on its way, and returns the
// process group that it told, 0 for none.
func (g *sudoGate) settled() int {
	soon := time.NewTimer(time.Second)
	defer soon.Stop()
	select {
	case <-g.opened:
	case <-g.shut:
	case <-soon.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pgid
}

// beginMark is the length of the longest end of held that a mark begins with.
func (g *sudoGate) beginMark() int {
	if at := bytes.Index(g.held, g.mark); at >= 0 {
		return len(g.held) - at
	}
	return overlap(g.held, g.mark)
}

// refuse shuts the gate. g.mu is held.
func (g *sudoGate) refuse(why error) {
	if g.state == sudoOpen || g.state == sudoShut {
		return
	}
	g.state, g.why = sudoShut, why
	close(g.shut)
}

// giveUp shuts the gate, unless the command has started.
func (g *sudoGate) giveUp(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse(why)
}

// end is called when the stream has ended. What sudo said instead of running
// the command is part of the error, or goes to the user when it did not ask.
func (g *sudoGate) end() {
	g.mu.Lock()
	left, state := g.held, g.state
	g.held = nil
	switch state {
	case sudoWaiting:
		g.state = sudoShut
		close(g.shut)
	case sudoAsked:
		text := "it asked for a password and did not run the command"
		if said := g.redacted(left); said != "" {
			text += ": " + said
		}
		g.left = errors.New(text)
		g.state = sudoShut
		close(g.shut)
	}
	g.mu.Unlock()
	if state == sudoWaiting && len(left) > 0 {
		_, _ = g.out.Write(left) // what fails to be written stays unwritten, as all output
	}
}

// redacted is the last line that was said, without the password. g.mu is held.
func (g *sudoGate) redacted(text []byte) string {
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return ""
	}
	last := lines[len(lines)-1]
	if g.said != "" {
		last = strings.ReplaceAll(last, g.said, "<"+g.password.Name+">")
	}
	return strings.ToValidUTF8(last[:min(len(last), 512)], "?")
}

// refusal is why the command did not run, once the stream has ended; nil when
// it ran, or nobody knows, or sudo did not ask. exited says that sudo has.
func (g *sudoGate) refusal(exited bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.why == nil && exited {
		return g.left
	}
	return g.why
}

// pass waits until the command has started, and gives sudo the password when it
// asks. It is false when no input may be sent.
func (g *sudoGate) pass(to io.Writer, done <-chan struct{}) bool {
	switch g.await(g.asked, done) {
	case sudoOpen:
		return true
	case sudoShut:
		return false
	}
	text, err := g.read()
	if err != nil {
		g.giveUp(err)
		return false
	}
	if _, err := io.WriteString(to, text+"\n"); err != nil {
		return false // the channel has ended
	}
	return g.await(nil, done) == sudoOpen
}

// read reads the password, unless the command has started meanwhile.
func (g *sudoGate) read() (string, error) {
	text, err := g.password.text()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && g.state != sudoAsked {
		err = errors.New("it asked for a password and went on without")
	}
	if err == nil {
		g.said = text
	}
	return text, err
}

// await waits for the mark, for the end, and, if it is not nil, for asked.
func (g *sudoGate) await(asked, done <-chan struct{}) sudoState {
	patience := time.NewTimer(sudoPatience)
	defer patience.Stop()
	select {
	case <-asked:
		return sudoAsked
	case <-g.opened:
		return sudoOpen
	case <-g.shut:
	case <-done:
	case <-patience.C:
		g.giveUp(fmt.Errorf("it did not run the command within %s", sudoPatience))
	}
	return sudoShut
}
