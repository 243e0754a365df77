package telnet

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
)

// typeName is what a terminal's type may look like: it goes to targets.
var typeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// subnegotiate takes one whole sub-negotiation. RFC 855: it means something
// only for an option that is switched on.
func (c *codec) subnegotiate(opt byte, content []byte, out *output) {
	o := &c.options[opt]
	switch {
	case opt == optNAWS && o.him == yes:
		c.size(content)
	case opt == optTTYPE && o.him == yes:
		c.terminalType(content)
	case opt == optCharset && (o.him == yes || o.us == yes):
		c.charset(content, out)
	}
}

// size is RFC 1073: two numbers of 16 bits, of which 0 is unknown.
func (c *codec) size(content []byte) {
	if len(content) != 4 {
		return
	}
	if w := int(binary.BigEndian.Uint16(content)); w > 0 {
		c.terminal.Width = min(w, maxWidth)
	}
	if h := int(binary.BigEndian.Uint16(content[2:])); h > 0 {
		c.terminal.Height = min(h, maxHeight)
	}
}

// terminalType is RFC 1091. Case means nothing there, and PuTTY and others
// send capitals; terminfo has lower case.
func (c *codec) terminalType(content []byte) {
	if len(content) > 0 && content[0] == ttypeIS && typeName.Match(content[1:]) {
		c.terminal.Type = strings.ToLower(string(content[1:]))
	}
}

// charset is RFC 2066, of which only UTF-8 is wanted and no translation table.
func (c *codec) charset(content []byte, out *output) {
	if len(content) == 0 {
		return
	}
	switch content[0] {
	case charsetAccepted:
		c.terminal.UTF8 = c.terminal.UTF8 || bytes.EqualFold(content[1:], []byte("UTF-8"))
	case charsetRequest:
		if c.options[optCharset].him != yes {
			return // it may only ask after its WILL
		}
		c.answerCharset(content[1:], out)
	case charsetTTableIs:
		out.replies = append(out.replies, cmdIAC, cmdSB, optCharset, charsetTTableRejected, cmdIAC, cmdSE)
	}
}

// answerCharset accepts UTF-8 from a list, under the name it stands there, or
// refuses the list.
func (c *codec) answerCharset(list []byte, out *output) {
	out.replies = append(out.replies, cmdIAC, cmdSB, optCharset)
	if name := utf8In(list); name != nil {
		c.terminal.UTF8 = true
		out.replies = append(out.replies, charsetAccepted)
		out.replies = append(out.replies, name...)
	} else {
		out.replies = append(out.replies, charsetRejected)
	}
	out.replies = append(out.replies, cmdIAC, cmdSE)
}

// utf8In finds UTF-8 in a list of character sets: a separator before each name,
// and before all of it perhaps an offer of a translation table, which RFC 2066
// spells in two ways, with its version.
func utf8In(list []byte) []byte {
	for _, offer := range []string{"[TTABLE ]", "[TTABLE]"} {
		if rest, ok := bytes.CutPrefix(list, []byte(offer)); ok && len(rest) > 0 {
			list = rest[1:]
		}
	}
	if len(list) == 0 {
		return nil
	}
	for name := range bytes.SplitSeq(list[1:], list[:1]) {
		if bytes.EqualFold(name, []byte("UTF-8")) {
			return name
		}
	}
	return nil
}
