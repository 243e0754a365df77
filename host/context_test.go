package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// awful is a value that no shell must take for anything but bytes.
const awful = "-n it's \"a\" $HOME `id` $(id) \\ *\n;&|!#~ \x80\xff end"

func TestContextRunsInItsFolderWithItsVariables(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		dir := "-a b's \"$x\"\n*"
		if err := os.MkdirAll(filepath.Join(l.home, dir, "-", "in"), 0o755); err != nil {
			t.Fatal(err)
		}
		c := Context{}.Cd(dir, false).Cd("-", false).Cd("in", false)
		c = set(t, c, "AWFUL", awful, true)
		got := l.run(t, line(t, c, `pwd; printf %s "$AWFUL"`).String())
		want := outcome{stdout: filepath.Join(l.home, dir, "-", "in") + "\n" + awful}
		if got != want {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

func TestContextExpandsAtTheTarget(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		if err := os.MkdirAll(filepath.Join(l.home, "app v1", "x y"), 0o755); err != nil {
			t.Fatal(err)
		}
		l.env = []string{"VERSION=v1", "SUB=x y", "CDPATH=/"}
		c := Context{}.Cd("~/app $VERSION", true).Cd("$SUB", true)
		for _, v := range [][2]string{
			{"PLAIN", `$HOME/x * ~ it's`},
			{"QUOTED", `say "$VERSION" and "\"\$VERSION\\`},
			{"COMMAND", `$(printf '%s)' "a b" "(")!`},
			{"TICKS", "`echo \"a b\"`"},
			{"BRACES", `${VERSION}${NONE:-"d e"}`},
			{"EARLIER", `<$PLAIN>`},
			{"LAST", `back\`},
		} {
			c = set(t, c, v[0], v[1], false)
		}
		got := l.run(t, line(t, c, `pwd; printf '%s\n' "$PLAIN" "$QUOTED" "$COMMAND" "$TICKS" "$BRACES" "$EARLIER" "$LAST"`).String())
		plain := l.home + "/x * ~ it's"
		want := outcome{stdout: strings.Join([]string{
			l.home + "/app v1/x y", plain, `say "v1" and ""$VERSION\`, "a b)()!", "a b", "v1d e", "<" + plain + ">", `back\`, "",
		}, "\n")}
		if got != want {
			t.Errorf("got %v\nwant %v", got, want)
		}
	})
}

func TestContextValueCannotReachBeyondItself(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"$(echo", "${x", "`echo", "$(echo 'x)", `$(echo "x)`, "$(echo (x)", "a$(b${c)", "${x:-$(y}", "$(x\\", "`x\\`", "\x00",
	} {
		if _, err := (Context{}).Setenv("X", value, false); err == nil {
			t.Errorf("%q was taken", value)
		}
		if _, err := (Context{}).Cd(value, true).Line("true"); err == nil {
			t.Errorf("folder %q was taken", value)
		}
	}
}

// FuzzExpandable: the shell sees one variable, whatever the value. What the
// value's own commands may do is limited to builtins: there is no PATH.
func FuzzExpandable(f *testing.F) {
	for _, seed := range []string{"$HOME", `"`, "$(echo \")\")", "${x:-'}", "`\\``", "$(case x in x) echo;; esac)", `\`, "';'", "$((1+(2)))", "$'a'"} {
		f.Add(seed)
	}
	dash := posixShells[0]
	f.Fuzz(func(t *testing.T, value string) {
		word, err := expandable(value)
		if err != nil || strings.ContainsAny(value, "$`") {
			return // commands of a fuzzer are not run
		}
		l := login{shell: dash, home: t.TempDir()}
		got := l.run(t, "eval "+quote("X="+word)+"\nprintf %s \"$X\"")
		if want := plainValue(value); got.stdout != want || got.stderr != "" || got.code != 0 {
			t.Fatalf("%q became %s and gave %v, want %q", value, word, got, want)
		}
	})
}

// plainValue is what a value without $ and ` is after expansion.
func plainValue(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\\n", s[i+1]) >= 0 {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func TestContextPrefixesRunFirstInTheSameShell(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		c := Context{}.Prefix("a=1; b=2 # both").Prefix(" ").Prefix("c=$((a + b))")
		if got := l.run(t, line(t, c, "echo $c; echo end").String()); got != (outcome{stdout: "3\nend\n"}) {
			t.Errorf("got %v", got)
		}
		got := l.run(t, line(t, c.Prefix("(exit 7)"), "echo ran; echo all").String())
		if got != (outcome{code: 7}) {
			t.Errorf("a failed prefix gives %v", got)
		}
	})
}

func TestContextMissingFolderRunsNothing(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		for _, expand := range []bool{false, true} {
			got := l.run(t, line(t, Context{}.Cd("missing", expand), "echo ran\necho all").String())
			if got.stdout != "" || got.code == 0 || !strings.Contains(got.stderr, "missing") {
				t.Errorf("expand %t: got %v", expand, got)
			}
		}
	})
}

func TestContextCommandIsAnyScript(t *testing.T) {
	t.Parallel()
	l := newLogin(t, []string{"sh"})
	l.stdin = "in\n"
	for command, want := range map[string]outcome{
		"cat <<END\nit's $((1+1))\nEND":         {stdout: "it's 2\n"},
		"exit 3":                                {code: 3},
		"kill -TERM $$":                         {code: -1},
		"cat; echo err >&2":                     {stdout: "in\n", stderr: "err\n"},
		"# nothing":                             {},
		"":                                      {},
		"echo \"$0:$#:$deployerd_g\" # comment": {stdout: "bash:0:\n"},
		`printf '\000\377' | od -An -tx1`:       {stdout: " 00 ff\n"},
	} {
		if got := l.run(t, line(t, Context{}, command).String()); got != want {
			t.Errorf("%q gave %v, want %v", command, got, want)
		}
	}
	if got := l.run(t, line(t, Context{}, "-x").String()); got.code != 127 {
		t.Errorf("-x gave %v, want an unknown command", got)
	}
}

func TestContextReadsNoProfile(t *testing.T) {
	t.Parallel()
	l := newLogin(t, []string{"bash"})
	script(t, l.home, "env.sh", "echo sourced; echo() { printf 'no\\n'; }\n")
	l.env = []string{"BASH_ENV=" + filepath.Join(l.home, "env.sh")}
	// the login shell reads it, as it reads .bashrc under sshd; the command's does not
	if got := l.run(t, line(t, Context{}, "echo yes").String()); got.stdout != "sourced\nyes\n" {
		t.Errorf("got %v", got)
	}
}

func TestContextWithoutBashUsesSh(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		if shell[0] == "bash" {
			l.shell = []string{"sh"}
		}
		l.path = farm(t, shell, "printf") // which mksh has not built in
		c := set(t, set(t, Context{}.Cd("/", false), "A", awful, true), "B", "<$A>", false).Prefix("C=$(pwd)")
		want := outcome{stdout: "sh / <" + awful + ">"}
		if got := l.run(t, line(t, c, `printf '%s %s %s' "$0" "$C" "$B"`).String()); got != want {
			t.Errorf("got %v\nwant %v", got, want)
		}
		if got := l.run(t, line(t, c.Sandbox(), "echo ran; if").String()); got.code == 0 || got.stdout != "" || got.stderr == "" {
			t.Errorf("a syntax error gives %v", got)
		}
		if got := l.run(t, line(t, c.Sandbox(), "echo ran").String()); got != (outcome{}) {
			t.Errorf("a syntax check gives %v", got)
		}
	})
}

func TestContextSudoRunsTheWholeLine(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		bin := t.TempDir()
		// in place of sudo: says how it is called and where, then does it
		script(t, bin, "sudo", `while [ "$1" != -- ]; do printf '<%s>' "$1"; shift; done
shift; printf ' in %s X=%s\n' "$PWD" "$X"; AS=root exec "$@"`)
		l.path = bin + ":" + l.path
		if err := os.Mkdir(filepath.Join(l.home, "dir"), 0o755); err != nil {
			t.Fatal(err)
		}
		c := set(t, Context{}.Cd("dir", false), "X", "$AS", false).Prefix("[ $AS = root ]")
		for user, flags := range map[string]string{"": "<-n>", "o'hara": "<-n><-u><o'hara>"} {
			got := l.run(t, line(t, c.Sudo(user), `echo "$AS $X"; pwd`).String())
			want := outcome{stdout: flags + " in " + l.home + " X=\nroot root\n" + l.home + "/dir\n"}
			if got != want {
				t.Errorf("user %q: got %v\nwant %v", user, got, want)
			}
		}
	})
}

func TestContextSandboxOnlyChecks(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		l := newLogin(t, shell)
		c := Context{}.Cd("/missing", false).Prefix("touch made").Sudo("").Sandbox()
		if got := l.run(t, line(t, c, "touch made\necho $(touch made)").String()); got != (outcome{}) {
			t.Errorf("a good command gives %v", got)
		}
		if got := l.run(t, line(t, c, "touch made; if").String()); got.code == 0 || got.stdout != "" || !strings.Contains(got.stderr, "syntax error") {
			t.Errorf("a bad command gives %v", got)
		}
		if _, err := os.Stat(filepath.Join(l.home, "made")); err == nil {
			t.Error("something was run")
		}
	})
}

func TestContextIsAValue(t *testing.T) {
	t.Parallel()
	base := set(t, Context{}.Cd("a", false).Prefix("p"), "A", "1", true)
	before := line(t, base, "c").String()
	one := set(t, base.Cd("one", false).Prefix("one"), "B", "one", true)
	two := set(t, base.Cd("two", false).Prefix("two"), "B", "two", true)
	_ = set(t, base, "A", "changed", true)
	_ = base.Unsetenv("A")
	_ = base.Sudo("").Sandbox()
	if got := line(t, base, "c").String(); got != before {
		t.Errorf("the old one became %q", got)
	}
	if text := line(t, one, "c").String(); strings.Contains(text, "two") || strings.Count(text, "one") != 3 {
		t.Errorf("one has %q", text)
	}
	if text := line(t, two, "c").String(); strings.Contains(text, "one") || strings.Count(text, "two") != 3 {
		t.Errorf("two has %q", text)
	}
}

func TestContextEnvironKeepsTheOrder(t *testing.T) {
	t.Parallel()
	c := Context{}
	for _, name := range []string{"Z", "A", "M"} {
		c = set(t, c, name, name, true)
	}
	c = set(t, c, "Z", "again", true).Unsetenv("A").Unsetenv("NONE")
	if diff := cmp.Diff([]string{"Z=again", "M=M"}, c.Environ()); diff != "" {
		t.Error(diff)
	}
}

func TestContextRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "1A", "A-B", "A=B", "A B", "é", "A\n", "PATH", "IFS", "ENV", "BASH_ENV", "LD_PRELOAD", "LD_"} {
		if _, err := (Context{}).Setenv(name, "x", true); err == nil {
			t.Errorf("variable %q was taken", name)
		}
	}
	if _, err := (Context{}).Setenv("A", "\x00", true); err == nil {
		t.Error("a value with NUL was taken")
	}
	for what, c := range map[string]Context{
		"folder": Context{}.Cd("\x00", false), "expanded folder": Context{}.Cd("~/\x00", true),
		"prefix": Context{}.Prefix("\x00"), "user": Context{}.Sudo("\x00"), "long user": Context{}.Sudo(strings.Repeat("'", 2000)),
	} {
		if l, err := c.Line("true"); err == nil {
			t.Errorf("a bad %s became %q", what, l)
		}
	}
	for _, c := range []Context{{}, Context{}.Sandbox()} {
		if l, err := c.Line("a\x00"); err == nil {
			t.Errorf("a command with NUL became %q", l)
		}
		if _, err := c.Line(strings.Repeat("x", maxLine)); err == nil {
			t.Error("a line too long for a target was made")
		}
		if _, err := c.Line(strings.Repeat("x", 120<<10)); err != nil {
			t.Error(err)
		}
	}
}

func TestContextAbsoluteFolderReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	c := Context{}.Cd("/missing", false).Cd("", false).Cd("/", false)
	l := newLogin(t, []string{"sh"})
	if got := l.run(t, line(t, c, "pwd").String()); got != (outcome{stdout: "/\n"}) {
		t.Errorf("got %v", got)
	}
	if !slices.Equal(c.folders, []folder{{path: "/"}}) {
		t.Errorf("folders %v", c.folders)
	}
}
