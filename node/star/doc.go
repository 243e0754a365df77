// Package star reads a tree written in Starlark and makes the [node.Tree] of
// it: the names of the language, their values, the threads that calls run in,
// and the errors an operator reads when a tree does not load.
//
// Loading opens no connection and runs no command. Afterwards everything is
// frozen; every call and property then runs in a Starlark thread of its own,
// which carries the context and the run, and takes its steps from the run's
// budget.
//
// What a thread computes is bounded by steps, and a cancel ends it at its next
// step. A builtin that only computes is one step however long it takes, so
// those that walk a sequence take at most [MaxElements] elements. What the
// operators *, + and % build is bounded by the interpreter alone (a repeat by
// 2^30 elements, nothing else): a tree can use up the memory, and it is the
// operator's own.
//
// # Where the language's page is silent
//
//   - A relative identity_file is relative to the tree's folder; ~ is refused.
//   - A result is true when it is ok; its exit_code is None when there was none,
//     its host is a name. In JSON it is an object with its fields.
//   - A container gives results by host even when it holds one host.
//   - Hosts and containers are not indexed by negative numbers. Hosts are equal
//     by name, envs by path, groups by name, types when they are the same one.
//   - env.attempt catches the time-out that a command was given itself, not the
//     run's. Its .errors is empty unless the function itself made a split call.
//   - env.run.started is a text as in RFC 3339, in UTC.
//   - The colours of a group are the eight of a terminal.
//   - Functions, and types of which a definition failed, are told where they
//     were written; members at their keyword.
//
// It must not know sessions, the server, users or the configuration. It is the
// only package that imports go.starlark.net.
package star
