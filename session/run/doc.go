// Package run is one action or command started by someone: its hosts, limits,
// output, cancel, states and results. A run belongs to the [Engine], not to
// the session that started it.
//
// How a run ends follows from its hosts. Its exit code is the first that
// holds: 254 a command was refused, 130 it was cancelled, 1 a host failed or
// timed out or the action itself failed, 255 a host could not be reached or its
// result is unknown, 0. Its status is cancelled with 130; else failed when
// anything was refused or failed, a host timed out or could not be reached;
// else unknown when a result is unknown; else ok. A host that was never
// started is skipped and counts for nothing. Where more failed than max_fail
// allows, so that the rest was not started, the exit code is 1, also when what
// failed could not be reached.
//
// In a split action a host's status is its cell's: the error decides. In any
// other action a host has failed when the action's error names it; a command
// that failed and that the action got over (check = False) does not count.
//
// It must not know terminals' bytes or transports.
package run
