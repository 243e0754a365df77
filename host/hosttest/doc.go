// Package hosttest gives tests, and the demo, targets to run commands at: an
// in-process SSH server ([Target]), a real sshd ([SSHD]), a scripted host
// ([Fake]), and the suite that every kind of [host.Host] passes
// ([Conformance]).
//
// It knows the host package's interfaces and the SSH protocol; it must not
// know nodes, users, sessions or deployerd's configuration. Nothing in it is a
// door for people: a Target is meant for loopback.
package hosttest
