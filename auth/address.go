package auth

import (
	"net/netip"
	"path"
	"strings"
)

// plain returns an address as rules and penalties see it: an IPv4 address is
// one however it came, and a zone says nothing about who somebody is.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// parseNetwork reads an address or a network in CIDR form.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, advise("10.0.0.5, 10.0.0.0/8 or 2001:db8::/32; names are not looked up",
			"%q is neither an address nor a network", text)
	}
	p = plainPrefix(p)
	if p != p.Masked() {
		return netip.Prefix{}, advise("the network is "+p.Masked().String(),
			"%q has bits set behind the network's own", text)
	}
	return p, nil
}

// plainPrefix makes an IPv4-mapped network the IPv4 network it is.
func plainPrefix(p netip.Prefix) netip.Prefix {
	const mapped = 96 // RFC 4291, section 2.5.5.2: bits before the IPv4 address
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// addressList is the value of from= in an authorized_keys line: addresses,
// networks, wildcards over addresses, each negated by a leading !.
type addressList struct {
	yes, no         []netip.Prefix
	yesWild, noWild []string
}

func parseAddressList(text string) (*addressList, error) {
	l := &addressList{}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		pattern, negated := strings.CutPrefix(item, "!")
		networks, wild := &l.yes, &l.yesWild
		if negated {
			networks, wild = &l.no, &l.noWild
		}
		if isWildAddress(pattern) {
			*wild = append(*wild, strings.ToLower(pattern))
			continue
		}
		network, err := parseNetwork(pattern)
		if err != nil {
			return nil, err
		}
		*networks = append(*networks, network)
	}
	if len(l.yes)+len(l.yesWild) == 0 {
		return nil, advise(`begin with "*" to mean all others`, "%q admits nobody", text)
	}
	return l, nil
}

// isWildAddress says whether a pattern has wildcards and can only mean
// addresses.
func isWildAddress(pattern string) bool {
	return strings.ContainsAny(pattern, "*?") &&
		strings.Trim(strings.ToLower(pattern), "0123456789abcdef.:*?") == ""
}

// match says whether an address is in the list; a negated match beats all. An
// address that is not known is in no list.
func (l *addressList) match(a netip.Addr) bool {
	if !a.IsValid() || contains(l.no, a) || matchWild(l.noWild, a) {
		return false
	}
	return contains(l.yes, a) || matchWild(l.yesWild, a)
}

func matchWild(patterns []string, a netip.Addr) bool {
	text := a.String()
	for _, p := range patterns {
		// The only special characters in p are * and ?, so the pattern is good.
		if ok, err := path.Match(p, text); ok && err == nil {
			return true
		}
	}
	return false
}
