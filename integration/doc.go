// Package integration tests the built binary from outside, with the real ssh
// as the client and the real sshd as the targets. It knows no internals.
//
// Tests that need a tool which is not installed are skipped loudly; with CI
// set they fail.
package integration
