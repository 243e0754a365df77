package config

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// scalar returns the text of a value, which must be text.
func (r *reader) scalar(field string, n ast.Node, example string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	r.mismatch(field, n, "text", example)
	return "", false
}

// text takes any text of one line.
func (r *reader) text(to *string, example string) setter {
	return func(field string, n ast.Node) {
		s, ok := r.scalar(field, n, example)
		if !ok {
			return
		}
		if strings.ContainsFunc(s, unicode.IsControl) {
			r.wrong(field, "", "`%s` has control characters", field)
			return
		}
		*to = s
	}
}

// texts takes a list of texts. Every item keeps its index, good or not, so that
// others can name it; an empty list stays one and is not nil.
func (r *reader) texts(to *[]string, example string) setter {
	return func(field string, n ast.Node) {
		r.each(field, n, "["+example+"]", func(count int) { *to = make([]string, count) },
			func(i int, field string, n ast.Node) { r.text(&(*to)[i], example)(field, n) })
	}
}

// maxBanner bounds the banner, in bytes.
const maxBanner = 4096

func (r *reader) banner(to *string) setter {
	return func(field string, n ast.Node) {
		s, ok := r.scalar(field, n, `"Authorised use only."`)
		switch {
		case !ok:
		case len(s) > maxBanner:
			r.wrong(field, "", "`%s` is longer than %d bytes", field, maxBanner)
		case strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }):
			r.wrong(field, "", "`%s` has control characters", field)
		default:
			*to = s
		}
	}
}

func (r *reader) flag(to *bool) setter {
	return func(field string, n ast.Node) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.mismatch(field, n, "true or false", "true")
			return
		}
		*to = b.Value
	}
}

// oneOf takes one of some words.
func (r *reader) oneOf(to *string, words ...string) setter {
	return func(field string, n ast.Node) {
		s, ok := r.scalar(field, n, words[0])
		if !ok {
			return
		}
		if !slices.Contains(words, s) {
			r.wrong(field, "one of "+strings.Join(words, ", "), "`%s` cannot be %q", field, s)
			return
		}
		*to = s
	}
}

// number takes a whole number between two bounds, both included.
func number[T int | uint64](r *reader, to *T, low, high T) setter {
	return func(field string, n ast.Node) {
		i, ok := n.(*ast.IntegerNode)
		if !ok {
			r.mismatch(field, n, "a whole number", fmt.Sprint(*to))
			return
		}
		var v uint64
		switch value := i.Value.(type) {
		case uint64:
			v = value
		case int64:
			v = uint64(max(value, 0))
			ok = value >= 0
		default:
			ok = false
		}
		if !ok || v < uint64(low) || v > uint64(high) {
			r.wrong(field, fmt.Sprintf("%d to %d", low, high), "`%s` cannot be %s", field, i.GetToken().Value)
			return
		}
		*to = T(v)
	}
}

// maxDuration bounds every duration of a file.
const maxDuration = 10 * 365 * 24 * time.Hour

// duration takes a time such as 10s, 5m or 90d, of at least low.
func (r *reader) duration(to *time.Duration, low time.Duration) setter {
	return func(field string, n ast.Node) {
		if i, ok := n.(*ast.IntegerNode); ok {
			v := i.GetToken().Value
			r.wrong(field, fmt.Sprintf("say of what: %ss, %sm, %sh or %sd", v, v, v, v), "`%s` has no unit", field)
			return
		}
		s, ok := r.scalar(field, n, "10s, 5m or 90d")
		if !ok {
			return
		}
		d, ok := parseDuration(s)
		switch {
		case !ok:
			r.wrong(field, "such as 10s, 5m or 90d", "`%s` cannot be %q: it is no duration", field, s)
		case d < low || d > maxDuration:
			r.wrong(field, fmt.Sprintf("%s to %dd", low, maxDuration/(24*time.Hour)), "`%s` cannot be %s", field, s)
		default:
			*to = d
		}
	}
}

var (
	durations    = regexp.MustCompile(`^(?:\d{1,9}(?:ms|s|m|h|d))+$`)
	durationPart = regexp.MustCompile(`(\d+)(ms|s|m|h|d)`)
	units        = map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
)

func parseDuration(text string) (time.Duration, bool) {
	if !durations.MatchString(text) {
		return 0, false
	}
	var sum time.Duration
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		count, err := strconv.ParseInt(part[1], 10, 64)
		unit := units[part[2]]
		if err != nil || count > (math.MaxInt64-int64(sum))/int64(unit) {
			return 0, false
		}
		sum += time.Duration(count) * unit
	}
	return sum, true
}

// listen takes addresses to listen on.
func (r *reader) listen(to *[]string) setter {
	return func(field string, n ast.Node) {
		seen := make(map[string]bool)
		r.each(field, n, `[":2222"]`, func(int) { *to = []string{} }, func(_ int, field string, n ast.Node) {
			s, ok := r.scalar(field, n, `":2222" or "[::1]:2222"`)
			switch {
			case !ok:
			case !isListenAddress(s):
				r.wrong(field, `such as ":2222", "127.0.0.1:2222" or "[::1]:2222"`, "`%s` cannot be %q: it is no address and port", field, s)
			case seen[s]:
				r.wrong(field, "keep one", "%q is there twice", s)
			default:
				seen[s] = true
				*to = append(*to, s)
			}
		})
	}
}

// isListenAddress says whether a text is [host]:port with an address or nothing
// for the host. Port 0 is any free one.
func isListenAddress(text string) bool {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.IsValid()
	}
	port, ok := strings.CutPrefix(text, ":")
	if !ok {
		port, ok = strings.CutPrefix(text, "localhost:")
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return ok && err == nil
}

// networks takes networks and addresses.
func (r *reader) networks(to *[]netip.Prefix) setter {
	return func(field string, n ast.Node) {
		r.each(field, n, `["10.0.0.0/8"]`, func(int) { *to = []netip.Prefix{} }, func(_ int, field string, n ast.Node) {
			s, ok := r.scalar(field, n, `"10.0.0.0/8"`)
			if !ok {
				return
			}
			p, err := parseNetwork(s)
			switch {
			case err != nil:
				r.wrong(field, `such as "10.0.0.5", "10.0.0.0/8" or "2001:db8::/32"`, "`%s` cannot be %q: it is no network", field, s)
			case p != p.Masked():
				r.wrong(field, "the network is "+p.Masked().String(), "`%s` has bits set behind the network's own", field)
			default:
				*to = append(*to, p)
			}
		})
	}
}

// parseNetwork reads a network or an address. An IPv4 network in IPv6's clothes
// is the IPv4 network: that is how clients are seen, and it would match nobody.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	const mapped = 96 // RFC 4291 section 2.5.5.2: bits before the IPv4 address
	if err == nil && p.Addr().Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p, err
}

var startups = regexp.MustCompile(`^(\d{1,6}):(\d{1,3}):(\d{1,6})$`)

// startups takes begin:rate:full, as sshd_config(5)'s MaxStartups.
func (r *reader) startups(to *Limits) setter {
	return func(field string, n ast.Node) {
		const example = `"10:30:100"`
		s, ok := r.scalar(field, n, example)
		if !ok {
			return
		}
		var v [3]int
		parts := startups.FindStringSubmatch(s)
		for i := range v {
			if parts != nil {
				v[i], _ = strconv.Atoi(parts[i+1]) // at most six digits
			}
		}
		switch begin, rate, full := v[0], v[1], v[2]; {
		case begin < 1 || rate < 1 || rate > 100 || full < begin:
			r.wrong(field, "such as "+example+": from 10 on, 30 in 100 are dropped, from 100 on all",
				"`%s` cannot be %q", field, s)
		default:
			to.StartupsBegin, to.StartupsRate, to.StartupsFull = begin, rate, full
		}
	}
}
