// Package server is the doors: listeners and their limits before login, the
// SSH server, the admin socket, and how they stop.
//
// A connection passes, in this order: the random early drop and the limit of
// its source (admission.go), a PROXY header (proxy.go), the login (login.go),
// the filter in front of the session channels (filter.go), and comes out as a
// session of the manager (channel.go).
//
// It must not know command names or the configuration.
package server
