package star

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/deployerd/deployerd/host"
)

// hostValue is a host of the tree, as ssh_host and local_host make it. It runs
// nothing: in a run, hosts come from env.
type hostValue struct {
	inert
	h host.Host
}

func (v hostValue) String() string        { return v.h.Name() }
func (hostValue) Type() string            { return "host" }
func (v hostValue) Hash() (uint32, error) { return hashName(v.h.Name()) }
func (hostValue) AttrNames() []string     { return []string{"address", "labels", "name"} }

func (v hostValue) Attr(name string) (starlark.Value, error) {
	if slices.Contains(methodNames(handleMethods), name) {
		return nil, withHint("use env.host or env.hosts", "a host of the tree runs nothing by itself")
	}
	return hostFact(v.h, name), nil
}

// CompareSameType implements starlark.Comparable: hosts are equal by name,
// those of a run (handleValue) too.
func (v hostValue) CompareSameType(op syntax.Token, y starlark.Value, _ int) (bool, error) {
	return sameNamed(op, "host", v.h.Name(), y.String())
}

// hostFact is what the tree says of a host; nil for any other name.
func hostFact(h host.Host, name string) starlark.Value {
	switch name {
	case "name":
		return starlark.String(h.Name())
	case "address":
		return starlark.String(h.Address())
	case "labels":
		labels := starlark.NewDict(len(h.Labels()))
		for _, k := range sorted(maps.Keys(h.Labels())) {
			_ = labels.SetKey(starlark.String(k), starlark.String(h.Labels()[k])) // strings are keys
		}
		labels.Freeze()
		return labels
	}
	return nil
}

var hostName = regexp.MustCompile(host.NamePattern)

// sshHost is ssh_host(name, ...).
func sshHost(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	l, err := loading(thread, b.Name())
	if err != nil {
		return nil, err
	}
	var name string
	given := sshArguments{config: true}
	if err := given.unpack(&name, args, kwargs); err != nil {
		return nil, err
	}
	defaults, err := l.defaults(name, given.config)
	if err != nil {
		return nil, fmt.Errorf("ssh_host %q: %w", name, err)
	}
	o := sshArguments{SSHOptions: defaults}
	if err := o.unpack(&name, args, kwargs); err != nil {
		return nil, err
	}
	if err := o.settle(name, l.folder); err != nil {
		return nil, fmt.Errorf("ssh_host %q: %w", name, err)
	}
	h, err := l.options.NewHost(name, o.SSHOptions)
	if err != nil {
		return nil, fmt.Errorf("ssh_host %q: %w", name, err)
	}
	l.hosts[name] = o.SSHOptions
	return hostValue{h: h}, nil
}

// defaults are those of outbound, and over them, with config, what ssh_config
// says of the name.
func (l *loader) defaults(name string, config bool) (host.SSHOptions, error) {
	o := l.options.Outbound
	o.Address, o.Jump = "", l.jump
	if config && l.options.SSHConfig != nil {
		if err := l.options.SSHConfig.Apply(name, &o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// jump tells what is known of a hop: a host of the tree, else a name as any
// other. It is called when the tree is loaded.
func (l *loader) jump(name string) (host.SSHOptions, error) {
	if o, ok := l.hosts[name]; ok {
		return o, nil
	}
	o, err := l.defaults(name, true)
	if o.Address == "" {
		o.Address = name
	}
	return o, err
}

// sshArguments are those of ssh_host, over the defaults.
type sshArguments struct {
	host.SSHOptions
	port     starlark.Value
	identity string
	connect  duration
	alive    duration
	config   bool
	labels   *starlark.Dict
}

func (o *sshArguments) unpack(name *string, args starlark.Tuple, kwargs []starlark.Tuple) error {
	o.connect, o.alive = duration(o.ConnectTimeout), duration(o.Keepalive)
	return arguments("ssh_host", args, kwargs,
		"name", name, "address??", &o.Address, "port??", &o.port, "user??", &o.User,
		"identity_file??", &o.identity, "agent??", &o.Agent,
		"password??", passwordArgument{"password", &o.Password}, "sudo_password??", passwordArgument{"sudo_password", &o.SudoPassword},
		"host_key??", &o.HostKey, "proxy_jump??", &o.ProxyJump,
		"connect_timeout??", &o.connect, "keepalive??", &o.alive,
		"ssh_config??", &o.config, "labels??", &o.labels)
}

// settle checks the arguments and fills in what follows from others.
func (o *sshArguments) settle(name, folder string) error {
	if !hostName.MatchString(name) {
		return withHint("letters, digits, '.', '_' and '-', beginning with a letter or digit", "that is no name for a host")
	}
	if o.Address == "" {
		o.Address = name
	}
	if strings.ContainsAny(o.Address, " \t\r\n\x00/@") || strings.HasPrefix(o.Address, "-") {
		return withHint(`a name or an IP address; port and user are arguments of their own`, "%q is no address", o.Address)
	}
	if strings.ContainsAny(o.User, " \t\r\n\x00") || strings.HasPrefix(o.User, "-") {
		return fmt.Errorf("%q is no user", o.User)
	}
	o.ConnectTimeout, o.Keepalive = time.Duration(o.connect), time.Duration(o.alive)
	return errors.Join(o.settlePort(), o.settleIdentity(folder), o.settleLabels(), host.CheckProxyJump(o.ProxyJump))
}

func (o *sshArguments) settlePort() error {
	if o.port == nil {
		return nil
	}
	if err := starlark.AsInt(o.port, &o.Port); err != nil || o.Port < 1 || o.Port > 65535 {
		return fmt.Errorf("port is a number from 1 to 65535, not %v", o.port)
	}
	return nil
}

// settleIdentity makes a relative identity_file relative to the tree's folder.
func (o *sshArguments) settleIdentity(folder string) error {
	switch {
	case o.identity == "":
		return nil
	case strings.HasPrefix(o.identity, "~"):
		return withHint("write the whole path, or one relative to the tree's folder", "identity_file: ~ is not expanded")
	case !filepath.IsAbs(o.identity):
		o.identity = filepath.Join(folder, o.identity)
	}
	o.IdentityFiles = []string{o.identity}
	return nil
}

func (o *sshArguments) settleLabels() error {
	o.Labels = map[string]string{}
	if o.labels == nil {
		return nil
	}
	for _, item := range o.labels.Items() {
		k, ok := starlark.AsString(item[0])
		v, ok2 := starlark.AsString(item[1])
		if !ok || !ok2 {
			return withHint(`such as {"rack": "b4"}`, "labels are texts by text, not %v: %v", item[0], item[1])
		}
		o.Labels[k] = v
	}
	return nil
}

// localHost is local_host(name = "localhost").
func localHost(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	l, err := loading(thread, b.Name())
	if err != nil {
		return nil, err
	}
	name := "localhost"
	if err := arguments(b.Name(), args, kwargs, "name?", &name); err != nil {
		return nil, err
	}
	h, err := l.newLocal(name)
	if err != nil {
		return nil, fmt.Errorf("local_host %q: %w", name, err)
	}
	return hostValue{h: h}, nil
}

// duration is an argument such as "10s".
type duration time.Duration

// Unpack implements starlark.Unpacker.
func (d *duration) Unpack(v starlark.Value) error {
	text, ok := starlark.AsString(v)
	if !ok {
		return withHint(`such as "10s", "5m" or "90d"`, "got %s, want a duration", v.Type())
	}
	n, ok := parseDuration(text)
	if !ok {
		return withHint(`such as "10s", "5m" or "90d"`, "%q is no duration", text)
	}
	*d = duration(n)
	return nil
}

// durations are written as in the configuration: 10s, 1h30m, 90d.
var (
	durations    = regexp.MustCompile(`^(?:[0-9]{1,9}(?:ms|s|m|h|d))+$`)
	durationPart = regexp.MustCompile(`[0-9]+|[a-z]+`)
	units        = map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
)

// parseDuration refuses what is too long for a time.Duration too.
func parseDuration(text string) (time.Duration, bool) {
	if !durations.MatchString(text) {
		return 0, false
	}
	var sum time.Duration
	parts := durationPart.FindAllString(text, -1)
	for i := 0; i < len(parts); i += 2 {
		count, err := strconv.ParseInt(parts[i], 10, 64)
		unit := units[parts[i+1]]
		if err != nil || count > (math.MaxInt64-int64(sum))/int64(unit) {
			return 0, false
		}
		sum += time.Duration(count) * unit
	}
	return sum, true
}
