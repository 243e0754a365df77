package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/server/internal/telnet"
)

const (
	telnetTries  = 3
	maxLoginLine = 1 << 10 // bytes; the telnet package ends a connection beyond
)

// Keys of the dialogue.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyEOF       = 0x04 // Ctrl-D
	keyBackspace = 0x08
	keyEraseLine = 0x15 // Ctrl-U
	keyDelete    = 0x7f
)

var (
	errGoodbye = errors.New("the person left the login")
	errTries   = errors.New("too many tries")
)

// dialogue is how somebody logs in at a telnet peer.
type dialogue struct {
	peer         *telnet.Session
	name, method string // the last ones tried, for the record
	unread       []byte // what was typed beyond the line
	buf          [256]byte
}

// logIn asks for a name and a password, at most telnetTries times. Every
// refusal looks alike: an unknown user, a wrong password, a disabled user, one
// without a password.
func (c *caller) logIn() (auth.Identity, error) {
	if _, err := io.WriteString(c.login.peer, c.srv.banner); err != nil {
		return auth.Identity{}, err
	}
	ctx, cancel := context.WithDeadline(c.ctx, c.loginBy)
	defer cancel()
	for range telnetTries {
		name, password, err := c.login.ask()
		if err != nil {
			return auth.Identity{}, err
		}
		c.login.name, c.login.method = shown(name), "password"
		if id, ok := c.checkPassword(ctx, name, password); ok {
			return id, nil
		}
		if _, err := io.WriteString(c.login.peer, "Login incorrect\r\n"); err != nil {
			return auth.Identity{}, err
		}
	}
	return auth.Identity{}, errTries
}

// ask asks for a name, until there is one, and for its password.
func (d *dialogue) ask() (name, password string, err error) {
	for name == "" && err == nil {
		name, err = d.line("login: ", true)
	}
	if err == nil {
		password, err = d.line("Password: ", false)
	}
	return name, password, err
}

// line asks for a line and reads it, shown to its writer or not. A peer that
// shows by itself what it sends (nc) shows passwords too: there is no way to
// keep it from that.
func (d *dialogue) line(prompt string, visible bool) (string, error) {
	if _, err := io.WriteString(d.peer, prompt); err != nil {
		return "", err
	}
	l := typedLine{visible: visible}
	for {
		if len(d.unread) == 0 {
			n, err := d.peer.Read(d.buf[:])
			if n == 0 && err != nil {
				return "", fmt.Errorf("read the login: %w", err)
			}
			d.unread = d.buf[:n]
		}
		used, err := l.take(d.unread)
		d.unread = d.unread[used:]
		if d.peer.Echoing() {
			if _, err := d.peer.Write(l.echo); err != nil {
				return "", err
			}
		}
		l.echo = l.echo[:0]
		if err != nil || l.whole {
			return string(l.text), err
		}
	}
}

// typedLine is a line while it is typed: with DEL and Ctrl-U as in a terminal's
// own line editing, and Ctrl-C or, on an empty line, Ctrl-D to leave.
type typedLine struct {
	visible bool
	text    []byte
	echo    []byte // what is to be shown for what was taken
	whole   bool
}

// take takes bytes up to the line's end, and says how many.
func (l *typedLine) take(p []byte) (used int, err error) {
	for i, b := range p {
		switch {
		case b == '\r' || b == '\n':
			l.echo = append(l.echo, "\r\n"...)
			l.whole = true
			return i + 1, nil
		case b == keyInterrupt, b == keyEOF && len(l.text) == 0:
			return i + 1, errGoodbye
		case b == keyDelete || b == keyBackspace:
			l.erase()
		case b == keyEraseLine:
			for len(l.text) > 0 {
				l.erase()
			}
		case b >= ' ' && len(l.text) < maxLoginLine:
			l.text = append(l.text, b)
			if l.visible {
				l.echo = append(l.echo, b)
			}
		}
	}
	return len(p), nil
}

// erase takes the last character away.
func (l *typedLine) erase() {
	if len(l.text) == 0 {
		return
	}
	_, size := utf8.DecodeLastRune(l.text)
	l.text = l.text[:len(l.text)-size]
	if l.visible {
		l.echo = append(l.echo, "\b \b"...)
	}
}
