package session

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/node"
)

func infoCommands() []command {
	const section = "About"
	const takes = takesJSON | takesReason
	return []command{
		{
			name: "hosts", section: section, usage: "hosts [pattern]",
			doc:     "hosts, their connection and where they are used",
			example: "hosts 'web*'", right: "see",
			takes: takes, do: doHosts,
		},
		{
			name: "can", section: section, usage: "can [USER] [path]",
			doc:     "what the rules let you do; for another user with the right admin",
			example: "can /production", right: "see",
			takes: takes, do: doCan,
		},
		{
			name: "whoami", section: section, usage: "whoami",
			doc:     "who you are here",
			example: "whoami", right: "see",
			takes: takes, do: doWhoami,
		},
		{
			name: "status", section: section, usage: "status",
			doc:     "version, sessions, runs, connections, journal and the last reload",
			example: "status --json", right: "see",
			takes: takes, do: doStatus,
		},
	}
}

// hostRow is a host as hosts lists it.
type hostRow struct {
	host  host.Host
	state host.HostState
	nodes []string
}

func doHosts(c *invocation) error {
	words := c.args()
	if len(words) > 1 {
		return c.usage()
	}
	if err := c.seesAnything(); err != nil {
		return err
	}
	pattern := "*"
	if len(words) == 1 {
		pattern = words[0]
	}
	if !doublestar.ValidatePattern(pattern) {
		return wrongf("%s is no pattern: * is any text", pattern)
	}
	rows := c.hosts(pattern)
	if c.opts().json {
		objects := make([]object, len(rows))
		for i, r := range rows {
			objects[i] = object{{"name", r.host.Name()}, {"address", r.host.Address()}, {"state", r.state.State}, {"nodes", r.nodes}}
			if r.state.LastError != nil {
				objects[i] = append(objects[i], field{"error", r.state.LastError.Error()})
			}
		}
		return c.out.object(objects)
	}
	var table [][]string
	for _, r := range rows {
		table = append(table, []string{r.host.Name(), r.host.Address(), r.state.State, shortList(r.nodes), errorText(r.state.LastError)})
	}
	return c.out.answer(columns(table))
}

// hosts are the hosts that match, of nodes that the user may see.
func (c *invocation) hosts(pattern string) []hostRow {
	var rows []hostRow
	for _, use := range c.state.Tree.Hosts() {
		if !doublestar.MatchUnvalidated(pattern, use.Host.Name()) {
			continue
		}
		row := hostRow{host: use.Host, state: host.HostState{State: "closed"}}
		for _, path := range use.Nodes {
			if n, ok := c.at(path); ok && c.seesHost(n, use.Host.Name()) {
				row.nodes = append(row.nodes, path)
			}
		}
		if len(row.nodes) == 0 {
			continue
		}
		if c.s.m.o.Pool != nil {
			row.state = c.s.m.o.Pool.State(use.Host)
		}
		rows = append(rows, row)
	}
	return rows
}

// seesHost says whether the user may see a host at a node: rules may be
// narrowed to hosts.
func (c *invocation) seesHost(n *node.Node, name string) bool {
	if !c.view.sees(n) {
		return false
	}
	q := request(auth.See, n, []string{name})
	q.Reason = anyReason
	return c.state.Rules.Authorize(c.view.subject, q) == nil
}

func doCan(c *invocation) error {
	if err := c.seesAnything(); err != nil {
		return err
	}
	who, words, err := c.whose(c.args())
	if err != nil {
		return err
	}
	n, err := c.place(words, c.view.running(c.s.last))
	if err != nil {
		return err
	}
	var objects []object
	var table [][]string
	c.each(n, func(at *node.Node) {
		verbs := who.verbs(at)
		if len(verbs) == 0 || who != c.view && !c.view.sees(at) {
			return
		}
		objects = append(objects, object{{"path", at.Path()}, {"verbs", verbs}})
		table = append(table, []string{at.Path(), strings.Trim(fmt.Sprint(verbs), "[]")})
	})
	if c.opts().json {
		return c.out.object(list(objects))
	}
	return c.out.answer(columns(table))
}

// each visits a node and all below that the user knows of, in the order of the
// tree, cells left out.
func (c *invocation) each(n *node.Node, visit func(*node.Node)) {
	visit(n)
	for _, child := range n.Children(true) {
		if c.view.knows(child) {
			c.each(child, visit)
		}
	}
}

// whose takes the user off the words of can. Whether another user exists is
// told to admins only.
func (c *invocation) whose(words []string) (*view, []string, error) {
	if len(words) == 0 || strings.ContainsAny(words[0][:min(1, len(words[0]))], "/.:-") {
		return c.view, words, nil
	}
	user := words[0]
	if user == c.view.subject.User {
		return c.view, words[1:], nil
	}
	id, known := c.state.Users.Lookup(user)
	isPath := c.resolve(words, c.view.running(c.s.last)).Next == nil
	admin := c.state.Rules.Authorize(c.view.subject, auth.Request{Verb: auth.Admin, Reason: c.opts().reason}) == nil
	switch {
	case isPath && (!known || !admin):
		return c.view, words, nil
	case !known && admin:
		return nil, nil, &missingError{user + ": no such user, and no such node here"}
	}
	if err := c.s.rights.authorize(auth.Request{Verb: auth.Admin, Reason: c.opts().reason}); err != nil {
		return nil, nil, err
	}
	return newView(c.state, auth.Subject{User: id.User, Roles: id.Roles}), words[1:], nil
}

func doWhoami(c *invocation) error {
	if err := c.none(); err != nil {
		return err
	}
	if err := c.seesAnything(); err != nil {
		return err
	}
	user, client := c.view.subject, c.s.rights.client
	if c.opts().json {
		return c.out.object(object{
			{"user", user.User},
			{"roles", list(user.Roles)},
			{"from", client.From.String()},
			{"method", client.Identity.Method},
		})
	}
	return c.out.answer(columns([][]string{
		{"user", user.User},
		{"roles", strings.Join(user.Roles, " ")},
		{"from", client.From.String()},
		{"method", client.Identity.Method},
	}))
}
