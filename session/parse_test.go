package session

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reachedAfter is a tree in which the word deploy is an action.
func reachedAfter(words []string) bool {
	return len(words) > 0 && (words[len(words)-1] == "deploy" || strings.Contains(strings.Join(words, " "), "deploy"))
}

func TestOptionsStandAnywhereBeforeTheAction(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`--forks 5 --sandbox --limit web1,!web2 --timeout 90s --reason 'why not' web deploy v1`,
		`--forks=5 sandbox --limit=web1,!web2 --timeout=90s --reason='why not' web deploy v1`,
		`-- web --sandbox --forks 5 --limit "web1,!web2" --timeout 1m30s '--reason=why not' deploy v1`,
	} {
		l, err := parse(text, reachedAfter)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		o := l.opts
		if o.forks != 5 || !o.sandbox || o.limitText != "web1,!web2" || o.timeout != 90*time.Second || o.reason != "why not" {
			t.Errorf("%s: %+v", text, o)
		}
		if diff := cmp.Diff([]string{"web", "deploy", "v1"}, texts(l.words)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestOptionsAfterTheActionAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`web deploy v1 --sandbox`, `web deploy --sandbox v1`, `web deploy v1 '--sandbox'`, `deploy --nonsense`, `deploy --run`,
	} {
		_, err := parse(text, reachedAfter)
		if err == nil || !strings.Contains(err.Error(), "options stand before the action; put -- before it to pass it on") {
			t.Errorf("%s: %v", text, err)
		}
	}
	l, err := parse(`web deploy -- v1 --sandbox --`, reachedAfter)
	if err != nil || l.opts.sandbox || l.dash != 2 || cmp.Diff([]string{"web", "deploy", "v1", "--sandbox", "--"}, texts(l.words)) != "" {
		t.Errorf("%+v %v", l, err)
	}
}

func TestACommandIsTakenByteForByte(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`--run web -- df -h / | tail -1`:            `df -h / | tail -1`,
		`-- --run web:web1 --   two  blanks  `:      `  two  blanks  `,
		`--run -- echo 'it is' "open`:               `echo 'it is' "open`,
		`--run-with-sudo a b -- x --json -- y &`:    `x --json -- y &`,
		"--run web -- cat <<EOF\na\tb\nEOF":         "cat <<EOF\na\tb\nEOF",
		`--json --run --forks 3 web -- grüße; a&&b`: `grüße; a&&b`,
		`sandbox --run web -- a`:                    `a`,
		`--run web --reason "a -- b" -- c \`:        `c \`,
	} {
		l, err := parse(text, reachedAfter)
		if err != nil || l.raw != want {
			t.Errorf("%s: %q %v, want %q", text, l.raw, err, want)
		}
	}
}

func TestWrongLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                            "the line is empty",
		`--`:                          "the line is empty",
		`--json`:                      "what should run",
		`sandbox`:                     "what should run",
		`-- --`:                       "nothing stands before --",
		`--frks 5 web deploy`:         "--frks: no such option; did you mean --forks?",
		`--inspct web`:                "did you mean --inspect?",
		`-x`:                          "-x: no such option",
		`--forks`:                     "--forks needs a value: --forks=N",
		`--forks x web deploy`:        "--forks x: give a number",
		`--forks 0 web deploy`:        "--forks 0: give a number",
		`--forks 5 --forks 6 a`:       "--forks is given twice",
		`--sandbox sandbox a`:         "--sandbox is given twice",
		`--sandbox=yes a`:             "--sandbox takes no value",
		`--timeout 5 a`:               "--timeout 5: give a time",
		`--timeout -5s a`:             "--timeout -5s: give a time",
		`--timeout 0s a`:              "--timeout 0s: give a time",
		`--limit a,,b x`:              "a pattern is empty",
		`--reason --sandbox a deploy`: "--reason needs a value",
		`--reason ' ' a deploy`:       "--reason needs a text",
		`--run web`:                   "",
		`--run web --`:                "--run needs a command after --",
		`--run web --  `:              "--run needs a command after --",
		`--run=web -- x`:              "--run takes no =",
		`web --run -- x`:              "--run stands first",
		`--run --version`:             "--version stands first",
		`ls --forks 5`:                "ls takes no --forks",
		`env --json`:                  "env takes no --json",
		`web deploy &`:                "& at the end of a line: not in this version",
		`web & deploy`:                "& has no meaning here",
		`--serial 0 web deploy`:       "--serial 0: 0 is no size of a batch",
		`--serial 1,,2 web deploy`:    "--serial 1,,2: \"\" is no size of a batch",
		`--serial= web deploy`:        "is no size of a batch",
		`--serial 101% web deploy`:    "--serial 101%: 101% is no size of a batch",
		`--serial one web deploy`:     "\"one\" is no size of a batch: a number from 1, a percentage",
		`--max-fail=-1 web deploy`:    "--max-fail -1: \"-1\" is no bound of failures",
		`--max-fail 1,2 web deploy`:   "--max-fail 1,2: \"1,2\" is no bound of failures: a number from 0 or a percentage",
		`--max-fail 101% web deploy`:  "is no bound of failures",
		`--serial 1 --serial 2 web x`: "--serial is given twice",
		`ls --serial 1`:               "ls takes no --serial",
		`web 'deploy`:                 "a quote is open",
		`web \`:                       "ends with a backslash",
		"--run web --\nls":            "a newline has no meaning",
	} {
		_, err := parse(text, func([]string) bool { return false })
		switch {
		case want == "" && err == nil:
		case err == nil || !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want %s", text, err, want)
		case exitCode(err) != exitWrong:
			t.Errorf("%s: exit code %d", text, exitCode(err))
		}
	}
}

// The names of SHELL.md's table that are not built are refused, never taken
// for a path.
func TestCommandsOfLaterVersions(t *testing.T) {
	t.Parallel()
	for _, c := range laterCommands() {
		_, err := parse(c.name+" 'x", reachedAfter)
		if err == nil || err.Error() != c.name+": not in this version" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestJSONIsKnownThoughTheLineIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`--json --frks 5 web`: true, `--frks 5 --json web`: true, `--frks 5 web -- --json`: false, `--frks`: false, `--json 'a`: true,
	} {
		l, err := parse(text, reachedAfter)
		if err == nil || l.opts.json != want {
			t.Errorf("%s: %v %v", text, l.opts.json, err)
		}
	}
}
