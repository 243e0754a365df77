package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/deployerd/deployerd/host"
	"github.com/deployerd/deployerd/host/hosttest"
)

// Two real bastions with other users' keys, one behind the other: the command
// runs at the end of the way, and 20 of them share one connection to each hop.
func TestJumpsThroughTwoBastionsArePooled(t *testing.T) {
	t.Parallel()
	outer, inner := hosttest.StartSSHD(t, hosttest.SSHDOptions{}), hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	end := startTarget(t, hosttest.TargetOptions{Name: "end", MaxSessions: 30})
	p := newPool(t, host.PoolOptions{ChannelsPerConnection: 30, Dials: 1})
	o := end.options
	o.ProxyJump = fmt.Sprintf("outer,%s@inner:%d", inner.User(), inner.Port())
	o.Jump = func(name string) (host.SSHOptions, error) {
		if name == "outer" {
			return sshdOptions(t, outer), nil
		}
		hop := sshdOptions(t, inner)
		hop.Port, hop.User = 1, "nobody"
		return hop, nil
	}
	h := sshHost(t, p, "end", o)
	together(20, func(int) {
		if got := output(t, h, "echo $HOSTNAME"); got != "end\n" {
			t.Errorf("got %q", got)
		}
	})
	all := []held{hold(t, h), hold(t, h)}
	if s := p.Stats(); s.Connections != 3 || s.Channels != 4 {
		t.Errorf("%d connections with %d channels, want 3 with 2 commands and 2 ways", s.Connections, s.Channels)
	}
	finish(t, all...)
}

func TestJumpHostIsSharedWithItsOwnUse(t *testing.T) {
	t.Parallel()
	bastion := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	hop := sshdOptions(t, bastion)
	end := startTarget(t, hosttest.TargetOptions{Name: "end"})
	p := newPool(t, host.PoolOptions{})
	o := end.options
	o.ProxyJump, o.Jump = "bastion", func(string) (host.SSHOptions, error) { return hop, nil }
	h, b := sshHost(t, p, "end", o), sshHost(t, p, "bastion", hop)
	one, two := hold(t, h), hold(t, b)
	if s := p.State(b); s.Connections != 1 || s.Channels != 2 {
		t.Errorf("the bastion has %d connections and %d channels, want 1 and 2", s.Connections, s.Channels)
	}
	finish(t, one, two)
}

// Another way is another connection, though the address is the same.
func TestJumpIsPartOfTheKey(t *testing.T) {
	t.Parallel()
	bastion := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	end := startTarget(t, hosttest.TargetOptions{})
	p := newPool(t, host.PoolOptions{})
	o := end.options
	direct := sshHost(t, p, "direct", o)
	o.ProxyJump, o.Jump = "bastion", func(string) (host.SSHOptions, error) { return sshdOptions(t, bastion), nil }
	around := sshHost(t, p, "around", o)
	one, two := hold(t, direct), hold(t, around)
	if s := p.State(direct); s.Connections != 1 || s.Channels != 1 {
		t.Errorf("direct has %d connections and %d channels, want 1 and 1", s.Connections, s.Channels)
	}
	finish(t, one, two)
}

func TestJumpErrorsNameTheHop(t *testing.T) {
	t.Parallel()
	bastion := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	refusing := hosttest.StartSSHD(t, hosttest.SSHDOptions{Config: []string{"AllowTcpForwarding no"}})
	end := startTarget(t, hosttest.TargetOptions{})
	good := sshdOptions(t, bastion)
	stranger, changed := good, good
	stranger.KnownHosts = []string{writeFile(t, "empty", "")}
	changed.KnownHosts, changed.HostKey = nil, end.HostKeyLine()
	closed := good
	closed.Port = closedPort(t)
	wrong := good
	wrong.IdentityFiles = []string{hosttest.WriteKey(t, t.TempDir(), "other")}
	for name, c := range map[string]struct {
		hop  host.SSHOptions
		port int
		want string
	}{
		"closed":    {hop: closed, want: "by way of dial bastion (127.0.0.1:"},
		"login":     {hop: wrong, want: "by way of login bastion (127.0.0.1:"},
		"unknown":   {hop: stranger, want: "by way of host key bastion (127.0.0.1:"},
		"changed":   {hop: changed, want: "by way of host key bastion (127.0.0.1:"},
		"forwards":  {hop: sshdOptions(t, refusing), want: "it forwards no connections to 127.0.0.1:"},
		"nobody":    {hop: good, port: closedPort(t), want: "by way of channel bastion (127.0.0.1:"},
		"forbidden": {hop: host.SSHOptions{ProxyJump: "bastion"}, want: "more than 8 hops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, host.PoolOptions{})
			o := end.options
			if c.port != 0 {
				o.Port = c.port
			}
			o.ProxyJump = "bastion"
			o.Jump = func(string) (host.SSHOptions, error) {
				c.hop.Jump = o.Jump
				return c.hop, nil
			}
			err := startError(t, t.Context(), sshHost(t, p, "end", o))
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q in it", err, c.want)
			}
			var key *host.KeyError
			if errors.As(err, &key) && key.Host != "bastion" {
				t.Errorf("the key is said to be of %s", key.Host)
			}
		})
	}
}

// A host key of the target that is wrong is refused behind a bastion too.
func TestHostKeyIsCheckedBehindTheBastion(t *testing.T) {
	t.Parallel()
	bastion := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	end := startTarget(t, hosttest.TargetOptions{})
	o := end.options
	o.HostKey = bastion.HostKeyLine()
	o.ProxyJump, o.Jump = "bastion", func(string) (host.SSHOptions, error) { return sshdOptions(t, bastion), nil }
	err := startError(t, t.Context(), sshHost(t, newPool(t, host.PoolOptions{}), "end", o))
	var key *host.KeyError
	if err.Stage != host.StageHostKey || !errors.As(err, &key) || !key.Changed || key.Host != "end" {
		t.Errorf("got %v", err)
	}
}

// A bastion that comes back is dialled again for the next use.
func TestBastionIsDialledAgain(t *testing.T) {
	t.Parallel()
	first := hosttest.StartSSHD(t, hosttest.SSHDOptions{})
	hop := sshdOptions(t, first)
	end := startTarget(t, hosttest.TargetOptions{Name: "end"})
	p := newPool(t, host.PoolOptions{})
	o := end.options
	o.ProxyJump, o.Jump = "bastion", func(string) (host.SSHOptions, error) { return hop, nil }
	h := sshHost(t, p, "end", o)
	running := hold(t, h)
	first.Kill()
	if _, err := running.Wait(); err == nil {
		t.Error("the command that ran is not lost")
	}
	running.letGo()
	hosttest.StartSSHD(t, hosttest.SSHDOptions{Port: first.Port(), HostKeyPEM: first.HostKeyPEM(), ClientKey: first.ClientKey()})
	if got := output(t, h, "echo $HOSTNAME"); got != "end\n" {
		t.Errorf("got %q", got)
	}
}

func TestProxyJumpIsRead(t *testing.T) {
	t.Parallel()
	p := newPool(t, host.PoolOptions{})
	for text, good := range map[string]bool{
		"bastion": true, "none": true, "a,b@c:22,ssh://d:1": true, "[::1]:22": true, "u@::1": true, "u@x@h": true,
		"@h": false, "h:0": false, "h:x": false, "a,,b": false, "-oProxyCommand=x": false, "a b": false, "[::1": false,
		"a,a,a,a,a,a,a,a,a": false,
	} {
		if _, err := p.SSH("h", host.SSHOptions{ProxyJump: text}); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// output runs a command and returns its stdout; it must succeed.
func output(t testing.TB, h host.Host, command string) string {
	t.Helper()
	r := runOn(t, h, host.Context{}, command, host.RunOptions{})
	if r.Err != nil {
		t.Errorf("%s: %v", command, r.Err)
	}
	return string(r.Stdout)
}

// runOn runs a command on a group of one.
func runOn(t testing.TB, h host.Host, c host.Context, command string, o host.RunOptions) host.Result {
	t.Helper()
	g := host.NewGroup(host.GroupOptions{Roles: []host.Role{{Name: "host", Hosts: []host.Host{h}}}, Context: c})
	o.NoCheck = true
	results, err := g.Run(t.Context(), command, o)
	if err != nil || len(results) != 1 {
		t.Fatalf("%s: %v", command, err)
	}
	return results[0]
}
