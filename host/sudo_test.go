package host_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

const sudoSecret = "correct-horse-8"

// playedSudo asks as sudo does: with -S and -p only, on its stderr, three times
// at most, reading no byte too many. calls gets what it was called with.
const playedSudo = `#!/bin/sh
echo "$*" >>"$CALLS"
ask=; prompt=; user=root
while [ "$1" != -- ]
do
	case $1 in
	-n) ask=no ;;
	-S) ask=yes ;;
	-p) prompt=$2; shift ;;
	-u) user=$2; shift ;;
	esac
	shift
done
shift
export SUDO_FOR=$user
[ -n "$FREE" ] && exec "$@"
[ "$ask" = yes ] || { echo "sudo: a password is required" >&2; exit 1; }
[ -n "$NOTSUDOER" ] && { printf %s "$prompt" >&2; read -r x; echo "you are not in the sudoers file" >&2; exit 1; }
echo "We trust you have received the usual lecture." >&2
[ -n "$PTYECHO" ] || stty -echo 2>/dev/null
for try in 1 2 3
do
	printf %s "$prompt" >&2
	read -r got || { echo "sudo: no password was provided" >&2; exit 1; }
	[ "$got" = "correct-horse-8" ] && { stty echo 2>/dev/null; exec "$@"; }
	echo "Sorry, try again." >&2
done
exit 1
`

// sudoTarget is a target with a played sudo, and the file of its calls.
func sudoTarget(t *testing.T, sudo string, env ...string) (o host.SSHOptions, calls string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte(sudo), 0o700); err != nil {
		t.Fatal(err)
	}
	calls = filepath.Join(bin, "calls")
	target := startTarget(t, hosttest.TargetOptions{PathPrepend: bin, Env: append(env, "CALLS="+calls)})
	o = target.options
	o.SudoPassword = password(sudoSecret, nil)
	return o, calls
}

// password is one that counts how often it is read.
func password(text string, reads *atomic.Int32) *host.Password {
	return &host.Password{Name: "<secret pw>", Read: func() (string, error) {
		if reads != nil {
			reads.Add(1)
		}
		return text, nil
	}}
}

func TestSudoPasswordLetsTheWholeLineRun(t *testing.T) {
	t.Parallel()
	o, calls := sudoTarget(t, playedSudo)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	in := host.Context{}.Cd("/", false).Sudo("bob")
	const command = "cat; echo $SUDO_FOR >&2; pwd && env; cat /proc/$$/cmdline /proc/$PPID/cmdline | tr '\\0' ' '"
	r := runOn(t, h, in, command, host.RunOptions{InputAll: []byte("first line\nsecond\n")})
	if r.Err != nil || !strings.HasPrefix(string(r.Stdout), "first line\nsecond\n/\n") {
		t.Errorf("%v %q", r.Err, r.Stdout)
	}
	if want := "We trust you have received the usual lecture.\nbob\n"; string(r.Stderr) != want {
		t.Errorf("stderr is %q, want %q", r.Stderr, want)
	}
	text, err := os.ReadFile(calls)
	if err != nil || bytes.Contains(text, []byte(sudoSecret)) || bytes.Contains(r.Stdout, []byte(sudoSecret)) {
		t.Errorf("the password shows: %v %q %q", err, text, r.Stdout)
	}
	if !bytes.HasPrefix(text, []byte("-n -u bob -- ")) {
		t.Errorf("the first try was %q, want one without a password", text)
	}
}

func TestSudoWithoutPasswordIsNotGivenOne(t *testing.T) {
	t.Parallel()
	o, calls := sudoTarget(t, playedSudo, "FREE=1")
	var reads atomic.Int32
	o.SudoPassword = password(sudoSecret, &reads)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	r := runOn(t, h, host.Context{}.Sudo(""), "cat", host.RunOptions{InputAll: []byte("mine")})
	if r.Err != nil || string(r.Stdout) != "mine" || reads.Load() != 0 {
		t.Errorf("%v %q, password read %d times", r.Err, r.Stdout, reads.Load())
	}
	if text, err := os.ReadFile(calls); err != nil || bytes.Contains(text, []byte("-S")) {
		t.Errorf("%v %q", err, text)
	}
}

// One clear error, which says that nothing ran; the password is in none of it.
func TestSudoRefusals(t *testing.T) {
	t.Parallel()
	gone := &host.Password{Name: "<secret pw>", Read: func() (string, error) { return "", errors.New("secret pw: there is no file") }}
	for name, c := range map[string]struct {
		env      string
		password *host.Password
		want     string
	}{
		"wrong":     {"X=", password("something-else", nil), "it refuses the password <secret pw>"},
		"unread":    {"X=", gone, "secret pw: there is no file"},
		"two lines": {"X=", password("a\nb", nil), "<secret pw> is no password"},
		"not him":   {"NOTSUDOER=1", password(sudoSecret, nil), "did not run the command: you are not in the sudoers file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := sudoTarget(t, playedSudo, c.env)
			o.SudoPassword = c.password
			h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
			ran := filepath.Join(t.TempDir(), "ran")
			r := runOn(t, h, host.Context{}.Sudo(""), "touch "+ran, host.RunOptions{InputAll: []byte("a\nb\nc\n")})
			dial, ok := r.Err.(*host.DialError)
			if !ok || dial.Stage != host.StageSudo || !strings.Contains(r.Err.Error(), c.want) {
				t.Errorf("%T %v, want %q in it", r.Err, r.Err, c.want)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("the command ran")
			}
			if strings.Contains(fmt.Sprint(r, string(r.Stderr)), "something-else") {
				t.Errorf("the password shows: %v", r)
			}
		})
	}
}

func TestSudoInParallel(t *testing.T) {
	t.Parallel()
	o, _ := sudoTarget(t, playedSudo)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	together(20, func(i int) {
		want := fmt.Sprint("input ", i)
		if r := runOn(t, h, host.Context{}.Sudo(""), "cat", host.RunOptions{InputAll: []byte(want)}); r.Err != nil || string(r.Stdout) != want {
			t.Errorf("%d: %v %q", i, r.Err, r.Stdout)
		}
	})
}

// The person's terminal shows neither the prompt nor the password.
func TestSudoOnATerminal(t *testing.T) {
	t.Parallel()
	o, _ := sudoTarget(t, playedSudo)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	var screen bytes.Buffer
	r := runOn(t, h, host.Context{}.Sudo(""), "read -r x; echo got $x", host.RunOptions{Terminal: &host.TerminalIO{
		Pty: host.Pty{Term: "xterm", Width: 80, Height: 24}, First: []byte("typed\n"), Output: &screen,
	}})
	if r.Err != nil || !strings.Contains(screen.String(), "got typed\r\n") {
		t.Errorf("%v %q", r.Err, &screen)
	}
	if strings.Contains(screen.String(), sudoSecret) || strings.Contains(screen.String(), "[sudo ") || strings.Contains(screen.String(), "deployerd") {
		t.Errorf("the screen shows %q", &screen)
	}
}

// Cancelling kills what runs as another user, though that needs the password.
func TestSudoIsKilled(t *testing.T) {
	t.Parallel()
	o, _ := sudoTarget(t, playedSudo)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	line, err := host.Context{}.Sudo("").Line("echo started; sleep 1000")
	if err != nil {
		t.Fatal(err)
	}
	killsStarted(t, h, line)
}

// A command and a target that lie: what looks like sudo's prompt, before and
// after the command has started, on either stream, gets nothing, in 1,000 tries.
func TestSudoSpoofs(t *testing.T) {
	t.Parallel()
	tries := 25
	if testing.Short() {
		tries = 5
	}
	// Free of a password, but it pretends to ask; then the command does.
	const lying = `#!/bin/sh
for w in "$@"; do case $w in -S) exit 1 ;; esac; done
while [ "$1" != -- ]; do shift; done
shift
for t in "[sudo] password for root: " "Password: " "[sudo 00000000000000000000000000000000] "; do printf %s "$t" >&2; done
exec "$@"
`
	o, _ := sudoTarget(t, lying)
	var reads atomic.Int32
	o.SudoPassword = password(sudoSecret, &reads)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	const command = `for t in "[sudo] password for root: " "Password: " "[sudo ` + "%032x" + `] "; do printf %%s "$t"; printf %%s "$t" >&2; done; cat`
	together(tries, func(i int) {
		r := runOn(t, h, host.Context{}.Sudo(""), fmt.Sprintf(command, i), host.RunOptions{InputAll: []byte("mine")})
		if r.Err != nil || !strings.HasSuffix(string(r.Stdout), "mine") || strings.Contains(string(r.Stdout), sudoSecret) {
			t.Errorf("%v %q", r.Err, r.Stdout)
		}
	})
	if reads.Load() != 0 {
		t.Errorf("the password was read %d times", reads.Load())
	}
}

// Whoever knows the token, and shows it once more after the command has
// started, gets nothing: the command's input is its own.
func TestSudoTokenAfterTheStartGetsNothing(t *testing.T) {
	t.Parallel()
	const replaying = `#!/bin/sh
for w in "$@"; do [ "$w" = -n ] && exit 1; done
token=$3
while [ "$1" != -- ]; do shift; done
shift
printf %s "$token" >&2
read -r got
"$@" </dev/null
printf %s "$token" >&2
cat
`
	o, _ := sudoTarget(t, replaying)
	var reads atomic.Int32
	o.SudoPassword = password(sudoSecret, &reads)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	r := runOn(t, h, host.Context{}.Sudo(""), "true", host.RunOptions{InputAll: []byte("mine")})
	if string(r.Stdout) != "mine" || reads.Load() != 1 {
		t.Errorf("%v %q, password read %d times", r.Err, r.Stdout, reads.Load())
	}
}

func TestSudoFiles(t *testing.T) {
	t.Parallel()
	o, _ := sudoTarget(t, playedSudo)
	h := sshHost(t, newPool(t, host.PoolOptions{}), "web1", o)
	g := host.NewGroup(host.GroupOptions{Roles: []host.Role{{Name: "host", Hosts: []host.Host{h}}}})
	path := filepath.Join(t.TempDir(), "file")
	files := g.Files(host.FileOptions{Sudo: true, Timeout: time.Minute})
	if err := files.Write(t.Context(), path, host.Content{Data: []byte("content\n")}, host.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "content\n" {
		t.Errorf("%v %q", err, text)
	}
}

// killsStarted starts a line that says that it has started, and kills it.
func killsStarted(t *testing.T, h host.Host, line host.Line) {
	t.Helper()
	out, in := io.Pipe()
	p, err := h.Start(t.Context(), line, host.IO{Stdout: in})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("started\n"))); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	if exit, err := p.Wait(); err != nil || exit.Code == 0 {
		t.Errorf("%v %v", exit, err)
	}
}
