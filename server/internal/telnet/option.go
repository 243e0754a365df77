package telnet

// state is one side of one option. Of the six states of RFC 1143 three are
// enough: the others need a side that asks to switch an option off, and this
// one never does.
type state uint8

const (
	no state = iota
	yes
	wantYes // asked for, not answered
)

// option is the state of one option on both sides, and how often it was
// switched on: a peer that goes on switching is refused in the end.
type option struct {
	us, him           state
	usTurns, himTurns uint8
}

// offers says which options this side performs, and wants which the peer may.
var (
	offers = [256]bool{optEcho: true, optSGA: true, optBinary: true, optCharset: true}
	wants  = [256]bool{optSGA: true, optBinary: true, optCharset: true, optNAWS: true, optTTYPE: true}
)

// turnOn is the peer's WILL or DO for a side in state s: the new state, and the
// answer, agree or refuse, or 0 when there is none to give. An answer to our
// own question and a repetition get none, which is what ends loops (RFC 1143
// section 7).
func turnOn(s state, turns *uint8, may bool, agree, refuse byte) (state, byte) {
	switch {
	case s == yes:
		return yes, 0
	case s == no && (!may || *turns >= maxTurns):
		return no, refuse
	}
	*turns++
	if s == wantYes {
		return yes, 0
	}
	return yes, agree
}

// turnOff is the peer's WONT or DONT: it must be agreed to, once.
func turnOff(s state, agree byte) (state, byte) {
	if s == yes {
		return no, agree
	}
	return no, 0
}

// negotiate takes one WILL, WONT, DO or DONT.
func (c *codec) negotiate(cmd, opt byte, out *output) {
	o, answer := &c.options[opt], byte(0)
	switch cmd {
	case cmdWILL:
		o.him, answer = turnOn(o.him, &o.himTurns, wants[opt], cmdDO, cmdDONT)
	case cmdWONT:
		o.him, answer = turnOff(o.him, cmdDONT)
	case cmdDO:
		if opt == optTimingMark { // RFC 860: no state, each is answered in its place
			answer = cmdWILL
			break
		}
		o.us, answer = turnOn(o.us, &o.usTurns, offers[opt], cmdWILL, cmdWONT)
	case cmdDONT:
		o.us, answer = turnOff(o.us, cmdWONT)
	}
	if answer != 0 {
		out.replies = append(out.replies, cmdIAC, answer, opt)
	}
	c.ask(out)
}

// ask asks, once each, what may be asked only when an option is switched on.
func (c *codec) ask(out *output) {
	if c.options[optTTYPE].him == yes && !c.askedType {
		c.askedType = true
		out.replies = append(out.replies, cmdIAC, cmdSB, optTTYPE, ttypeSEND, cmdIAC, cmdSE)
	}
	if c.options[optCharset].us == yes && !c.askedCharset {
		c.askedCharset = true
		out.replies = append(out.replies, cmdIAC, cmdSB, optCharset, charsetRequest)
		out.replies = append(out.replies, ";UTF-8"...)
		out.replies = append(out.replies, cmdIAC, cmdSE)
	}
}

// greeting asks for everything a terminal needs, once, at the start.
func (c *codec) greeting() []byte {
	var b []byte
	for _, opt := range []byte{optEcho, optSGA, optBinary, optCharset} {
		c.options[opt].us = wantYes
		b = append(b, cmdIAC, cmdWILL, opt)
	}
	for _, opt := range []byte{optNAWS, optTTYPE, optBinary} {
		c.options[opt].him = wantYes
		b = append(b, cmdIAC, cmdDO, opt)
	}
	return b
}
