package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/node"
)

// inspectTime bounds the evaluation of all properties of a node.
const inspectTime = 10 * time.Second

func doInspect(c *invocation) error {
	found := c.resolve(c.args(), c.view.watching(c.s.last))
	var attribute *node.AttributeError
	switch {
	case errors.As(found.Next, &attribute):
		return c.inspectAttribute(attribute)
	case found.Next != nil:
		return found.Next
	case found.Action != nil && found.Words < len(c.line.words):
		return c.usage()
	}
	bare, err := c.maySee(found.Node)
	if err != nil {
		return err
	}
	if found.Action != nil {
		return c.document(c.actionDocument(found.Node, *found.Action, bare))
	}
	return c.document(c.nodeDocument(found.Node, bare))
}

// document shows an object, as JSON or in indented lines.
func (c *invocation) document(o object) error {
	if c.opts().json {
		return c.out.object(o)
	}
	var b strings.Builder
	writeFields(&b, o, "")
	return c.out.answer(b.String())
}

// writeFields writes an object as lines; what is empty is left out.
func writeFields(b *strings.Builder, o object, indent string) {
	for _, f := range o {
		name := indent + printable(f.name) + ":"
		switch v := f.value.(type) {
		case object:
			if len(v) > 0 {
				b.WriteString(name + "\n")
				writeFields(b, v, indent+"  ")
			}
		case trace:
			if len(v) > 0 {
				b.WriteString(name + "\n")
				v.write(b, indent+"  ")
			}
		case []object:
			if len(v) > 0 {
				b.WriteString(name + "\n")
			}
			for _, one := range v {
				var item strings.Builder
				writeFields(&item, one, indent+"    ")
				b.WriteString(strings.Replace(item.String(), indent+"    ", indent+"  - ", 1))
			}
		case []string:
			if len(v) > 0 {
				b.WriteString(name + " " + printable(strings.Join(v, " ")) + "\n")
			}
		default:
			writeText(b, name, fmt.Sprint(v), indent)
		}
	}
}

// writeText writes a text behind its name, further lines indented.
func writeText(b *strings.Builder, name, text, indent string) {
	if text == "" {
		return
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	b.WriteString(name + " " + printable(lines[0]) + "\n")
	for _, line := range lines[1:] {
		b.WriteString(strings.TrimRight(indent+"  "+printable(strings.TrimSpace(line)), " ") + "\n")
	}
}

func (c *invocation) nodeDocument(n *node.Node, bare bool) object {
	o := object{{"path", n.Path()}, {"kind", n.KindName()}}
	var children []string
	for _, child := range n.Children(false) {
		if c.view.shows(child) {
			children = append(children, child.Name())
		}
	}
	var actions []object
	for _, a := range n.Actions(false) {
		if c.view.action(n, a) {
			actions = append(actions, actionObject(a))
		}
	}
	if bare { // an ancestor of what may be seen, with nothing else in it
		return append(o, field{"children", list(children)}, field{"actions", list(actions)})
	}
	return append(o,
		field{"doc", n.Doc()},
		field{"group", n.Group().Name},
		field{"hosts", c.hostsByRole(n)},
		field{"attributes", c.attributes(n)},
		field{"children", list(children)},
		field{"actions", list(actions)},
		field{"defined", position(n.Type().Pos())},
	)
}

// hostsByRole are the hosts that the user may see at a node.
func (c *invocation) hostsByRole(n *node.Node) object {
	roles := object{}
	for _, role := range n.Roles() {
		names := []string{}
		for _, h := range role.Hosts {
			if c.seesHost(n, h.Name()) {
				names = append(names, h.Name())
			}
		}
		roles = append(roles, field{role.Name, names})
	}
	return roles
}

// attributes evaluates what is computed, without reaching any host; an error
// stands in the place of its value.
func (c *invocation) attributes(n *node.Node) object {
	ctx, cancel := context.WithTimeout(c.s.ctx, inspectTime)
	defer cancel()
	values := object{}
	for _, a := range n.Attributes(false) {
		values = append(values, field{a.Name, c.evaluate(ctx, n, a)})
	}
	return values
}

func (c *invocation) evaluate(ctx context.Context, n *node.Node, a node.Attribute) any {
	if missing, ok := a.Value.(node.Required); ok {
		return missing.String()
	}
	if a.Property == nil && a.Query == nil {
		return jsonValue{a.Value}
	}
	value, _, err := c.inspecting(n).Attr(ctx, a.Name)
	return evaluated(value, err)
}

// inspecting is a node in a run that reaches no host.
func (c *invocation) inspecting(n *node.Node) *node.Env {
	return node.NewEnv(n, &node.Run{
		ID: "inspect", User: c.view.subject.User, Started: time.Now(),
		Context: c.s.context, Steps: c.state.Defaults.Steps,
	})
}

// evaluated is a value that was computed, or why there is none.
func evaluated(value any, err error) any {
	if err != nil {
		return "error: " + err.Error()
	}
	return jsonValue{value}
}

// String is the value as text.
func (j jsonValue) String() string { return node.Text(j.v) }

// inspectAttribute shows one attribute.
func (c *invocation) inspectAttribute(at *node.AttributeError) error {
	n, ok := c.at(at.In)
	if !ok {
		return at
	}
	if err := c.authorize(auth.See, n); err != nil {
		return err
	}
	for _, a := range n.Attributes(true) {
		if a.Name != at.Word {
			continue
		}
		return c.document(c.attributeDocument(n, a))
	}
	return at
}

// attributeDocument is one attribute; of a query with its text and trace.
func (c *invocation) attributeDocument(n *node.Node, a node.Attribute) object {
	ctx, cancel := context.WithTimeout(c.s.ctx, inspectTime)
	defer cancel()
	o := object{{"path", n.Path()}, {"kind", a.KindName()}, {"name", a.Name}}
	if a.Query == nil {
		o = append(o, field{"value", c.evaluate(ctx, n, a)})
	} else {
		value, steps, err := c.inspecting(n).TraceQuery(ctx, a.Name)
		o = append(o, field{"value", evaluated(value, err)}, field{"query", a.Query.Text}, field{"trace", traced(steps)})
	}
	if a.Property != nil {
		o = append(o, field{"doc", a.Property.Doc})
	}
	return append(o, field{"defined", position(definedAt(a))})
}

// traced are the parts of a query with what each gave, in order.
func traced(steps []node.QueryStep) trace {
	list := trace{}
	for _, step := range steps {
		list = append(list, object{{"text", step.Text}, {"value", jsonValue{step.Value}}})
	}
	return list
}

// trace is a list of parts that, as text, is a line for each.
type trace []object

func (t trace) write(b *strings.Builder, indent string) {
	for _, step := range t {
		value := strings.TrimSpace(fmt.Sprint(step[1].value))
		first, _, more := strings.Cut(value, "\n")
		if more {
			first += " ..."
		}
		b.WriteString(indent + printable(fmt.Sprint(step[0].value)+" = "+first) + "\n")
	}
}

func (c *invocation) actionDocument(n *node.Node, a node.NamedAction, bare bool) object {
	e := actionEntry(n, a)
	o := object{{"path", e.path}, {"kind", e.kind}}
	if !bare {
		o = append(o, field{"group", e.group}, field{"hosts", c.hostsByRole(n)})
	}
	return append(append(o, actionObject(a)...), field{"defined", position(a.Pos)})
}

func actionObject(a node.NamedAction) object {
	parameters := make([]object, len(a.Params))
	for i, p := range a.Params {
		parameters[i] = object{{"name", p.Name}, {"kind", paramKind(p.Kind)}}
		if p.HasDefault {
			parameters[i] = append(parameters[i], field{"default", jsonValue{p.Default}})
		}
	}
	return object{{"name", a.Name}, {"doc", a.Doc}, {"parameters", parameters}, {"aliases", list(a.Aliases)}}
}

func paramKind(k node.ParamKind) string {
	switch k {
	case node.KeywordOnly:
		return "keyword"
	case node.VarArgs:
		return "*args"
	case node.KwArgs:
		return "**kwargs"
	}
	return "positional"
}

func position(p node.Position) string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
