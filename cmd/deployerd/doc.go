// Command deployerd lets a team share one deployment shell over SSH.
//
// Here stand flags, signals, notices to systemd and the wiring of the
// packages; what can be tested elsewhere stands elsewhere.
package main
