package auth

import (
	"fmt"
	"strings"
	"time"
)

// idleOptions take away what no version gives (agent and X11 forwarding are
// refused, there is no rc file), so that heeding them is doing nothing.
// restrict, no-pty and no-port-forwarding are not among them: they take away
// what a later version gives, so they are refused until it heeds them.
var idleOptions = map[string]bool{
	"no-agent-forwarding": true,
	"no-x11-forwarding":   true,
	"no-user-rc":          true,
}

// laterOptions are sshd's others, refused by name.
var laterOptions = map[string]bool{
	"restrict": true, "no-pty": true, "no-port-forwarding": true, "command": true, "environment": true,
	"cert-authority": true, "principals": true, "permitopen": true, "permitlisten": true, "tunnel": true,
	"verify-required": true, "no-touch-required": true, "pty": true, "port-forwarding": true,
	"agent-forwarding": true, "x11-forwarding": true, "user-rc": true,
}

// options heeds a line's options; one that cannot be heeded refuses the key.
func (l *keyLine) options(text string) error {
	for text != "" {
		end := scanQuoted(text, ",")
		if err := l.option(text[:end]); err != nil {
			return err
		}
		if end == len(text) {
			return nil
		}
		if text = text[end+1:]; text == "" {
			return fmt.Errorf("the options end with a comma")
		}
	}
	return nil
}

func (l *keyLine) option(text string) error {
	name, value, valued := strings.Cut(text, "=")
	name = strings.ToLower(name) // sshd(8): option keywords are case-insensitive
	switch {
	case name == "from" || name == "expiry-time":
		value, err := unquote(name, value)
		if err != nil {
			return err
		}
		if name == "from" {
			return l.setFrom(value)
		}
		return l.setExpiry(value)
	case idleOptions[name] && !valued:
		return nil
	case laterOptions[name]:
		return fmt.Errorf("the key is refused: %w", notYet("the option "+name))
	}
	return advise("from= and expiry-time= are honoured", "the key is refused: unknown option %.40q", name)
}

// unquote returns what stands between the quotes of a value.
func unquote(name, value string) (string, error) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", advise(fmt.Sprintf("%s=\"...\"", name), "the value of %s= is not in quotes", name)
	}
	value = value[1 : len(value)-1]
	if strings.ContainsAny(value, `"\`) {
		return "", fmt.Errorf("the value of %s= has quotes in it", name)
	}
	return value, nil
}

func (l *keyLine) setFrom(value string) error {
	if l.from != nil {
		return fmt.Errorf("from= is there twice")
	}
	list, err := parseAddressList(value)
	if err != nil {
		return fmt.Errorf("from=: %w", err)
	}
	l.from = list
	return nil
}

// setExpiry reads YYYYMMDD[HHMM[SS]][Z], local time without Z. The earliest of
// several counts, as with sshd.
func (l *keyLine) setExpiry(value string) error {
	digits, zone := value, time.Local
	if cut, ok := strings.CutSuffix(strings.ToUpper(value), "Z"); ok {
		digits, zone = cut, time.UTC
	}
	layout := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	at, err := time.ParseInLocation(layout, digits, zone)
	if layout == "" || err != nil {
		return advise(`YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with a Z at the end for UTC`,
			"expiry-time=%q is no time", value)
	}
	if l.expires.IsZero() || at.Before(l.expires) {
		l.expires = at
	}
	return nil
}
