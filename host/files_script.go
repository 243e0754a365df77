package host

import (
	"fmt"
	"strings"
)

// fileScript is a POSIX script of ours, to be run in the folder of a context. It is
// for bash, dash and busybox sh alike. It may use the functions of prologue.
type fileScript struct {
	path  string // what p is set to, quoted; "": none
	text  string
	facts bool // it looks at the context's variables too, in the target's own language
	setup bool // the prefixes come first, whose output is dropped
	away  bool // a folder of the context that is not there is the answer away

	answers answerKind
}

// answerKind says how a good answer is made.
type answerKind int

const (
	answersBody answerKind = iota // what was asked for is the body
	answersWord                   // it is yes or no
	answersStat                   // what it is, and seven lines
	answersFile                   // a file's length, and it
)

// Played is what a host that is played sends for stdout, when the line is an
// operation of [Files] that is to end well: the file's content, the path, yes
// or no, each entry with a NUL behind it; of stat "file" or "folder" and lines
// with size, octal mode, time, uid, gid, user and group. What reads nothing
// takes "". Of a command it is stdout itself.
func (l Line) Played(stdout string) string {
	if l.token == "" {
		return stdout
	}
	head := l.token + " " + answerGood
	switch l.answers {
	case answersWord:
		return head + " " + strings.TrimSpace(stdout) + "\n"
	case answersStat:
		return head + " " + stdout
	case answersFile:
		return fmt.Sprintf("%s file %d\n%s", head, len(stdout), stdout)
	}
	return head + "\n" + stdout
}

// prologue are the functions of scripts: say answers, no ends with a reason,
// missing says why p is not there.
const prologue = `say() { printf '%s %s\n' "$deployerd_token" "$1"; }
no() {
	say "no $1"
	exit 1
}
missing() {
	u=$p
	while :
	do
		u=${u%/*}
		[ -n "$u" ] || u=/
		[ -d "$u" ] && break
		case $u in */*) ;; *) break ;; esac
	done
	[ -x "$u" ] || no denied
	case $p in './~'*) no tilde ;; esac
	no "${1:-missing}"
}
`

// line builds the line that runs the script, whose answer begins with token.
func (s fileScript) line(c Context, token string) (Line, error) {
	var b strings.Builder
	folders, err := c.folderLines()
	if err != nil {
		return Line{}, err
	}
	if s.away && folders != "" {
		b.WriteString("(\n" + folders + ") 2>/dev/null || { echo '" + token + " ok away'; exit 0; }\n")
	}
	b.WriteString(folders)
	if s.facts {
		for _, v := range c.vars {
			if err := v.write(&b); err != nil {
				return Line{}, err
			}
		}
	}
	if s.setup {
		for _, p := range c.prefixes {
			b.WriteString("{ " + p + "\n} </dev/null >/dev/null || exit\n") // the newline ends a comment
		}
	}
	if !s.facts {
		b.WriteString("LC_ALL=C\nexport LC_ALL\n")
	}
	if !s.facts || s.path != "" {
		b.WriteString("p=" + s.path + "\n")
	}
	b.WriteString("deployerd_token='" + token + "'\n" + prologue + s.text)
	l, err := newLine(b.String(), runAs{sudo: c.sudo, user: c.user})
	l.token, l.answers = token, s.answers
	return l, err
}

func (c Context) folderLines() (string, error) {
	var b strings.Builder
	for _, f := range c.folders {
		if err := f.write(&b); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// readable goes on only with a file that can be read.
const readable = `[ -e "$p" ] || missing
[ -d "$p" ] && no folder
[ -f "$p" ] || no special
[ -r "$p" ] || no denied
`

// existsScript tells "no" of a link that leads nowhere, as of anything else
// that cannot be read, written or entered.
const existsScript = `[ -e "$p" ] && { say 'ok yes'; exit 0; }
no() { case $1 in denied) say 'no denied' ;; *) say 'ok no' ;; esac; exit 0; }
missing
`

const statScript = `[ -e "$p" ] || missing
k=other
[ -f "$p" ] && k=file
[ -d "$p" ] && k=folder
s=$(stat -L -c '%s
%a
%Y
%u
%g
%U
%G' "$p" 2>/dev/null) || s=$(stat -L -f '%z
%Mp%Lp
%m
%u
%g
%Su
%Sg' "$p" 2>/dev/null) || no stat
say "ok $k"
printf '%s\n' "$s"
`

// listScript names the entries, each ended by a NUL.
const listScript = `[ -e "$p" ] || missing
[ -d "$p" ] || no file
[ -r "$p" ] && [ -x "$p" ] || no denied
cd "$p" || exit
say ok
for f in * .[!.]* ..?*
do
	[ -e "$f" ] || [ -L "$f" ] || continue
	printf '%s\000' "$f"
done
`

const cwdScript = `d=$(pwd && echo .) || exit
d=${d%.}
say ok
printf %s "${d%?}"
`

const homeScript = `case $h in
/*) ;;
'~') no home ;;
*) no user ;;
esac
say ok
printf %s "$h"
`

const expandScript = `case $deployerd_w in
/*) ;;
*)
	d=$(pwd && echo .) || exit
	d=${d%.}
	d=${d%?}
	deployerd_w=${d%/}/$deployerd_w
	;;
esac
say ok
printf %s "$deployerd_w"
`

// addressesScript gives what the first of the tools says that there is, or the
// kernel itself.
const addressesScript = `PATH=$PATH:/usr/sbin:/sbin
say ok
ip -o addr show 2>/dev/null || ifconfig -a 2>/dev/null || cat /proc/net/fib_trie /proc/net/if_inet6 2>/dev/null || :
`
