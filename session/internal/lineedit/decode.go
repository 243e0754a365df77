package lineedit

import (
	"slices"
	"unicode/utf8"
)

type state int

const (
	ground     state = iota
	escape           // after ESC
	sequence         // after ESC [
	consoleKey       // after ESC [ [: the function keys of the Linux console
	single           // after ESC O
	text             // in OSC, DCS, APC, PM or SOS, until ST
	textEscape       // after an ESC in one
	mouse            // the three bytes after ESC [ M
	pasting          // between ESC [ 200 ~ and ESC [ 201 ~
)

// Bounds of what a sequence may hold, in bytes. A longer one is swallowed all
// the same.
const (
	maxParams = 32
	maxString = 4096
)

// decoder turns bytes into keys. What is incomplete stays in it, however the
// bytes are cut.
type decoder struct {
	limit int // of a paste, in bytes

	state   state
	held    []byte // an incomplete character, or a sequence's parameters
	meta    bool   // ESC stood before the sequence's own ESC
	drop    bool   // the character belongs to Alt
	cr      bool   // a CR came last: an LF or NUL after it is the same Enter
	count   int    // of bytes in a string, or still to come from a mouse
	paste   paste
	presses []press
}

// push takes one byte and returns the keys it completes. The slice is valid
// until the next call. A key that ends in an event is always the last.
func (d *decoder) push(b byte) []press {
	d.presses = d.presses[:0]
	d.step(b)
	return d.presses
}

func (d *decoder) step(b byte) {
	switch d.state {
	case ground:
		d.inGround(b)
	case escape:
		d.afterEscape(b)
	case sequence:
		d.inSequence(b)
	case single:
		d.inSingle(b)
	case text:
		d.inText(b)
	case textEscape:
		d.state = escape
		if d.meta = false; b == '\\' { // ST: the string ends
			d.state = ground
			return
		}
		d.afterEscape(b)
	case consoleKey:
		d.emit(keyUnknown)
	case mouse:
		if d.count--; d.count == 0 {
			d.emit(keyUnknown)
		}
	case pasting:
		d.inPaste(b)
	}
}

// emit ends whatever was begun with a key.
func (d *decoder) emit(k key) {
	d.state = ground
	d.presses = append(d.presses, press{key: k})
}

func (d *decoder) inGround(b byte) {
	same := d.cr && (b == '\n' || b == 0)
	d.cr = false
	switch {
	case same:
	case len(d.held) > 0 || b >= utf8.RuneSelf:
		d.inRune(b)
	default:
		d.ascii(b)
	}
}

func (d *decoder) ascii(b byte) {
	d.cr = b == '\r'
	switch {
	case b == 0x1b:
		d.state, d.meta = escape, false
	case b == 0x7f:
		d.emit(keyBackspace)
	case b < 0x20:
		d.emit(controls[b])
	default:
		d.presses = append(d.presses, press{keyText, string(rune(b))})
	}
}

// inRune collects a character of several bytes. Bytes that are none become
// U+FFFD, so that the user sees them.
func (d *decoder) inRune(b byte) {
	d.held = append(d.held, b)
	if !utf8.FullRune(d.held) {
		return
	}
	r, size := utf8.DecodeRune(d.held)
	rest := slices.Clone(d.held[size:])
	d.held = d.held[:0]
	d.rune(r)
	for _, b := range rest {
		d.step(b)
	}
}

func (d *decoder) rune(r rune) {
	drop := d.drop
	d.drop = false
	switch {
	case drop:
		d.emit(keyUnknown)
	case r >= 0x80 && r < 0xa0: // C1, which UTF-8 may carry: ESC and a letter (ECMA-48, 5.3)
		d.state, d.meta = escape, false
		d.afterEscape(byte(r) - 0x40)
	default:
		d.presses = append(d.presses, press{keyText, string(r)})
	}
}

func (d *decoder) afterEscape(b byte) {
	switch {
	case b == 0x1b:
		d.meta = true
	case b == '[':
		d.state, d.held = sequence, d.held[:0]
	case b == 'O':
		d.state, d.held = single, d.held[:0]
	case b == ']', b == 'P', b == '_', b == '^', b == 'X':
		d.state, d.count = text, 0
	case b == 0x08, b == 0x7f:
		d.emit(keyKillWordLeft)
	case b < 0x20:
		d.emit(keyEscape)
		d.ascii(b)
	case b >= utf8.RuneSelf:
		d.state, d.drop = ground, true
		d.inRune(b)
	default:
		d.emit(metas[b])
	}
}

func (d *decoder) inSequence(b byte) {
	private := len(d.held) > 0 && d.held[0] >= '<'
	switch {
	case b == '[' && len(d.held) == 0:
		d.state = consoleKey
	case b == '$' && len(d.held) > 0 && !private: // ends a key of rxvt with Shift
		d.endSequence(b)
	case b >= 0x40 && b < 0x7f:
		d.endSequence(b)
	case b >= 0x20 && b < 0x40:
		d.keep(b)
	default:
		d.abandon(b)
	}
}

// keep holds a parameter, as far as they go.
func (d *decoder) keep(b byte) {
	if len(d.held) < maxParams {
		d.held = append(d.held, b)
	}
}

// abandon leaves a sequence that a control or a character interrupts.
func (d *decoder) abandon(b byte) {
	d.state, d.held = ground, d.held[:0]
	d.inGround(b)
}

func (d *decoder) endSequence(final byte) {
	params := d.held
	d.held = d.held[:0]
	switch {
	case final == 'M' && len(params) == 0:
		d.state, d.count = mouse, 3
	case final == '~' && string(params) == "200":
		d.state = pasting
		d.paste.begin(d.limit)
	default:
		d.emit(sequenceKey(params, final, d.meta))
	}
}

func (d *decoder) inSingle(b byte) {
	switch {
	case b >= '0' && b <= '9', b == ';':
		d.keep(b)
	case b == 'M': // Enter of the keypad
		d.held = d.held[:0]
		d.emit(keyEnter)
	case b >= 0x20 && b < 0x7f:
		control := b >= 'a' && b <= 'd' // rxvt
		params := d.held
		d.held = d.held[:0]
		d.emit(sequenceKey(params, b, d.meta || control))
	default:
		d.abandon(b)
	}
}

// inText swallows a string. Any control but its end leaves it, so that a
// stray start never eats more than a line.
func (d *decoder) inText(b byte) {
	d.count++
	switch {
	case b == 0x07 || d.count > maxString:
		d.emit(keyUnknown)
	case b == 0x1b:
		d.state = textEscape
	case b < 0x20:
		d.abandon(b)
	}
}

func (d *decoder) inPaste(b byte) {
	if !d.paste.push(b) {
		return
	}
	d.state = ground
	text, fits := d.paste.end()
	k := keyPaste
	if !fits {
		k = keyPasteTooLong
	}
	d.presses = append(d.presses, press{k, text})
}

// waiting says whether a time-out would decide something: a lone ESC, or a
// string that does not end. The rest of an arrow key is waited for as long as
// it takes, since its bytes would be text otherwise.
func (d *decoder) waiting() bool {
	return d.state == escape || d.state == text || d.state == textEscape
}

// timeout decides it.
func (d *decoder) timeout() []press {
	d.presses = d.presses[:0]
	switch d.state {
	case escape:
		d.emit(keyEscape)
	case text, textEscape:
		d.emit(keyUnknown)
	}
	return d.presses
}
