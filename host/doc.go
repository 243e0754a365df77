// Package host runs commands at targets.
//
// It knows one target ([Host], [Process]), the immutable [Context] that turns
// a working folder, variables, prefixes, sudo and sandbox into the one shell
// line that is sent ([Line]), one host in a context ([Handle]), several by
// role ([Group]), this machine ([Local]), and the [Pool] of outbound SSH
// connections with its host keys.
//
// It must not know nodes, users, sessions or deployerd's configuration.
package host
