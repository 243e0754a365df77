package host

import (
	"fmt"
	"strings"
)

// maxLine bounds a line, with its announcement, in bytes. Linux takes at most
// 128 KiB with the NUL as one argument of a program (MAX_ARG_STRLEN), and a
// login shell gets the line as one.
const maxLine = 128<<10 - 1

// Line is one shell line for a target, made by [Context.Line] and by nothing
// else: that is the one place where remote command lines are built.
//
// It is a POSIX script for a login shell that is bash, dash, busybox sh, ksh
// or zsh. (fish and csh are no POSIX shells and are not supported yet.) The
// login shell only runs builtins and then becomes the shell that runs the
// command, or the program of a plain one: each program started at a target
// costs about a millisecond of its CPU, and a hundred targets run at once.
type Line struct {
	text string
	run  int   // text[run:] becomes the shell that runs the script in $1, which text[:run] sets
	how  runAs // as whom it runs, so may the kill have to

	command string // as it was given
	check   bool   // it is only checked for its syntax
	token   string // what the answer of a script of Files begins with; "": it is a command
	answers answerKind
}

// Command is the command as it was given, without the context that it runs in,
// and whether it runs as someone else. It is "" when nothing runs, since the
// line only checks a syntax. It is for hosts that are played. Of an operation of
// [Files] it is what the hooks are told, such as "read /etc/motd".
func (l Line) Command() (command string, sudo bool) {
	if l.check {
		return "", false
	}
	return l.command, l.how.sudo
}

// String returns the line as a target gets it, but for the announcement.
func (l Line) String() string { return l.text }

// newLine makes a line of a script and of how it is run.
func newLine(script string, how runAs) (Line, error) {
	if strings.HasPrefix(script, "-") || strings.HasPrefix(script, "+") {
		script = " " + script // or a shell takes it for its own options
	}
	quoted, err := Quote(script)
	if err != nil {
		return Line{}, err
	}
	run, err := how.text(script)
	if err != nil {
		return Line{}, err
	}
	set := "set -- " + quoted + "\n"
	l := Line{text: set + run, run: len(set), how: how}
	longest := l
	if how.sudo {
		longest = newSudoGate(nil).asking(l)
	}
	if n := len(longest.start(strings.Repeat("0", nonceSize))); n > maxLine {
		return Line{}, fmt.Errorf("a line of %d bytes is longer than the %d that a target takes", n, maxLine)
	}
	return l, nil
}

// runAs says with what a script is run.
type runAs struct {
	check bool // only check the syntax
	sudo  bool
	user  string // with sudo: "" for root
}

// text becomes, in place of the login shell, a fresh shell that runs the
// script, which is in $1. It is fresh even when the login shell is bash: what
// a .bashrc has left behind (functions, options, traps) must not change a
// command, and neither must a BASH_ENV file.
func (r runAs) text(script string) (string, error) {
	as, flags, first := "", "", ""
	switch {
	case r.check:
		flags = "-n "
	case r.sudo:
		user, err := r.sudoUser()
		if err != nil {
			return "", err
		}
		as = "sudo -n " + user + "-- "
	default:
		first = become(script)
	}
	return first + "unset BASH_ENV\n" +
		"command -v bash >/dev/null 2>&1 && exec " + as + "bash --noprofile --norc " + flags + `-c "$1"` + "\n" +
		"exec " + as + "sh " + flags + `-c "$1"`, nil
}

func (r runAs) sudoUser() (string, error) {
	if r.user == "" {
		return "", nil
	}
	quoted, err := Quote(r.user)
	if err != nil {
		return "", fmt.Errorf("sudo user: %w", err)
	}
	return "-u " + quoted + " ", nil
}

// findGroup sets deployerd_g to the process group of the shell, or to nothing.
// Fields of /proc/PID/stat: see proc(5); the fifth is the group.
const findGroup = `deployerd_g=
if [ -r /proc/$$/stat ]
then IFS=' ' read -r deployerd_x deployerd_x deployerd_x deployerd_x deployerd_g deployerd_x </proc/$$/stat
else deployerd_g=$(ps -o pgid= -p $$ 2>/dev/null)
fi
`

// start returns the line with its announcement: the process group that all of
// the command is in. sshd makes the login shell a session leader, so that its
// own id is the group's. Under another server the line makes a group first,
// with setsid, else by job control (bash's, as not every sh has it without a
// terminal). 0 is announced when none of that is possible: the command runs and
// a kill of it will say that it is not confirmed.
func (l Line) start(nonce string) string {
	run := l.text[l.run:]
	say := func(id string) string { return `echo "` + announceToken(nonce) + id + `" >&2` + "\n" }
	mine := `[ "$deployerd_g" -eq $$ ] 2>/dev/null`
	again := findGroup + "if " + mine + "\nthen " + say("$$") + "else " + say("0") + "fi\n" + run
	jobs := "set -m 2>/dev/null\nexec 3<&0\n" + `sh -c "$2" sh "$1" <&3 3<&- &` + "\nexec 3<&- </dev/null 2>/dev/null\nwait $!"
	withJobs := quote(jobs) + ` sh "$1" ` + quote(again) + "\n"
	return l.text[:l.run] + findGroup +
		"if " + mine + "\nthen " + say("$$") +
		`elif [ -z "$deployerd_g" ]` + "\nthen " + say("0") +
		"elif command -v setsid >/dev/null 2>&1\nthen exec setsid sh -c " + quote(say("$$")+run) + ` sh "$1"` + "\n" +
		"elif command -v bash >/dev/null 2>&1\nthen exec bash --noprofile --norc -c " + withJobs +
		"else exec sh -c " + withJobs + "fi\n" +
		run
}

// startTerminal is start for a terminal. Its leader must stay what the server
// made it, or the terminal's keys reach nobody: where that is no leader of a
// group, 0 is announced.
func (l Line) startTerminal(nonce string) string {
	say := func(id string) string { return `echo "` + announceToken(nonce) + id + `"` + "\n" }
	return l.text[:l.run] + findGroup +
		"if " + `[ "$deployerd_g" -eq $$ ] 2>/dev/null` + "\nthen " + say("$$") + "else " + say("0") + "fi\n" +
		l.text[l.run:]
}

// killScript returns the line that ends a process group: TERM, after two
// seconds KILL. Its exit status is 0 only when the group is gone (nothing but
// zombies is left of it); it takes about four seconds at most. With sudo it
// uses sudo -n where it may not signal itself.
func killScript(pgid int, sudo bool) string { return killWith("TERM KILL", pgid, sudo) }

// hangUpScript is killScript for the leader of a terminal: HUP comes first, for
// an interactive shell ignores TERM, and hands HUP on to its jobs. It takes
// about six seconds at most.
func hangUpScript(pgid int, sudo bool) string { return killWith("HUP TERM KILL", pgid, sudo) }

// killWith is what both are made of. Every kill is the shell's own, by sudo too:
// the program kill of procps reads -1234 as -1, which is every process there is
// (its option parser takes one digit), and other kills do not know the -- that
// would prevent it.
func killWith(signals string, pgid int, sudo bool) string {
	escalate := ""
	if sudo {
		escalate = ` || sudo -n sh -c 'kill "-$1" "-$2"' sh "$1" "$g" 2>/dev/null`
	}
	return "exec sh -c " + quote(fmt.Sprintf("g=%d signals='%s'\n", pgid, signals)+
		`send() { kill "-$1" "-$g" 2>/dev/null`+escalate+"; }\n"+killBody)
}

// killBody is what all kills have in common. There is no -- before a group: the
// kill that busybox sh has built in does not know it. kill -0 fails both when
// the group is gone and when it may not be signalled: only the text tells. Zombies
// that nobody reaps, as in a container without an init, count as gone, unless
// others' processes are hidden (hidepid, see proc(5)), so that nobody can tell.
const killBody = `LC_ALL=C; export LC_ALL
gone() {
	m=$(kill -0 "-$g" 2>&1) && return 1
	case $m in *[Nn]'o such process'*) return 0 ;; esac
	return 1
}
left() {
	[ -r /proc/1/stat ] || return 0
	for f in /proc/[0-9]*/stat
	do
		read -r l <"$f" || continue
		case $l in *') '*) ;; *) return 0 ;; esac
		set -- ${l##*') '}
		[ "$3" = "$g" ] || continue
		case $1 in Z | X) ;; *) return 0 ;; esac
	done 2>/dev/null
	return 1
}
for s in $signals
do
	send "$s"
	for t in 0.05 0.1 0.2 0.4 0.6 0.65
	do
		gone && exit 0
		sleep "$t" 2>/dev/null || sleep 1
	done
	gone && exit 0
	left || exit 0
done
exit 1`
