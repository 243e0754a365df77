package star

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"github.com/deployerd/deployerd/host"
)

// fileMethods are the methods of hosts that look at files and facts, or change
// files.
var fileMethods = map[string]builtinFunc{
	"read": readFile, "write": writeFile, "put": putFile, "get": getFile, "exists": fileExists, "stat": statFile,
	"listdir": listFolder, "has_command": hasCommand, "cwd": hostCwd, "home": hostHome, "expand": expandPath,
	"addresses": hostAddresses, "connect": connectHost,
}

// filesOf are the files of a host or a container.
func filesOf(b *starlark.Builtin, sudo bool) *host.Files {
	return groupOf(b.Receiver()).Files(host.FileOptions{Sudo: sudo})
}

// perHost gives the one value of a host, or the values of a container by host.
func perHost[T any](b *starlark.Builtin, values []T, err error, value func(T) starlark.Value) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	if _, ok := b.Receiver().(*handleValue); ok {
		if len(values) != 1 {
			return nil, fmt.Errorf("%s: %d values of one host", b.Name(), len(values))
		}
		return value(values[0]), nil
	}
	all := newResults(len(values))
	for i, name := range groupOf(b.Receiver()).Names() {
		all.add(starlark.String(name), value(values[i]))
	}
	return all, nil
}

// nothing are the values of what gives none.
func nothing(b *starlark.Builtin, err error) (starlark.Value, error) {
	names := groupOf(b.Receiver()).Names()
	return perHost(b, make([]struct{}, len(names)), err, func(struct{}) starlark.Value { return starlark.None })
}

func textValue(s string) starlark.Value { return starlark.String(s) }
func truthValue(b bool) starlark.Value  { return starlark.Bool(b) }

// readFile is .read(path, sudo = False).
func readFile(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var sudo bool
	if err := arguments(b.Name(), args, kwargs, "path", &name, "sudo?", &sudo); err != nil {
		return nil, err
	}
	data, err := filesOf(b, sudo).Read(callOf(thread).ctx, name)
	return perHost(b, data, err, func(data []byte) starlark.Value { return starlark.String(data) })
}

// fileExists is .exists(path, sudo = False).
func fileExists(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var sudo bool
	if err := arguments(b.Name(), args, kwargs, "path", &name, "sudo?", &sudo); err != nil {
		return nil, err
	}
	found, err := filesOf(b, sudo).Exists(callOf(thread).ctx, name)
	return perHost(b, found, err, truthValue)
}

// statFile is .stat(path).
func statFile(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "path", &name); err != nil {
		return nil, err
	}
	found, err := filesOf(b, false).Stat(callOf(thread).ctx, name)
	return perHost(b, found, err, func(s host.Stat) starlark.Value { return &statValue{s: s} })
}

// listFolder is .listdir(path).
func listFolder(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "path", &name); err != nil {
		return nil, err
	}
	lists, err := filesOf(b, false).ListDir(callOf(thread).ctx, name)
	return perHost(b, lists, err, textList)
}

// hasCommand is .has_command(name).
func hasCommand(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	found, err := filesOf(b, false).HasCommand(callOf(thread).ctx, name)
	return perHost(b, found, err, truthValue)
}

// hostCwd is .cwd().
func hostCwd(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	paths, err := filesOf(b, false).Cwd(callOf(thread).ctx)
	return perHost(b, paths, err, textValue)
}

// hostHome is .home(user = None).
func hostHome(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var user string
	if err := arguments(b.Name(), args, kwargs, "user??", &user); err != nil {
		return nil, err
	}
	paths, err := filesOf(b, false).Home(callOf(thread).ctx, user)
	return perHost(b, paths, err, textValue)
}

// expandPath is .expand(path).
func expandPath(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	if err := arguments(b.Name(), args, kwargs, "path", &name); err != nil {
		return nil, err
	}
	paths, err := filesOf(b, false).Expand(callOf(thread).ctx, name)
	return perHost(b, paths, err, textValue)
}

// hostAddresses is .addresses().
func hostAddresses(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if err := arguments(b.Name(), args, kwargs); err != nil {
		return nil, err
	}
	lists, err := filesOf(b, false).Addresses(callOf(thread).ctx)
	return perHost(b, lists, err, textList)
}

// writeFile is .write(path, content, mode = None, owner = None, sudo = False).
func writeFile(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var content starlark.Value
	w := writing{}
	if err := w.unpack(b, args, kwargs, "path", &name, "content", &content); err != nil {
		return nil, err
	}
	data, err := contentOf(content)
	if err != nil {
		return nil, fmt.Errorf("write: content: %w", err)
	}
	_, secret := content.(*secretValue)
	err = filesOf(b, w.sudo).Write(callOf(thread).ctx, name, host.Content{Data: data, Secret: secret}, w.o)
	return nothing(b, err)
}

// writing are the arguments that .write and .put share.
type writing struct {
	o    host.WriteOptions
	sudo bool
}

func (w *writing) unpack(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, pairs ...any) error {
	var mode fileMode
	pairs = append(pairs, "mode??", &mode, "owner??", &w.o.Owner, "sudo?", &w.sudo)
	err := arguments(b.Name(), args, kwargs, pairs...)
	w.o.Mode = uint32(mode)
	return err
}

// putFile is .put(local, path, mode = None, owner = None, sudo = False): local
// lies in the tree's folder.
func putFile(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var local, name string
	w := writing{}
	if err := w.unpack(b, args, kwargs, "local", &local, "path", &name); err != nil {
		return nil, err
	}
	k := callOf(thread)
	root, err := os.OpenRoot(k.catalog.folder)
	if err != nil {
		return nil, fmt.Errorf("put: the tree's folder: %w", err)
	}
	defer func() { _ = root.Close() }() // only read
	return nothing(b, filesOf(b, w.sudo).Put(k.ctx, root.FS(), local, name, w.o))
}

// getFile is .get(path, local = None, sudo = False): local lies in the user's
// own folder. It gives the name there.
func getFile(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name, local string
	var sudo bool
	if err := arguments(b.Name(), args, kwargs, "path", &name, "local??", &local, "sudo?", &sudo); err != nil {
		return nil, err
	}
	if local == "" {
		local = path.Base(name)
	}
	k := callOf(thread)
	into, err := k.env.OpenFolder()
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	defer func() { _ = into.Root.Close() }() // all that was written is closed
	_, one := b.Receiver().(*handleValue)
	place := func(host string) string {
		if one {
			return local
		}
		return host + "/" + local
	}
	if _, err := host.LocalPath(local); err != nil {
		return nil, fmt.Errorf("get %s: %w", name, err)
	}
	err = filesOf(b, sudo).Get(k.ctx, name, into.Root, place, host.GetOptions{Limit: into.Room})
	places := make([]string, 0, 1)
	for _, name := range groupOf(b.Receiver()).Names() {
		places = append(places, path.Clean(place(name)))
	}
	return perHost(b, places, err, textValue)
}

// connectHost is .connect(command = None, input = None): the host's terminal is
// the user's until the command, or the login shell, ends.
func connectHost(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var command string
	var input starlark.Value
	if err := arguments(b.Name(), args, kwargs, "command??", &command, "input??", &input); err != nil {
		return nil, err
	}
	var typed []byte
	if input != nil {
		data, err := contentOf(input)
		if err != nil {
			return nil, fmt.Errorf("connect: input: %w", err)
		}
		typed = data
	}
	k, g := callOf(thread), groupOf(b.Receiver())
	if err := k.catalog.withoutSecrets(command); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	names := g.Names()
	if len(names) != 1 {
		return nil, withHint("use env.host, or one of env.hosts", "connect is for one host, not for %d", len(names))
	}
	result, err := k.connect(g, command, typed)
	if err != nil {
		return nil, err
	}
	return &resultValue{r: result}, nil
}

// connect lends a host the user's terminal. In a sandbox a command is checked,
// and a login shell is only told of.
func (k *call) connect(g *host.Group, command string, typed []byte) (host.Result, error) {
	name := g.Names()[0]
	if k.env.Run().Sandbox {
		if command == "" {
			k.env.LogHost(name, "would open a login shell")
			return host.Result{Host: name, OK: true}, nil
		}
		results, err := g.Run(k.ctx, command, host.RunOptions{})
		if err != nil {
			return host.Result{}, err
		}
		return results[0], nil
	}
	t, giveBack, err := k.env.LendTerminal(k.ctx)
	if err != nil {
		return host.Result{}, fmt.Errorf("connect: %w", err)
	}
	defer giveBack()
	t.First = typed
	handle, ok := g.Handle(name)
	if !ok {
		return host.Result{}, errors.New("the host is gone") // a group keeps its hosts
	}
	exit, err := handle.Connect(k.ctx, command, t)
	if err != nil {
		return host.Result{}, err
	}
	r := host.Result{Host: name, Command: command, Exit: exit, OK: exit.Code == 0}
	if !r.OK {
		r.Err = &host.ExitError{Host: name, Command: command, Exit: exit}
	}
	return r, nil
}

// fileMode is an argument such as 0o644 or "0644".
type fileMode uint32

// Unpack implements starlark.Unpacker.
func (m *fileMode) Unpack(v starlark.Value) error {
	const hint = `such as 0o644 or "0644"`
	if text, ok := starlark.AsString(v); ok {
		n, err := strconv.ParseUint(text, 8, 32)
		if err != nil || n == 0 || n > 0o7777 {
			return withHint(hint, "%q is no mode", text)
		}
		*m = fileMode(n)
		return nil
	}
	var n int
	if err := starlark.AsInt(v, &n); err != nil || n <= 0 || n > 0o7777 {
		return withHint(hint, "%v is no mode", v)
	}
	if n >= 0o1000 && n < 0o1412 && !strings.ContainsAny(strconv.Itoa(n), "89") {
		return withHint(hint, "%d is 0o%o: is 0o%d meant?", n, n, n)
	}
	*m = fileMode(n)
	return nil
}

// statValue is what .stat gives.
type statValue struct {
	inert
	s host.Stat
}

func (v *statValue) fields() []starlark.Tuple {
	return []starlark.Tuple{
		{starlark.String("size"), starlark.MakeInt64(v.s.Size)},
		{starlark.String("mode"), starlark.MakeUint(uint(v.s.Octal))},
		{starlark.String("owner"), starlark.String(v.s.Owner)},
		{starlark.String("group"), starlark.String(v.s.Group)},
		{starlark.String("mtime"), starlark.MakeInt64(v.s.Modified.Unix())},
		{starlark.String("is_dir"), starlark.Bool(v.s.IsDir)},
		{starlark.String("is_file"), starlark.Bool(v.s.IsFile)},
	}
}

func (v *statValue) String() string {
	var words []string
	for _, f := range v.fields() {
		value := f[1].String()
		if f[0] == starlark.String("mode") {
			value = fmt.Sprintf("0o%o", v.s.Octal)
		}
		words = append(words, shown(f[0])+" = "+value)
	}
	return "stat(" + strings.Join(words, ", ") + ")"
}

func (*statValue) Type() string { return "stat" }

// Attr implements starlark.HasAttrs.
func (v *statValue) Attr(name string) (starlark.Value, error) {
	for _, f := range v.fields() {
		if f[0] == starlark.String(name) {
			return f[1], nil
		}
	}
	return nil, nil
}

// AttrNames implements starlark.HasAttrs.
func (v *statValue) AttrNames() []string {
	var names []string
	for _, f := range v.fields() {
		names = append(names, shown(f[0]))
	}
	slices.Sort(names)
	return names
}
