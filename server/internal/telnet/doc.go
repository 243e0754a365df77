// Package telnet lets a person in by telnet: options, commands and limits on a
// net.Conn, with github.com/reiver/go-telnet above it.
//
//	net.Conn ─ conn (codec, limits, answers) ─ go-telnet ─ Session (io.Reader, io.Writer)
//
// go-telnet negotiates nothing, stops at most commands, reads until a buffer is
// full and panics when 0xFF cannot be written. So it gets a connection of our
// own that has only data left in it: the codec takes every command out, answers
// options by RFC 1143, and what it hands up has CR NUL and CR LF made one CR and
// 0xFF doubled; its Write never fails, the error shows in the next Read; its
// only listener gives one connection. Session reads one byte from go-telnet, and
// then what is certain to be there. The write path of go-telnet copies each byte
// and writes each 0xFF by itself; gathered into blocks of 32 KiB below it that
// is fast enough (BenchmarkWrite), so nothing is written around it.
//
// From the peer: CR NUL and CR LF are CR, also under BINARY, where PuTTY goes on
// sending them; a lone LF (nc) stays LF. IP and BRK become Ctrl-C, EC DEL, EL
// Ctrl-U, EOF Ctrl-D, SUSP Ctrl-Z and ABORT Ctrl-\, each in its place among the
// data; AYT and DO TIMING-MARK are answered; NOP, GA, DM, AO and the rest mean
// nothing. To the peer: 0xFF is doubled, a CR that no LF follows gets a NUL
// unless BINARY is agreed, and LF is sent as it is, so a caller that wants a new
// line writes "\r\n".
//
// The package must not know anything of ours: who logs in, what a session is,
// what is listened on.
package telnet
