package host

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

var (
	errNoTerminal  = errors.New("the target refused a terminal")
	errNotTerminal = errors.New("the command has no terminal")
	errGone        = errors.New("the command has ended")
)

// Terminal modes: RFC 4254 section 8; RFC 8160 for IUTF8.
const (
	modeEnd    = 0
	modeUTF8   = 42
	modeInput  = 128 // TTY_OP_ISPEED
	modeOutput = 129 // TTY_OP_OSPEED
	modeSpeed  = 38400
)

// ptyRequest is the payload of a request for a terminal: RFC 4254 section 6.2.
// What it does not say of the modes stays as the target's system has it.
func ptyRequest(p Pty) []byte {
	type mode struct {
		Op    byte
		Value uint32
	}
	var modes []byte
	for _, m := range []mode{{modeUTF8, 1}, {modeInput, modeSpeed}, {modeOutput, modeSpeed}} {
		modes = append(modes, ssh.Marshal(m)...)
	}
	return ssh.Marshal(struct {
		Term                            string
		Columns, Rows, PixelsX, PixelsY uint32
		Modes                           string
	}{Term: p.Term, Columns: uint32(p.Width), Rows: uint32(p.Height), Modes: string(append(modes, modeEnd))})
}

// Resize implements Process: RFC 4254 section 6.7.
func (p *sshProcess) Resize(width, height int) error {
	if p.pty == nil {
		return fmt.Errorf("resize at %s: %w", p.host.name, errNotTerminal)
	}
	select {
	case <-p.done:
		return fmt.Errorf("resize at %s: %w", p.host.name, errGone)
	default:
	}
	width, height = clampSize(width, height)
	_, err := p.ch.SendRequest("window-change", false, ssh.Marshal(struct {
		Columns, Rows, PixelsX, PixelsY uint32
	}{Columns: uint32(width), Rows: uint32(height)}))
	if err != nil {
		return fmt.Errorf("resize at %s: %w", p.host.name, err)
	}
	return nil
}
