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
// those that walk a sequence take at most [MaxElements] elements (a range behind
// for may have more, since the loop takes steps), and the
// operators % and * are calls of builtins of ours, which bound what they build
// and refuse what may not stand in a text. What + builds is bounded by the
// interpreter alone: a tree can use up the memory, and it is the operator's own.
//
// # Where the language's page is silent
//
//   - A relative identity_file is relative to the tree's folder; ~ is refused.
//
//   - A result is true when it is ok; its exit_code is None when there was none,
//     its host is a name. In JSON it is an object with its fields.
//
//   - A container gives results by host even when it holds one host.
//
//   - env.web["1"] is the cell of a host called 1 and env.web[1] the second one,
//     whatever its name is; a host may be the key, too. Only in a path does :1
//     stand for both.
//
//   - A function inside another that uses itself is refused where it would be
//     kept or shared: as a global, in a type, in a split call. So is the text of
//     a value that is nested more than 1000 deep or has more than 64 MiB.
//
//   - Hosts and containers are not indexed by negative numbers. Hosts are equal
//     by name, envs by path, groups by name, types when they are the same one.
//
//   - env.attempt catches the time-out that a command was given itself, not the
//     run's. Its .errors is empty unless the function itself made a split call.
//
//   - env.run.started is a text as in RFC 3339, in UTC.
//
//   - The colours of a group are the eight of a terminal.
//
//   - serial and max_fail take whole numbers and whole percentages, as numbers
//     or as texts; a batch is from 1 or "1%" to "100%", max_fail from 0 or "0%".
//     A batch's percentage is of the cells of its call, rounded down, at least 1.
//
//   - forks, serial and max_fail of a parallel node hold for the nodes that share
//     its cells, too, unless these say their own; those of an action count where
//     a call of it is split, and say nothing elsewhere. Each is looked up by
//     itself: the line, the action, the node. A node's serial and max_fail hold
//     for --run at it, and not for containers in actions; a line's hold for both.
//
//   - max_fail counts cells and hosts by name, each once, of all that the run was
//     split over so far. What runs goes on to its end: no further batch is begun,
//     or without serial no further cell. What did not start is skipped, and the
//     call fails. What env.attempt catches, or check = False, does not count;
//     what is deferred is not stopped.
//
//   - Paths at a host are literal (.expand knows ~ and $) and relative to the
//     context's folder; a context's prefixes are run for commands and
//     .has_command alone. .exists and .stat follow links, so that one that
//     leads nowhere is not there.
//
//   - stat's mode is an int of the permissions (0o644, with setuid and the like),
//     its mtime whole seconds since 1970. A mode to be written is such an int or
//     octal digits in a text; owner is USER, USER:GROUP or :GROUP.
//
//   - .write follows links, and makes no folder. A new file of .put has the
//     local file's mode without the umask's bits. A file is put into a folder
//     that is there; a folder of .put becomes the folder of that name, links in it
//     stay links, and what else is there stays.
//
//   - .get gives the name in the user's folder: by default the last part of the
//     path; from a container in a folder per host, "web1/messages". Links that
//     lead out of a folder are left out, which the log says.
//
//   - .write and .put give None. No operation on files asks retry or skip.
//
//   - .addresses() has neither loopback nor link-local addresses.
//
//   - .connect is for one host and gives a result; its input is typed first. In a
//     sandbox it opens nothing.
//
//   - An alias is one or several identifiers joined with dots. It belongs to its
//     function: an override has the aliases that it says itself. After each dot
//     of a path what is left is looked up whole again, so that web.git.status
//     finds the alias git.status of web.
//
//   - A type's dot gives action(fn, ...) as it was given: called it is the
//     function, without a question or a time-out, and as a member it keeps its
//     options.
//
//   - required() is an error too when a type's dot reads it, and hosts, group,
//     doc and bounds cannot be required.
//
//   - call must be a function. A word behind a node with a default action is its
//     argument, except for an attribute's or a query's name and what begins with
//     a colon; what follows -- always is. At a prompt .., ., / and - alone only
//     go there.
//
//   - A just_one adds no dimension and no key to a path, and its own hosts need a
//     role host as an array's do. Using it is calling an action of it or below,
//     reading a property, its hosts or host, and --run.
//
//   - dont_isolate_yet and isolate_one_only exclude each other, and say nothing
//     in a cell or a plain node. confirm is asked once, before a split; --yes
//     answers every question for a confirmation, the console's too. A time-out of
//     an action that another one calls can be caught there by env.attempt.
//
//   - Types may be made in an action, hosts may not. What such a type is given is
//     frozen, since cells may share it. The nesting rules hold for
//     env.initialize, and forks of such a node only narrow the run's.
//
//   - An env that an action returns opens no sub-shell from several cells, nor
//     in a one-shot: there its path is printed. suppress_result does not hold it
//     back.
//
//   - A query's & and | evaluate both sides and give True or False. ~ gives
//     what not would. ^, << and >> are refused.
//
//   - Values that are written into a query are no sub-queries: 1 in Q.a + 1 is
//     not in its trace, nor is the tuple behind %. Of Q.parent("name") the
//     trace has what it begins with, and itself.
//
//   - Q.parent("name") looks for the name of a node above, Q.parent(Type) for a
//     type or what was derived from it. Neither finds the node itself, and
//     none above is an error.
//
//   - A list, tuple or dictionary with queries in it, given as a member, is a
//     query. Type.member gives the expression.
//
//   - "...".format(Q.a), for and all, any or bool on a query are refused as
//     "..." % Q.a is; str(Q.a) and print show its text. Text writes a named
//     type by its name, Q.parent(Web), and keywords as k = 1.
//
//   - Reading a node type or a host in a query is as in an action; commands,
//     also those of actions that it calls, are refused until it has its value.
//
//   - inspect(env) gives envs for nodes, and for actions what env.action is.
//     .parameters are names, with the stars of *args and **kwargs. Properties
//     and queries have .name .doc .node .value (and queries .text), and can be
//     called for their value. What else env says (.user, .run, .log, ...) it
//     says as well. An alias names its action.
//
//   - .is_isolated is true of all but arrays, and plain nodes below them, whose
//     cell is not chosen; .isolations() of those is the node itself.
//
//   - .prefer_isolation leaves out arrays that have no such cell. .call_action
//     calls nothing when a node of the walk does not have the action, and stops
//     at the first node where it fails.
//
//   - Functions, and types of which a definition failed, are told where they
//     were written; members at their keyword.
//
//   - file(name) is relative to the tree's folder, whichever file says it, and
//     gives UTF-8 of at most 16 MiB. What it gave is part of the tree's version.
//
//   - match finds the pattern anywhere in the text (^ and $ anchor it) and gives
//     a tuple; a group that took no part is None, and a pattern without groups
//     gives the whole that fits.
//
//   - json.encode keeps the order of dictionaries; a struct's fields are sorted.
//     json.encode_indent and json.indent are there too.
//
//   - In a template True is true, None is None and false; a host is its name and
//     has .name, .address and .labels. One with several secrets prints as
//     <secret a, b>.
//
//   - A secret prints as <secret name>, a password that was asked for as
//     <secret>. It is read anew each time it is used; where str() put its name
//     into a command, the command is refused. As a value of .env it reaches the
//     target on the command's standard input, before the command's own, so it is
//     in no process's arguments; together with a terminal it is refused, and
//     operations on files do not get it.
//
//   - What env.defer is given runs at the end of the function's own call, of an
//     action or a property; a first parameter without a default, or with None, gets
//     the error's text, or None. lambda host = host: ... keeps its own value.
//     It may defer nothing itself, and after the run's last step it has a million
//     steps of its own.
//
//   - env.wait_for gives the first true value of its function, whose error ends
//     it at once; in a sandbox it gives what it saw. A command that runs when the
//     time is up is ended.
//
//   - console.columns prints; console.select_node offers what is public, and with
//     one place to choose nobody is asked. A progress that its action leaves open
//     ends with it. Its steps are a list, numbered from 0, or a dictionary whose
//     numbers begin with 0 or 1. A default of console.input is one of its answers.
//
//   - allow_random adds the option "random"; it is no default.
//
//   - A test (see [Test]) is a function test_*(t) in a file *_test.star in or
//     below the tree's folder. t.host(name).answers(command, stdout = "",
//     stderr = "", exit_code = 0, times = None) tells a host what to answer
//     (* stands for anything, the answer that was told last counts, a command
//     with sudo fits with and without "sudo "); a command that has no answer
//     fails with 127, and the test fails. t.run(path, action, ...) gives what the
//     action gives, t.env(path) the place itself, t.commands(host = None) what
//     ran; t.equal(got, want), t.true(value, text), t.fails(fn, text). Nobody is
//     asked anything, secrets have a made-up value, local_host is played too.
//
// It must not know sessions, the server, users or the configuration. It is the
// only package that imports go.starlark.net.
package star
