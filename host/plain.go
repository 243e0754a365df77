package host

import (
	"regexp"
	"slices"
	"strings"
)

// maxPlain bounds a command that stands in its line more than once, in bytes.
const maxPlain = 256

var (
	plainProgram = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_.+/-]*$`)
	plainWord    = regexp.MustCompile(`^[A-Za-z0-9_./:,@%+-][A-Za-z0-9_./:,@%+=-]*$`)
)

// notPrograms are the words that bash or another shell runs itself, although
// there may be a program of that name, what it takes for its own syntax, and
// env and printenv, which show that bash sets variables such as _.
var notPrograms = strings.Fields(`. : alias bg bind break builtin caller case cd command compgen complete compopt
	continue coproc declare dirs disown do done echo elif else enable end env esac eval exec exit export false fc fg fi
	float for foreach function functions getopts hash help hist history if in integer jobs kill let local logout
	mapfile nocorrect noglob popd print printenv printf pushd pwd read readarray readonly repeat return select set shift shopt
	source suspend test then time times trap true type typeset ulimit umask unalias unset until wait whence which
	while`)

// plain returns the program of a script that is one command of plain words,
// and false for any other script. No shell finds anything to expand, to
// redirect or to run itself in one, so that bash -c does nothing but become
// the program.
func plain(script string) (program string, ok bool) {
	words := wordsOf(script)
	if len(words) == 0 || len(script) > maxPlain {
		return "", false
	}
	for _, w := range words[1:] {
		if !plainWord.MatchString(w) {
			return "", false
		}
	}
	return words[0], plainProgram.MatchString(words[0]) && !slices.Contains(notPrograms, words[0])
}

// wordsOf splits at what a shell calls blank, and at nothing else.
func wordsOf(script string) []string {
	return strings.FieldsFunc(script, func(r rune) bool { return r == ' ' || r == '\t' })
}

// become makes the login shell become the program of a plain script by itself,
// as the fresh shell would: that saves a target the start of one, about a
// millisecond of its CPU. Neither functions nor aliases reach what exec runs.
// It goes on, to the fresh shell and its messages, where there is no such
// program.
func become(script string) string {
	program, ok := plain(script)
	if !ok {
		return ""
	}
	there := "command -v " + program + " >/dev/null 2>&1"
	if strings.Contains(program, "/") { // not every command -v looks at it
		there = "[ -f " + program + " ] && [ -x " + program + " ]"
	}
	return there + " && unset BASH_ENV && exec " + strings.Join(wordsOf(script), " ") + "\n"
}
