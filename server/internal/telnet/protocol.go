package telnet

// Commands, each after an IAC. RFC 854, and RFC 1184 section 2.4 for the three
// above DM's group.
const (
	cmdEOF   = 236 // RFC 1184: end of file
	cmdSUSP  = 237 // RFC 1184: suspend the current process
	cmdABORT = 238 // RFC 1184: abort the current process
	cmdSE    = 240 // end of a sub-negotiation
	cmdBRK   = 243 // the break key
	cmdIP    = 244 // interrupt process
	cmdAYT   = 246 // are you there
	cmdEC    = 247 // erase character
	cmdEL    = 248 // erase line
	cmdSB    = 250 // begin of a sub-negotiation
	cmdWILL  = 251
	cmdWONT  = 252
	cmdDO    = 253
	cmdDONT  = 254
	cmdIAC   = 255
)

// Options. All others are refused.
const (
	optBinary     = 0  // RFC 856
	optEcho       = 1  // RFC 857
	optSGA        = 3  // RFC 858, suppress go-ahead
	optTimingMark = 6  // RFC 860
	optTTYPE      = 24 // RFC 1091
	optNAWS       = 31 // RFC 1073
	optCharset    = 42 // RFC 2066
)

// First bytes of a sub-negotiation.
const (
	ttypeIS   = 0 // RFC 1091 section 2
	ttypeSEND = 1

	charsetRequest        = 1 // RFC 2066 section 2
	charsetAccepted       = 2
	charsetRejected       = 3
	charsetTTableIs       = 4
	charsetTTableRejected = 5
)

// Keys that commands stand for.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyEOF       = 0x04 // Ctrl-D
	keyEraseLine = 0x15 // Ctrl-U
	keySuspend   = 0x1a // Ctrl-Z
	keyQuit      = 0x1c // Ctrl-\
	keyErase     = 0x7f // DEL
)

// Bounds on what a peer may make us keep or believe.
const (
	maxSub    = 512 // bytes of a sub-negotiation; a longer one is dropped
	maxTurns  = 16  // times one option is switched on; then it is refused
	maxWidth  = 1000
	maxHeight = 500
)
