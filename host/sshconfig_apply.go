package host

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// refusedKeywords change where a connection goes or who it is, and are not in
// this version unless their value is one of these. What else is not understood
// changes neither: host keys are always checked, whatever the file says.
var refusedKeywords = map[string]string{
	"proxycommand": "none", "knownhostscommand": "none", "pkcs11provider": "none",
	"canonicalizehostname": "no", "hostbasedauthentication": "no", "bindaddress": "", "bindinterface": "",
}

// Apply puts what the file says of the host name over o: HostName, User, Port,
// IdentityFile, IdentityAgent, CertificateFile, ProxyJump, ConnectTimeout,
// HostKeyAlias and UserKnownHostsFile. Paths begin in the daemon's own home
// folder where they say ~.
func (c *SSHConfig) Apply(name string, o *SSHOptions) error {
	v := &configValues{name: name, values: make(map[string][]directive)}
	v.collect(c.directives)
	for keyword, off := range refusedKeywords {
		if got := v.first(keyword); got != "" && !strings.EqualFold(got, off) {
			return v.wrong(keyword, fmt.Errorf("%s is not in this version", keyword))
		}
	}
	if err := v.address(o); err != nil {
		return err
	}
	if err := v.connectTimeout(o); err != nil {
		return err
	}
	if jump := v.first("proxyjump"); jump != "" {
		if _, err := parseJumps(jump); err != nil {
			return v.wrong("proxyjump", err)
		}
		o.ProxyJump = jump
	}
	if alias := v.first("hostkeyalias"); alias != "" {
		o.HostKeyAlias = alias
	}
	return v.credentials(o)
}

func (v *configValues) address(o *SSHOptions) error {
	if hostname := v.first("hostname"); hostname != "" {
		expanded, err := expandTokens(hostname, map[byte]string{'h': v.name})
		if err != nil {
			return v.wrong("hostname", err)
		}
		o.Address = expanded
	}
	if login := v.first("user"); login != "" {
		o.User = login
	}
	if port := v.first("port"); port != "" {
		n, err := jumpPort(port)
		if err != nil {
			return v.wrong("port", err)
		}
		o.Port = n
	}
	return nil
}

// connectTimeout is a number of seconds, or as in sshd_config(5), TIME FORMATS.
func (v *configValues) connectTimeout(o *SSHOptions) error {
	text := strings.ToLower(v.first("connecttimeout"))
	if text == "" || text == "none" {
		return nil
	}
	if _, err := strconv.Atoi(text); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return v.wrong("connecttimeout", fmt.Errorf("%q is no time such as 10 or 1m30s", v.first("connecttimeout")))
	}
	o.ConnectTimeout = d
	return nil
}

// credentials takes the keys of both sides.
func (v *configValues) credentials(o *SSHOptions) error {
	for keyword, to := range map[string]*[]string{
		"identityfile": &o.IdentityFiles, "certificatefile": &o.CertificateFiles, "userknownhostsfile": &o.KnownHosts,
	} {
		if len(v.values[keyword]) == 0 {
			continue
		}
		args := v.all(keyword)
		if keyword == "userknownhostsfile" && len(args) > 0 {
			args = v.values[keyword][0].args // it may have several, and the first line counts
		}
		paths := make([]string, len(args))
		for i, arg := range args {
			path, err := v.path(arg, o)
			if err != nil {
				return v.wrong(keyword, err)
			}
			paths[i] = path
		}
		*to = paths
	}
	return v.agent(o)
}

func (v *configValues) agent(o *SSHOptions) error {
	switch socket := v.first("identityagent"); socket {
	case "":
	case "none":
		o.Agent = false
	case "SSH_AUTH_SOCK", "$SSH_AUTH_SOCK":
		o.Agent, o.AgentSocket = true, ""
	default:
		path, err := v.path(socket, o)
		if err != nil {
			return v.wrong("identityagent", err)
		}
		o.Agent, o.AgentSocket = true, path
	}
	return nil
}

// path expands ~ and the tokens of ssh_config(5) that are known here.
func (v *configValues) path(text string, o *SSHOptions) (string, error) {
	text, err := homePath(text)
	if err != nil {
		return "", err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	address, port := o.Address, max(o.Port, 1)
	if address == "" {
		address = v.name
	}
	if o.Port == 0 {
		port = 22
	}
	me, err := user.Current()
	if err != nil {
		return "", err
	}
	login := o.User
	if login == "" {
		login = me.Username
	}
	path, err := expandTokens(text, map[byte]string{
		'h': address, 'n': v.name, 'p': strconv.Itoa(port), 'r': login, 'd': home, 'u': me.Username,
	})
	if err == nil && !filepath.IsAbs(path) {
		err = fmt.Errorf("%q is not absolute: the daemon has no folder of its own", text)
	}
	return path, err
}

// homePath expands a ~/ at the start.
func homePath(text string) (string, error) {
	if !strings.HasPrefix(text, "~") {
		return text, nil
	}
	rest, ok := strings.CutPrefix(text, "~/")
	if !ok {
		return "", fmt.Errorf("%q: only ~/ is expanded", text)
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}

// expandTokens replaces %x; %% is a %. Any other is an error.
func expandTokens(text string, values map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			return "", errors.New("a % stands at the end")
		}
		value, ok := values[text[i]]
		switch {
		case text[i] == '%':
			b.WriteByte('%')
		case !ok:
			return "", fmt.Errorf("%%%c is not in this version", text[i])
		default:
			b.WriteString(value)
		}
	}
	return b.String(), nil
}
