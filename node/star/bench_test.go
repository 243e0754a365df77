package star_test

import (
	"path/filepath"
	"testing"

	"github.com/deployerd/deployerd/node/star"
)

// BenchmarkLoad loads a tree of 10,000 nodes and 5,000 hosts.
func BenchmarkLoad(b *testing.B) {
	source := `
hosts = [ssh_host("web%d" % n, labels = {"n": str(n)}) for n in range(5000)]
def deploy(env, version = "v1"):
    """Deploy."""
    env.hosts.run("true")
Leaf = node(deploy = deploy, port = 80, url = property(lambda env: "x"))
root = node(**{
    "site%d" % i: node(hosts = {"web": hosts[i*5:i*5+5]}, **{"app%d" % j: Leaf(port = j) for j in range(9)})
    for i in range(1000)
})`
	file := filepath.Join(write(b, map[string]string{"tree.star": source}), "tree.star")
	for b.Loop() {
		if _, err := star.Load(b.Context(), star.Options{File: file, NewHost: fakes}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCall calls an action that calls another at each of 100 nodes.
func BenchmarkCall(b *testing.B) {
	made := tree(b, `
root = node(
    go = lambda env: [getattr(env, "n%d" % i).touch(i) for i in range(100)],
    **{"n%d" % i: node(touch = lambda env, x: env.path) for i in range(100)}
)`, star.Options{})
	for b.Loop() {
		if _, err := (&recorder{}).run(b.Context(), made, nil, "go"); err != nil {
			b.Fatal(err)
		}
	}
}
