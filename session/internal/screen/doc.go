// Package screen is what a terminal shows while something runs on many hosts:
// a status row under the output that is drawn again in its place, the counts
// in it, and afterwards which hosts had the same to say.
//
// It is pure: events and text go in, bytes and text come out. There is no
// goroutine, clock, reader or writer in it. It must not know anything of ours,
// and what it is given must be free of control bytes.
package screen
