package node_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

// A tree made in Go: production with an array of two web servers. Its action
// runs once per server.
func Example() {
	greet := &node.Action{
		Doc:    "Greet from every web server.",
		Params: []node.Param{{Name: "whom", HasDefault: true, Default: "world"}},
		Fn: func(_ context.Context, env *node.Env, args node.Args) (any, error) {
			one, err := env.Host()
			if err != nil {
				return nil, err
			}
			return fmt.Sprintf("hello %v from %s", args.Pos[0], one.Host().Name()), nil
		},
	}
	// Any host.Host will do, such as those of a host.Pool.
	servers := node.HostsRole{Name: "www", Items: []node.HostsItem{{Host: &target{name: "web1"}}, {Host: &target{name: "web2"}}}}

	web, err := node.NewType(node.Parallel, []node.Member{{Name: "greet", Value: greet}}, node.Position{})
	check(err)
	array, err := web.Array(&node.RoleMap{Entries: []node.RoleMapEntry{{From: []string{"www"}}}}, node.Position{})
	check(err)
	production, err := node.NewType(node.Plain, []node.Member{
		{Name: "hosts", Value: node.Hosts{servers}},
		{Name: "group", Value: node.Production},
		{Name: "web", Value: array},
	}, node.Position{})
	check(err)
	root, err := node.NewType(node.Plain, []node.Member{{Name: "production", Value: production}}, node.Position{})
	check(err)
	tree, err := node.NewTree(root, "1")
	check(err)

	found := tree.Root().Resolve([]string{"production.web", "greet", "Ada"}, node.Lookup{})
	args, err := found.Action.Bind(found.Action.Name, []node.Argument{{Value: "Ada"}})
	check(err)
	value, err := node.NewEnv(found.Node, &node.Run{Context: host.Context{}}).Call(context.Background(), found.Action.Name, args)
	check(err)
	for _, cell := range value.(*node.CellResults).Cells {
		fmt.Println(cell.Keys[0], cell.Value)
	}
	// Output:
	// web1 hello Ada from web1
	// web2 hello Ada from web2
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
