package host

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
)

// parseAddresses finds the addresses in what ip -o addr, ifconfig in all its
// kinds, or the kernel's own tables (fib_trie and if_inet6, see proc(5)) say.
func parseAddresses(text string) []string {
	var found []netip.Addr
	leaf := "" // the last address of the trie
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "|--":
			leaf = words[1]
		case len(words) == 3 && words[0] == "/32" && words[2] == "LOCAL":
			found = addAddress(found, leaf)
		case len(words) == 6 && len(words[0]) == 32:
			if raw, err := hex.DecodeString(words[0]); err == nil {
				found = addAddress(found, netip.AddrFrom16([16]byte(raw)).String())
			}
		default:
			found = addInet(found, words)
		}
	}
	list := make([]string, len(found))
	for i, a := range found {
		list[i] = a.String()
	}
	return list
}

// addInet takes the word after inet or inet6, which may stand as addr:X or
// behind addr:.
func addInet(found []netip.Addr, words []string) []netip.Addr {
	for i := 0; i+1 < len(words); i++ {
		if words[i] != "inet" && words[i] != "inet6" {
			continue
		}
		text := strings.TrimPrefix(words[i+1], "addr:")
		if text == "" && i+2 < len(words) {
			text = words[i+2]
		}
		found = addAddress(found, text)
	}
	return found
}

// addAddress adds an address that others can reach, once.
func addAddress(found []netip.Addr, text string) []netip.Addr {
	text, _, _ = strings.Cut(text, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() {
		return found
	}
	if a = a.WithZone(""); slices.Contains(found, a) {
		return found
	}
	return append(found, a)
}
