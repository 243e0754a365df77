package telnet

// Terminal is what a peer told of its terminal. Zero values are unknown.
type Terminal struct {
	Width, Height int    // characters; at most 1000 × 500
	Type          string // as terminfo writes it, in lower case
	UTF8          bool   // agreed by CHARSET; without it nothing is known
}

// output is what bytes from the peer came to. The codec appends to it; the
// caller empties it.
type output struct {
	data    []byte // what the peer typed: never more than was fed
	replies []byte // what must be sent
	ayt     bool   // the peer asked whether anyone is there
}

// codec is the receiving side of the protocol: bytes in, data and replies out.
// It has no clock and no connection, and its memory is bounded whatever comes.
type codec struct {
	terminal   Terminal
	negotiated bool // the peer sent a telnet command at all

	options                 [256]option
	askedType, askedCharset bool

	parse   func(*codec, byte, *output) // the next byte's meaning
	afterCR bool                        // the last byte of data was CR
	command byte                        // WILL, WONT, DO or DONT
	sub     []byte                      // option and content, at most maxSub
	subLong bool                        // it has more than that, and is dropped
}

func newCodec() *codec {
	return &codec{parse: (*codec).text, sub: make([]byte, 0, maxSub)}
}

// feed takes bytes from the peer, in any pieces.
func (c *codec) feed(in []byte, out *output) {
	for _, b := range in {
		c.parse(c, b, out)
	}
}

// binary reports whether this side's data goes out as it is (RFC 856).
func (c *codec) binary() bool { return c.options[optBinary].us == yes }

// echoing reports whether the peer leaves the echo to this side (RFC 857).
func (c *codec) echoing() bool { return c.options[optEcho].us == yes }

func (c *codec) text(b byte, out *output) {
	if b == cmdIAC {
		c.parse = (*codec).iac
		return
	}
	c.datum(b, out)
}

// datum is one byte of data. What belongs to a CR (RFC 854, "the NVT printer")
// may come after a command, which is no part of the data.
func (c *codec) datum(b byte, out *output) {
	belongs := c.afterCR && (b == 0 || b == '\n')
	c.afterCR = b == '\r'
	if !belongs {
		out.data = append(out.data, b)
	}
}

func (c *codec) iac(b byte, out *output) {
	c.parse = (*codec).text
	if b == cmdIAC {
		c.datum(b, out)
		return
	}
	c.negotiated = true
	switch b {
	case cmdWILL, cmdWONT, cmdDO, cmdDONT:
		c.command, c.parse = b, (*codec).optionCode
	case cmdSB:
		c.sub, c.subLong, c.parse = c.sub[:0], false, (*codec).subData
	case cmdAYT:
		out.ayt = true
	default:
		if key, ok := keyOf(b); ok {
			c.datum(key, out)
		}
	}
}

// keyOf is the key a command stands for.
func keyOf(command byte) (byte, bool) {
	switch command {
	case cmdIP, cmdBRK:
		return keyInterrupt, true
	case cmdEC:
		return keyErase, true
	case cmdEL:
		return keyEraseLine, true
	case cmdEOF:
		return keyEOF, true
	case cmdSUSP:
		return keySuspend, true
	case cmdABORT:
		return keyQuit, true
	}
	return 0, false
}

func (c *codec) optionCode(b byte, out *output) {
	c.parse = (*codec).text
	c.negotiate(c.command, b, out)
}

func (c *codec) subData(b byte, _ *output) {
	if b == cmdIAC {
		c.parse = (*codec).subIAC
		return
	}
	c.keep(b)
}

func (c *codec) keep(b byte) {
	if len(c.sub) == maxSub {
		c.subLong = true
		return
	}
	c.sub = append(c.sub, b)
}

// subIAC is the byte after an IAC in a sub-negotiation: 0xFF itself, or its
// end. Any other command cannot stand here (RFC 855); it ends a
// sub-negotiation that lost its end, which means nothing then.
func (c *codec) subIAC(b byte, out *output) {
	switch b {
	case cmdIAC:
		c.keep(b)
		c.parse = (*codec).subData
	case cmdSE:
		c.parse = (*codec).text
		if !c.subLong && len(c.sub) > 0 {
			c.subnegotiate(c.sub[0], c.sub[1:], out)
		}
	default:
		c.iac(b, out)
	}
}
