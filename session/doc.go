// Package session is one user's shell: the grammar of its lines, its commands,
// its place in the tree and its HostContext; what a line shows, as text or as
// JSON; and the [Manager] of all live sessions, which swaps trees and rules
// under them.
//
// A line is taken apart by parse, word by word, because what follows -- of a
// command such as --run is no words. What its first words mean, the tree says
// (node.Node.Resolve), of which a session sees only what its rights show: what
// a user may not see looks like what is not there. Every right is asked for in
// one place, rights.authorize, with the rules that are in force at that moment.
//
// At a terminal ([Session.Shell]) one goroutine reads keys, asks and shows; a
// run that it waits for writes from its own, in the output's turn, and borrows
// that turn to ask a question or to have the terminal for a target's program.
//
// Where the contract is silent: options count whether quoted or not, so that no
// quoting turns --sandbox after an action into an argument; a path without an
// action is a wrong one-shot, and goes to that node in lines from standard
// input; --stdin goes with --run only.
//
// The package must not know telnet, the SSH server, listeners or Starlark.
package session
