package integration

import (
	"fmt"
	"testing"
)

// twenty is a daemon with twenty real targets web1..web20 and two users.
type twenty struct {
	*daemon
	sshd *sshd
}

// treeOf is the tree of the fleet; %s is the list of hosts.
const treeOf = `
hosts = %s

def deploy(env, version, broken = ""):
    """Put a version in place."""
    env.host.run("echo " + quote(version))
    if env.host.name in broken.split("+"):
        env.host.run("echo it broke >&2; exit 3")

def count(env, file):
    """Say in a file when it begins and ends."""
    env.host.run("echo + >> %%s; sleep 0.3; echo - >> %%s" %% (quote(file), quote(file)))

def gate(env, dir):
    """Begin, wait for a file, end."""
    env.host.cd(dir).run("echo + >> log; until [ -e go ]; do sleep 0.05; done; echo - >> log")

def hang(env, file = "/dev/null"):
    """Run until it is killed."""
    env.host.run("echo begun; echo $$ >> %%s; exec sleep 1000" %% quote(file))

def slow(env, seconds = 1):
    env.host.run("echo begun; sleep %%d; echo done" %% seconds)

def here(env, dir):
    """Print a folder from inside of it."""
    env.host.cd(dir).run("pwd")

def variable(env):
    env.host.run('printf "%%s\\n" "$WHO"')

Web = parallel_node(deploy = deploy, count = count, gate = gate, hang = hang, slow = slow, here = here, variable = variable)

def noop(env):
    """Do nothing."""

root = node(
    production = node(
        hosts = {"host": hosts},
        group = groups.production,
        web = Web.array(),
        noop = noop,
    ),
)
`

func startTwenty(t testing.TB, extra string) *twenty {
	t.Helper()
	return startTwentyWith(t, daemonOptions{extra: extra})
}

// startTwentyWith takes what o says beside the tree and the users.
func startTwentyWith(t testing.TB, o daemonOptions) *twenty {
	t.Helper()
	s := startSSHD(t, "")
	o.tree, o.knownHosts, o.identity = fmt.Sprintf(treeOf, s.hosts(20)), s.knownHosts(t, 20), s.key
	o.users = []string{"alice", "bob"}
	return &twenty{startDaemon(t, o), s}
}
