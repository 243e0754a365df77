package star_test

import (
	"fmt"
	"strings"
	"testing"
)

const rolling = `
hosts = [ssh_host("h%d" % i) for i in range(5)]
def deploy(env):
    env.hosts.run("deploy")
    if env.host.name in BROKEN:
        fail("broken")
def trying(env):
    a = env.web.deploy
    first = env.attempt(a)
    second = env.attempt(a)
    return "%s|%s" % (first.error, second.error)
def undo(env):
    env.log("undo " + env.host.name)
def careful(env):
    env.defer(lambda: env.web.undo())
    env.web.deploy()
root = node(
    web = parallel_node(
        deploy = action(deploy, ACTION),
        undo = undo,
        NODE
    ).array(hosts = {"host": hosts}),
    trying = trying,
    careful = careful,
)
`

func rollingAct(t *testing.T, path, broken, ofNode, ofAction string) (result, log string, err error) {
	t.Helper()
	return act(t, strings.NewReplacer("BROKEN", broken, "NODE", ofNode, "ACTION", ofAction).Replace(rolling), path)
}

func TestSerialOfATree(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, broken, node, action string
		want                       string
	}{
		{"the node's", `["h0"]`, `serial = 2`, ``, "web deploy: h0: broken; 3 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"a list", `["h1"]`, `serial = [1, "40%"]`, ``, "web deploy: h1: broken; 2 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"a tuple", `["h0"]`, `serial = (1, "100%")`, ``, "web deploy: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"as a text", `["h0"]`, `serial = "1,100%"`, ``, "web deploy: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"the action's wins", `["h0"]`, `serial = 1`, `serial = 4`, "web deploy: h0: broken; 1 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"the action's max_fail", `["h0"]`, `serial = 1`, `max_fail = 1`, "web deploy: h0: broken"},
		{"a percentage", `["h0", "h1"]`, `serial = 1, max_fail = "20%"`, ``, "web deploy: h0: broken; h1: broken; 3 not started: 2 of 5 failed, more than max_fail 20% allows"},
		{"none is said", `["h0", "h4"]`, `serial = None, max_fail = None, forks = None`, `serial = None`, "web deploy: h0: broken; h4: broken"},
		{"one after the other", `["h0"]`, `forks = 1, max_fail = 0`, ``, "web deploy: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows"},
		{"the action's forks", `["h0"]`, `max_fail = 0`, `forks = 1`, "web deploy: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows"},
	} {
		_, _, err := rollingAct(t, "web deploy", c.broken, c.node, c.action)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestWhatIsAttemptedDoesNotUseUpTheBudget(t *testing.T) {
	t.Parallel()
	got, _, err := rollingAct(t, "trying", `["h0"]`, `serial = 1`, ``)
	const once = "web deploy: h0: broken; 4 not started: 1 of 5 failed, more than max_fail 0 allows"
	if err != nil || got != once+"|"+once {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWhatIsDeferredIsNotStopped(t *testing.T) {
	t.Parallel()
	_, log, err := rollingAct(t, "careful", `["h0"]`, `serial = 1`, ``)
	if err == nil {
		t.Error("it did not fail")
	}
	if n := strings.Count(log, "undo h"); n != 5 {
		t.Errorf("%d cells were put right, want 5:\n%s", n, log)
	}
}
