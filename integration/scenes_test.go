package integration

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// update writes the expected screens anew: go test ./integration -run Scenes -update.
// Look at every one of them as a user would before keeping it.
var update = flag.Bool("update", false, "write testdata/screens anew")

const scenesTree = `
def role(name, numbers):
    return [ssh_host("%%s%%d" %% (name, i), address = "127.0.1.%%d" %% i, port = %s) for i in numbers]

def deploy(env, version):
    """Put a version of the site in place."""
    if env.host.name == "web3":
        env.host.run("sleep 1.1")
        fail("the disk is full")
    env.host.run("echo now runs " + quote(version))

def status(env):
    """Show which version is live."""
    env.host.run("echo v1", read_only = True)

def follow(env):
    """Show the log as it grows."""
    env.host.run("sleep 1.1; echo begun; exec sleep 1000")

def restore(env):
    """Bring a backup back, after asking."""
    name = env.console.input("Backup", default = "nightly")
    how = env.console.choice("How", ["at once", "when idle"])
    if env.console.confirm("Restore " + name + " " + how + "?"):
        env.hosts.run("echo restored " + quote(name))

Web = parallel_node(doc = "The web servers: one cell a host", deploy = deploy, status = status, follow = follow)
Database = node(doc = "The database", restore = restore)

Site = node(
    doc = "One whole site: its web servers and its database",
    web = Web.array(hosts = map_roles("web")),
    database = Database(hosts = map_roles(host = "db")),
)

root = node(
    staging = Site(hosts = {"web": role("stage", [9])}, group = groups.staging),
    production = Site(hosts = {"web": role("web", [1, 2, 3, 4]), "db": role("db", [5])}, group = groups.production),
)
`

// checkScript fails on one host.
const checkScript = `#!/bin/sh
case $SSH_CONNECTION in
*127.0.1.3*) sleep 1.1; echo nothing is there >&2; exit 3;;
esac
echo all is well
`

// stage is a screen on which scenes are played. The user's name is as long as
// makes the prompt of one width on every machine; it is alice@deploy-box in the
// expected screens.
type stage struct {
	*screen
	set           string // the first part of the files' names
	who           string // user@host, as in the prompt
	width, height int
	resizes       bool
	first         bool // it may write the expected screens
	demo          bool // it is the demo's, whose screens the README shows
}

// The users in the expected screens.
const (
	whoShown  = "alice@deploy-box"
	demoShown = "demo@deploy-box"
)

// names makes n user names such that each with @ and the machine's name is as
// long as whoShown.
func names(t *testing.T, n int) (users []string, host string) {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	long := len(whoShown) - len("@") - len(host)
	if long < 1 {
		t.Skipf("SKIPPED: the name of this machine, %s, is longer than the screens allow", host)
	}
	for i := range n {
		users = append(users, strings.Repeat("a", long-1)+string(rune('a'+i)))
	}
	return users, host
}

// scene is something that a user does, up to a screen that is compared. It
// begins at an empty prompt on a cleared screen.
type scene struct {
	name string
	play func(s *stage)
}

var scenes = []scene{
	{"login", func(s *stage) { s.awaitFlat(s.who + " / >") }},
	{"ls", func(s *stage) {
		s.line("ls")
		s.midway()
		s.line("ls production")
	}},
	{"cd", func(s *stage) {
		s.line("cd production.web")
		s.midway()
		s.line("pwd")
		s.line("cd -")
		s.line("production.web:web1")
		s.line("cd /")
	}},
	{"complete", func(s *stage) {
		s.keys("p", "r", "o", "Tab")
		s.awaitFlat("> production/")
		s.keys("w", "Tab", "Tab")
		s.awaitFlat("production/web/:web1")
		s.midway()
		s.keys("d")
	}},
	{"history", func(s *stage) {
		s.line("pwd")
		s.line("cd production")
		s.line("cd /")
		s.keys("Up", "Up")
		s.midway()
	}},
	{"search", func(s *stage) {
		s.keys("C-r")
		s.midway()
		s.keys("p", "w")
	}},
	{"several", func(s *stage) {
		s.line("production.web deploy v2")
		s.midway()
	}},
	{"failing", func(s *stage) {
		s.line("--run production.web -- ~/check")
		s.midway()
	}},
	{"running", func(s *stage) {
		s.line("production.web follow")
		s.awaitBegun()
		s.midway()
	}},
	{"cancelled", func(s *stage) {
		s.line("production.web follow")
		s.awaitBegun()
		s.midway()
		s.keys("C-c")
	}},
	{"question", func(s *stage) {
		s.line("production.database restore")
		s.awaitFlat("[nightly]:")
		s.midway()
		s.line("weekly")
		s.awaitFlat("How:")
		s.line("1")
		s.awaitFlat("(y/n):")
		s.line("y")
	}},
	{"asked", func(s *stage) {
		s.line("production.database restore")
		s.awaitFlat("[nightly]:")
		s.line("")
		s.awaitFlat("How:")
		s.midway()
		s.line("3")
	}},
	{"unknown", func(s *stage) {
		s.line("production.web deploi v2")
	}},
	{"long", func(s *stage) {
		s.tmux("send-keys", "-l", "production.web:web1 deploy 'a line that is longer than the window, with wide characters 日本語 in it, and "+
			strings.Repeat("more of it, ", 3)+"to its end'")
		s.midway()
		s.awaitFlat("to its end'")
		if s.height > 5 { // else which rows show depends on how the keys come
			s.keys("C-a", "M-f", "X")
		}
	}},
	{"inspect", func(s *stage) {
		s.line("--inspect production.database")
		s.midway()
	}},
}

// midway is the middle of a scene, at which the window changes its size in one
// of the plays.
func (s *stage) midway() {
	if !s.resizes {
		return
	}
	if s.width == 80 {
		s.width, s.height = 60, 20
	} else {
		s.width, s.height = 80, 24
	}
	s.resize(s.width, s.height)
}

// awaitFlat waits for a text, however the window wraps it.
func (s *stage) awaitFlat(text string) {
	s.t.Helper()
	s.until("the screen has, in pieces, "+text, func(shown string) bool { return strings.Contains(flat(shown), flat(text)) })
}

// flat is text without blanks, which a window may have at the end of its rows.
func flat(text string) string { return strings.Join(strings.Fields(text), "") }

// awaitBegun waits until every host follows, which takes more than a second.
func (s *stage) awaitBegun() {
	s.t.Helper()
	s.until("all four have begun", func(shown string) bool {
		return strings.Count(shown, ": begun\n") == 4 && strings.Contains(shown, "running 4")
	})
}

// varying is what differs from play to play. It keeps its width.
var varying = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\b\d\.\d s\b`), "1.2 s"},
	{regexp.MustCompile(`waiting on web\d \(\d s\)`), "waiting on web1 (1 s)"},
	{regexp.MustCompile(`\(run [0-9a-z]{14}`), "(run 1m82awd0bvhd6c"},
}

// took is how long a run took, on a row that is wide enough for it.
var took = regexp.MustCompile(`in (\d+ ms|\d+\.\d s) \(`)

var greeting = regexp.MustCompile(`(?s)^.*?deployerd \S+ on \S+: you are \S+\.\n`)

// shown is the screen as it is compared.
func (s *stage) shown() string {
	text := s.screen.text()
	if s.demo {
		return byHost(s.steady(took.ReplaceAllString(strings.ReplaceAll(text, s.who, demoShown), "in 110 ms ("))) + "\n"
	}
	text = strings.ReplaceAll(text, s.who, whoShown)
	text = greeting.ReplaceAllString(text, "deployerd VERSION on deploy-box: you are alice.\n")
	text = s.steady(text)
	return byHost(text) + "\n"
}

// steady replaces what varies, also where the window wraps it.
func (s *stage) steady(text string) string {
	rows := strings.Split(text, "\n")
	for i := 0; i < len(rows); i++ {
		n := 1
		for i+n < len(rows) && len(rows[i+n-1]) == s.width { // a full row goes on in the next
			n++
		}
		whole := strings.Join(rows[i:i+n], "")
		for _, v := range varying {
			whole = v.pattern.ReplaceAllString(whole, v.with)
		}
		for ; n > 1; i, n = i+1, n-1 {
			rows[i], whole = whole[:s.width], whole[s.width:]
		}
		rows[i] = whole
	}
	return strings.Join(rows, "\n")
}

var marked = regexp.MustCompile(`^[a-z]+\d+: `)

// byHost sorts neighbouring lines that hosts wrote at the same time.
func byHost(text string) string {
	rows := strings.Split(text, "\n")
	for i := 0; i < len(rows); i++ {
		n := 0
		for i+n < len(rows) && marked.MatchString(rows[i+n]) {
			n++
		}
		if n > 1 {
			slices.Sort(rows[i : i+n])
			i += n
		}
	}
	return strings.Join(rows, "\n")
}

// compare waits until the screen is the expected one.
func (s *stage) compare(name string) {
	s.t.Helper()
	file := filepath.Join("testdata", "screens", s.set+"-"+name+".txt")
	if *update && s.first {
		s.rest()
		write(s.t, file, s.shown())
	}
	want := read(s.t, file)
	var got string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s (-want +got):\n%s\ngot:\n%s", file, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")), got)
		}
	}()
	poll(s.t, "the screen is that of "+file, func() bool {
		got = s.shown()
		return got == want
	})
}

// rest waits until nothing changes any more. Only writing expected screens
// needs it.
func (s *stage) rest() {
	last, since := "", time.Now()
	poll(s.t, "the screen rests", func() bool {
		if now := s.shown(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
}

// clean leaves whatever is open and clears the screen.
func (s *stage) clean() {
	s.t.Helper()
	s.keys("C-c")
	s.awaitFlat("@")
	s.keys("C-l")
	s.until("an empty prompt alone", func(string) bool {
		shown := s.shown()
		return shown == whoShown+" / >\n" || shown == demoShown+" / >\n"
	})
	s.tmux("clear-history") // a window that grows shows it again
}

func TestScenes(t *testing.T) {
	t.Parallel()
	ways := doors(t)[:2]
	plays := []stage{
		{set: "80x24", width: 80, height: 24},
		{set: "200x50", width: 200, height: 50},
		{set: "20x5", width: 20, height: 5},
		{set: "resized", width: 80, height: 24, resizes: true},
	}
	users, host := names(t, len(ways)*len(plays))
	sshd := startSSHD(t, "")
	check := write(t, filepath.Join(sshd.dir, "home", "check"), checkScript)
	if err := os.Chmod(check, 0o700); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, daemonOptions{
		tree: fmt.Sprintf(scenesTree, sshd.port), knownHosts: sshd.knownHosts(t, 9), identity: sshd.key,
		users: users, password: hashed(t),
	})
	for _, play := range plays {
		for i, way := range ways {
			s := play
			s.first = i == 0
			user := users[0]
			users = users[1:]
			t.Run(play.set+" "+way.name, func(t *testing.T) {
				t.Parallel()
				s.who = user + "@" + host
				s.screen = way.open(t, d, user, s.width, s.height)
				for i, scene := range scenes {
					if i > 0 {
						s.clean()
					}
					scene.play(&s)
					s.compare(scene.name)
				}
			})
		}
	}
}
