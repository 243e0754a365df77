package host

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"strconv"
)

const (
	// nonceSize is how many hexadecimal digits a nonce has.
	nonceSize = 32
	// announceNoise is how many bytes a login's start-up files may write to
	// stderr before the announcement. After that it is not looked for any more.
	announceNoise = 64 << 10
	// announceMax is the largest process group id that is believed.
	announceMax = 1<<31 - 1
)

// An announcement is how a started line tells its process group, which is what
// a kill needs. [Line.start] makes the line write token, id and a newline to
// stderr before it runs anything; writer takes that out of the stream.
//
// The nonce is new for each start, so output cannot pass for an announcement
// by accident. A target that lies about the id harms only itself: the id is
// used on that target alone.
type announcement struct {
	nonce string

	pgid     int           // valid once finished is closed; 0: none
	finished chan struct{} // closed by settle
	settled  bool          // only used by the goroutine that writes

	out   io.Writer
	token []byte
	held  []byte // what may still become the announcement
	noise int
}

// newAnnouncement makes an announcement with a fresh nonce of 128 bits.
func newAnnouncement() *announcement {
	var b [nonceSize / 2]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	nonce := hex.EncodeToString(b[:])
	return &announcement{
		nonce:    nonce,
		finished: make(chan struct{}),
		out:      io.Discard,
		token:    []byte(announceToken(nonce)),
	}
}

// announceToken is what stands before the id on the announcement's line.
func announceToken(nonce string) string { return "deployerd:" + nonce + ":" }

// writer returns what the target's stderr is copied to. It passes everything
// but the announcement on to stderr (nil discards). It is used by one
// goroutine, which calls end when the stream has ended. It is called once.
func (a *announcement) writer(stderr io.Writer) io.Writer {
	if stderr != nil {
		a.out = stderr
	}
	return (*announceWriter)(a)
}

// done is closed when the announcement came, or will not come any more.
func (a *announcement) done() <-chan struct{} { return a.finished }

// group returns the announced process group. It is false before done, and when
// the target has announced none.
func (a *announcement) group() (pgid int, ok bool) {
	select {
	case <-a.finished:
		return a.pgid, a.pgid > 1
	default:
		return 0, false
	}
}

// end passes on what was held back and closes done. The goroutine that used
// the writer calls it at the end of the stream. It may be called twice.
func (a *announcement) end() error {
	a.settle(0)
	held := a.held
	a.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := a.out.Write(held)
	return err
}

func (a *announcement) settle(pgid int) {
	if a.settled {
		return
	}
	a.settled, a.pgid = true, pgid
	close(a.finished)
}

// scan takes what is known to be no part of the announcement out of held.
func (a *announcement) scan() (pass []byte) {
	data := a.held
	for {
		i := bytes.Index(data, a.token)
		if i < 0 {
			i = len(data) - overlap(data, a.token)
			return a.hold(append(pass, data[:i]...), data[i:])
		}
		if a.noise+len(pass)+i > announceNoise {
			return a.hold(append(pass, data[:i]...), data[i:])
		}
		after := data[i+len(a.token):]
		pgid, n, state := parseGroup(after)
		switch state {
		case groupComplete:
			pass = append(append(pass, data[:i]...), after[n:]...)
			a.held = nil
			a.settle(pgid)
			return pass
		case groupPartial:
			return a.hold(append(pass, data[:i]...), data[i:])
		}
		pass = append(pass, data[:i+len(a.token)]...)
		data = after
	}
}

// hold counts the noise and keeps rest, unless there was too much noise.
func (a *announcement) hold(pass, rest []byte) []byte {
	a.noise += len(pass)
	if a.noise > announceNoise {
		a.held = nil
		a.settle(0)
		return append(pass, rest...)
	}
	a.held = append([]byte(nil), rest...)
	return pass
}

type groupState int

const (
	groupInvalid groupState = iota
	groupPartial
	groupComplete
)

// parseGroup reads a decimal id and a newline, which a terminal writes as CR LF:
// 0 (there is no group of its own) or 2 to announceMax. n is their length.
func parseGroup(data []byte) (pgid, n int, state groupState) {
	const digits = 10 // of announceMax
	end := bytes.IndexByte(data[:min(len(data), digits+2)], '\n')
	text := data
	if end >= 0 {
		text = data[:end]
	}
	text = bytes.TrimSuffix(text, []byte("\r"))
	if len(text) > digits || bytes.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, 0, groupInvalid
	}
	if end < 0 {
		return 0, 0, groupPartial
	}
	id, err := strconv.Atoi(string(text))
	if err != nil || id == 1 || id > announceMax || text[0] == '0' && len(text) > 1 {
		return 0, 0, groupInvalid
	}
	return id, end + 1, groupComplete
}

// overlap is the length of the longest end of data that token starts with.
func overlap(data, token []byte) int {
	for n := min(len(data), len(token)-1); n > 0; n-- {
		if bytes.HasPrefix(token, data[len(data)-n:]) {
			return n
		}
	}
	return 0
}

// announceWriter is the announcement as a writer.
type announceWriter announcement

func (w *announceWriter) Write(p []byte) (int, error) {
	a := (*announcement)(w)
	if a.settled {
		return a.out.Write(p)
	}
	a.held = append(a.held, p...)
	pass := a.scan()
	if len(pass) == 0 {
		return len(p), nil
	}
	if _, err := a.out.Write(pass); err != nil {
		return 0, err
	}
	return len(p), nil
}
