package server_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net"
	"os"

	gossh "golang.org/x/crypto/ssh"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
	"github.com/deployerd/deployerd/server"
	"github.com/deployerd/deployerd/session"
	"github.com/deployerd/deployerd/session/journal"
	"github.com/deployerd/deployerd/session/run"
)

// A tree without Starlark, served over SSH: what the command deployerd does,
// in a program of one's own. The body of Example is its whole main.
func Example() {
	deploy := &node.Action{
		Doc:    "Deploy a version.",
		Params: []node.Param{{Name: "version"}},
		Fn: func(ctx context.Context, env *node.Env, args node.Args) (any, error) {
			results, err := env.Hosts().Run(ctx, fmt.Sprintf("echo deploying %v", args.Pos[0]), host.RunOptions{Quiet: true})
			if err != nil {
				return nil, err
			}
			return string(results[0].Stdout), nil
		},
	}
	here := node.Hosts{{Name: "host", Items: []node.HostsItem{{Host: must(host.NewLocal("localhost", nil))}}}}
	web := must(node.NewType(node.Plain, []node.Member{{Name: "hosts", Value: here}, {Name: "deploy", Value: deploy}}, node.Position{}))
	root := must(node.NewType(node.Plain, []node.Member{{Name: "web", Value: web}}, node.Position{}))

	folder := must(os.MkdirTemp("", "deployerd"))
	defer os.RemoveAll(folder)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	book := must(journal.Open(ctx, journal.Options{Dir: folder, Daemon: "example"}))
	defer book.Close(ctx)
	key, hostKey := newKey(), must(server.NewHostKey())
	manager := session.New(session.Options{Journal: book, Engine: run.New(run.Options{Journal: book}), State: session.State{
		Tree:  must(node.NewTree(root, "v1")),
		Users: must(auth.NewUsers([]auth.UserOptions{{Name: "alice", Keys: []string{key.line}}})),
		Rules: must(auth.NewRules([]auth.RuleOptions{{Users: []string{"alice"}, Allow: []string{"run"}}})),
	}})
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	doors := must(server.New(server.Options{
		Listeners: []net.Listener{listener}, HostKeys: [][]byte{hostKey},
		Manager: manager, Journal: book, Guard: auth.NewGuard(nil, nil),
	}))
	defer doors.Shutdown(ctx)
	go doors.Run(ctx)

	fmt.Print(ask(listener.Addr().String(), key, hostKey, "web deploy v1.2"))
	// Output: deploying v1.2
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// clientKey is alice's.
type clientKey struct {
	signer gossh.Signer
	line   string // as in authorized_keys
}

func newKey() clientKey {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	signer := must(gossh.NewSignerFromKey(must(private, err)))
	return clientKey{signer, string(gossh.MarshalAuthorizedKey(signer.PublicKey()))}
}

// ask is what ssh ADDRESS LINE does, as alice.
func ask(address string, key clientKey, hostKey []byte, line string) string {
	known := must(gossh.ParsePrivateKey(hostKey)).PublicKey()
	client := must(gossh.Dial("tcp", address, &gossh.ClientConfig{
		User: "alice", Auth: []gossh.AuthMethod{gossh.PublicKeys(key.signer)}, HostKeyCallback: gossh.FixedHostKey(known),
	}))
	defer client.Close()
	out, err := must(client.NewSession()).Output(line)
	if err != nil {
		return err.Error() + "\n"
	}
	return string(out)
}
