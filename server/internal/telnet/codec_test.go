package telnet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Bytes as they stand on the wire, to write cases with.
const (
	iac  = "\xff"
	will = iac + "\xfb"
	wont = iac + "\xfc"
	do   = iac + "\xfd"
	dont = iac + "\xfe"
	sb   = iac + "\xfa"
	se   = iac + "\xf0"

	binaryOpt  = "\x00"
	echoOpt    = "\x01"
	sgaOpt     = "\x03"
	markOpt    = "\x06"
	ttypeOpt   = "\x18"
	nawsOpt    = "\x1f"
	charsetOpt = "\x2a"

	sendType   = sb + ttypeOpt + "\x01" + se
	askUTF8    = sb + charsetOpt + "\x01;UTF-8" + se
	acceptUTF8 = sb + charsetOpt + "\x02UTF-8" + se
)

// came is everything a codec made of what it was fed.
type came struct {
	Data, Replies string
	AYT           bool
	Terminal      Terminal
	Negotiated    bool
	Echoing, Raw  bool
}

// fed feeds pieces to a codec that has sent its greeting.
func fed(pieces ...string) came {
	c := newCodec()
	c.greeting()
	return feedAll(c, pieces...)
}

func feedAll(c *codec, pieces ...string) came {
	var out output
	for _, piece := range pieces {
		c.feed([]byte(piece), &out)
	}
	return came{string(out.data), string(out.replies), out.ayt, c.terminal, c.negotiated, c.echoing(), c.binary()}
}

var codecCases = []struct {
	name, in string
	want     came
}{
	{"nothing", "", came{}},
	{"nc", "ls\nexit\n", came{Data: "ls\nexit\n"}},
	{"a CR alone", "a\rb", came{Data: "a\rb"}},
	{"CR NUL", "a\r\x00b", came{Data: "a\rb"}},
	{"CR LF", "a\r\nb", came{Data: "a\rb"}},
	{"CR NUL NUL", "\r\x00\x00", came{Data: "\r\x00"}},
	{"CR CR LF LF", "\r\r\n\n", came{Data: "\r\r\n"}},
	{"a command within CR LF", "\r" + iac + "\xf1\nx", came{Data: "\rx", Negotiated: true}},
	{"CR 0xFF LF", "\r" + iac + iac + "\n", came{Data: "\r\xff\n"}},
	{"PuTTY's CR NUL under BINARY", will + binaryOpt + "\r\x00\r\n", came{Data: "\r\r", Negotiated: true}},
	{"0xFF", "a" + iac + iac + "b", came{Data: "a\xffb"}},
	{"UTF-8", "é€漢😀", came{Data: "é€漢😀"}},
	{
		"keys", iac + "\xf4" + iac + "\xf3" + iac + "\xf7" + iac + "\xf8" + iac + "\xec" + iac + "\xed" + iac + "\xee",
		came{Data: "\x03\x03\x7f\x15\x04\x1a\x1c", Negotiated: true},
	},
	{"a key in its place", "ab" + iac + "\xf4c", came{Data: "ab\x03c", Negotiated: true}},
	{"are you there", iac + "\xf6", came{AYT: true, Negotiated: true}},
	{
		"commands that mean nothing", "a" + iac + "\xf1" + iac + "\xf9" + iac + "\xf2" + iac + "\xf5" + iac + "\xef" + iac + "\xf0" + iac + "\x20b",
		came{Data: "ab", Negotiated: true},
	},
	{
		"timing marks, each in order", do + markOpt + do + "\x05" + do + markOpt,
		came{Replies: will + markOpt + wont + "\x05" + will + markOpt, Negotiated: true},
	},
	{"an unasked timing mark", will + markOpt + wont + markOpt + dont + markOpt, came{Replies: dont + markOpt, Negotiated: true}},

	{
		"our questions agreed to", do + echoOpt + do + sgaOpt + do + binaryOpt + will + nawsOpt + will + binaryOpt,
		came{Negotiated: true, Echoing: true, Raw: true},
	},
	{
		"our questions refused", dont + echoOpt + dont + sgaOpt + dont + binaryOpt + dont + charsetOpt + wont + nawsOpt + wont + ttypeOpt + wont + binaryOpt,
		came{Negotiated: true},
	},
	{"agreed and taken back", do + echoOpt + dont + echoOpt + dont + echoOpt, came{Replies: wont + echoOpt, Negotiated: true}},
	{"agreed twice", do + echoOpt + do + echoOpt + do + echoOpt, came{Negotiated: true, Echoing: true}},
	{"refused, then wanted", dont + echoOpt + do + echoOpt, came{Replies: will + echoOpt, Negotiated: true, Echoing: true}},
	{"the peer's own echo", will + echoOpt, came{Replies: dont + echoOpt, Negotiated: true}},
	{"the peer's SGA", will + sgaOpt, came{Replies: do + sgaOpt, Negotiated: true}},
	{
		"LINEMODE, NEW-ENVIRON, AUTH, ENCRYPT, STATUS", will + "\x22" + do + "\x22" + will + "\x27" + do + "\x27" + will + "\x25" + will + "\x26" + do + "\x05",
		came{Replies: dont + "\x22" + wont + "\x22" + dont + "\x27" + wont + "\x27" + dont + "\x25" + dont + "\x26" + wont + "\x05", Negotiated: true},
	},
	{"option 255", do + iac + will + iac, came{Replies: wont + iac + dont + iac, Negotiated: true}},

	{"size", will + nawsOpt + sb + nawsOpt + "\x00\x50\x00\x18" + se, came{Terminal: Terminal{Width: 80, Height: 24}, Negotiated: true}},
	{
		"the newest size", will + nawsOpt + sb + nawsOpt + "\x00\x50\x00\x18" + se + sb + nawsOpt + "\x00\xc8\x00\x32" + se,
		came{Terminal: Terminal{Width: 200, Height: 50}, Negotiated: true},
	},
	{"a width of 255", will + nawsOpt + sb + nawsOpt + "\x00" + iac + iac + "\x00\x18" + se, came{Terminal: Terminal{Width: 255, Height: 24}, Negotiated: true}},
	{
		"the largest size", will + nawsOpt + sb + nawsOpt + iac + iac + iac + iac + iac + iac + iac + iac + se,
		came{Terminal: Terminal{Width: 1000, Height: 500}, Negotiated: true},
	},
	{"an unknown height", will + nawsOpt + sb + nawsOpt + "\x00\x50\x00\x00" + se, came{Terminal: Terminal{Width: 80}, Negotiated: true}},
	{
		"an unknown size keeps the known one", will + nawsOpt + sb + nawsOpt + "\x00\x50\x00\x18" + se + sb + nawsOpt + "\x00\x00\x00\x00" + se,
		came{Terminal: Terminal{Width: 80, Height: 24}, Negotiated: true},
	},
	{"a size too short, and one too long", will + nawsOpt + sb + nawsOpt + "\x00\x50\x00" + se + sb + nawsOpt + "\x00\x50\x00\x18\x00" + se, came{Negotiated: true}},
	{"a size without its option", sb + nawsOpt + "\x00\x50\x00\x18" + se, came{Negotiated: true}},

	{
		"terminal type", will + ttypeOpt + sb + ttypeOpt + "\x00XTERM-256COLOR" + se,
		came{Replies: sendType, Terminal: Terminal{Type: "xterm-256color"}, Negotiated: true},
	},
	{
		"terminal types that go nowhere", will + ttypeOpt + sb + ttypeOpt + "\x00$(reboot)" + se + sb + ttypeOpt + "\x00" + se + sb + ttypeOpt + se +
			sb + ttypeOpt + "\x01XTERM" + se + sb + ttypeOpt + "\x00xterm\n" + se + sb + ttypeOpt + "\x00" + strings.Repeat("x", 65) + se,
		came{Replies: sendType, Negotiated: true},
	},
	{
		"the type is asked for once", will + ttypeOpt + wont + ttypeOpt + will + ttypeOpt,
		came{Replies: sendType + dont + ttypeOpt + do + ttypeOpt, Negotiated: true},
	},

	{"our CHARSET", do + charsetOpt + sb + charsetOpt + "\x02utf-8" + se, came{Replies: askUTF8, Terminal: Terminal{UTF8: true}, Negotiated: true}},
	{"our CHARSET rejected", do + charsetOpt + sb + charsetOpt + "\x03" + se, came{Replies: askUTF8, Negotiated: true}},
	{
		"the peer's CHARSET", will + charsetOpt + sb + charsetOpt + "\x01;ISO-8859-1;UTF-8" + se,
		came{Replies: do + charsetOpt + acceptUTF8, Terminal: Terminal{UTF8: true}, Negotiated: true},
	},
	{
		"CHARSET with a table on offer", will + charsetOpt + sb + charsetOpt + "\x01[TTABLE ]\x01 UTF-8 US-ASCII" + se,
		came{Replies: do + charsetOpt + acceptUTF8, Terminal: Terminal{UTF8: true}, Negotiated: true},
	},
	{
		"CHARSET without UTF-8", will + charsetOpt + sb + charsetOpt + "\x01;ISO-8859-1;UTF-16" + se + sb + charsetOpt + "\x01" + se + sb + charsetOpt + se,
		came{Replies: do + charsetOpt + strings.Repeat(sb+charsetOpt+"\x03"+se, 2), Negotiated: true},
	},
	{
		"a translation table", will + charsetOpt + sb + charsetOpt + "\x04\x01" + se,
		came{Replies: do + charsetOpt + sb + charsetOpt + "\x05" + se, Negotiated: true},
	},
	{"CHARSET unasked", sb + charsetOpt + "\x01;UTF-8" + se, came{Negotiated: true}},

	{"a sub-negotiation of 512 bytes", will + nawsOpt + sb + "\x27" + strings.Repeat("x", 511) + se + "a", came{Data: "a", Negotiated: true}},
	{
		"a sub-negotiation that is too long is dropped whole", will + ttypeOpt + sb + ttypeOpt + "\x00" + strings.Repeat("x", 9000) + iac + iac + se + "a",
		came{Data: "a", Replies: sendType, Negotiated: true},
	},
	{"an empty sub-negotiation", sb + se + "a", came{Data: "a", Negotiated: true}},
	{"a sub-negotiation without its end", will + nawsOpt + sb + nawsOpt + "\x00\x50" + will + echoOpt + "a", came{Data: "a", Replies: dont + echoOpt, Negotiated: true}},
	{
		"a sub-negotiation within another", will + nawsOpt + sb + ttypeOpt + "\x00" + sb + nawsOpt + "\x00\x50\x00\x18" + se,
		came{Terminal: Terminal{Width: 80, Height: 24}, Negotiated: true},
	},
}

func TestCodec(t *testing.T) {
	t.Parallel()
	for _, tc := range codecCases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, fed(tc.in)); diff != "" {
				t.Errorf("whole: %s", diff)
			}
			if diff := cmp.Diff(tc.want, fed(bytewise(tc.in)...)); diff != "" {
				t.Errorf("byte by byte: %s", diff)
			}
			for i := range len(tc.in) {
				if diff := cmp.Diff(tc.want, fed(tc.in[:i], tc.in[i:])); diff != "" {
					t.Errorf("split at %d: %s", i, diff)
				}
			}
		})
	}
}

func bytewise(s string) []string {
	var pieces []string
	for i := range len(s) {
		pieces = append(pieces, s[i:i+1])
	}
	return pieces
}

// What real clients answer to the greeting and to the question for the type, as
// it was captured at a terminal of 80×24.
func TestNegotiationWithKnownClients(t *testing.T) {
	t.Parallel()
	want := will + echoOpt + will + sgaOpt + will + binaryOpt + will + charsetOpt + do + nawsOpt + do + ttypeOpt + do + binaryOpt
	if got := string(newCodec().greeting()); got != want {
		t.Errorf("the greeting is %q, want %q", got, want)
	}
	size := sb + nawsOpt + "\x00\x50\x00\x18" + se
	for _, tc := range []struct {
		client, in string
		want       came
	}{
		{
			"inetutils-telnet 2.4",
			do + echoOpt + do + sgaOpt + do + binaryOpt + dont + charsetOpt + will + nawsOpt + size + will + ttypeOpt + will + binaryOpt +
				sb + ttypeOpt + "\x00XTERM-256COLOR" + se,
			came{Replies: sendType, Terminal: Terminal{Width: 80, Height: 24, Type: "xterm-256color"}, Negotiated: true, Echoing: true, Raw: true},
		},
		{
			"inetutils-telnet 2.4 on port 23, speaking first",
			do + "\x26" + will + "\x26" + do + sgaOpt + will + ttypeOpt + will + nawsOpt + will + "\x20" + will + "\x21" + will + "\x22" + will + "\x27" + do + "\x05",
			came{Replies: wont + "\x26" + dont + "\x26" + sendType + dont + "\x20" + dont + "\x21" + dont + "\x22" + dont + "\x27" + wont + "\x05", Negotiated: true},
		},
		{
			"busybox telnet 1.35",
			do + echoOpt + do + sgaOpt + dont + binaryOpt + dont + charsetOpt + will + nawsOpt + size + will + ttypeOpt + wont + binaryOpt +
				sb + ttypeOpt + "\x00xterm-256color" + se,
			came{Replies: sendType, Terminal: Terminal{Width: 80, Height: 24, Type: "xterm-256color"}, Negotiated: true, Echoing: true},
		},
		{
			"plink 0.78",
			will + nawsOpt + will + "\x20" + will + ttypeOpt + will + "\x27" + do + echoOpt + will + sgaOpt + do + sgaOpt + do + binaryOpt +
				dont + charsetOpt + size + will + binaryOpt + sb + ttypeOpt + "\x00XTERM" + se,
			came{
				Replies:  dont + "\x20" + sendType + dont + "\x27" + do + sgaOpt,
				Terminal: Terminal{Width: 80, Height: 24, Type: "xterm"}, Negotiated: true, Echoing: true, Raw: true,
			},
		},
	} {
		if diff := cmp.Diff(tc.want, fed(tc.in)); diff != "" {
			t.Errorf("%s: %s", tc.client, diff)
		}
	}
}

// Two sides that both want everything must come to rest (RFC 1143).
func TestTwoOfUsComeToRest(t *testing.T) {
	t.Parallel()
	a, b := newCodec(), newCodec()
	toB, toA := a.greeting(), b.greeting()
	for round := 0; len(toA)+len(toB) > 0; round++ {
		if round > 5 {
			t.Fatalf("still talking: %q and %q", toA, toB)
		}
		var fromA, fromB output
		a.feed(toA, &fromA)
		b.feed(toB, &fromB)
		toB, toA = fromA.replies, fromB.replies
	}
}

func TestAPeerThatGoesOnSwitchingIsRefused(t *testing.T) {
	t.Parallel()
	for _, on := range []string{do + echoOpt, will + nawsOpt} {
		off := string([]byte{on[0], on[1] + 1, on[2]})
		got := fed(strings.Repeat(on+off, 100) + on)
		if got.Echoing || !strings.HasSuffix(got.Replies, off[:1]+string(refusal(on[1]))+on[2:]) {
			t.Errorf("after a hundred turns of %q: %+v", on, got)
		}
		if len(got.Replies) > 3*201 {
			t.Errorf("%d bytes of answers to 201 requests", len(got.Replies))
		}
	}
}

// refusal is the answer that refuses a DO or a WILL.
func refusal(command byte) []byte {
	if command == cmdDO {
		return []byte{cmdWONT}
	}
	return []byte{cmdDONT}
}

func TestAStormOfOptionsIsNotAmplified(t *testing.T) {
	t.Parallel()
	c := newCodec()
	c.greeting()
	var out output
	in, answered := 0, 0
	for i := range 1_000_000 {
		request := []byte{cmdIAC, byte(cmdWILL + i%4), byte(i / 4)}
		out.replies = out.replies[:0]
		c.feed(request, &out)
		in, answered = in+len(request), answered+len(out.replies)
	}
	if answered > in {
		t.Errorf("%d bytes of answers to %d bytes", answered, in)
	}
	if cap(out.replies) > 64 || cap(c.sub) != maxSub || len(out.data) != 0 {
		t.Errorf("it kept %d bytes of answers, %d of a sub-negotiation, %d of data", cap(out.replies), cap(c.sub), len(out.data))
	}
}

func TestEncoder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, nvt string }{
		{"text", "abc", "abc"},
		{"a new line", "a\r\nb", "a\r\nb"},
		{"LF", "a\nb", "a\nb"},
		{"CR", "50%\r60%", "50%\r\x0060%"},
		{"CR CR LF", "\r\r\n", "\r\x00\r\n"},
		{"CR NUL", "\r\x00", "\r\x00\x00"},
		{"an escape after CR", "\r\x1b[K$ ", "\r\x00\x1b[K$ "},
	} {
		for i := range len(tc.in) + 1 {
			var e encoder
			got := e.append(e.append(nil, []byte(tc.in[:i]), false), []byte(tc.in[i:]), false)
			if string(got) != tc.nvt {
				t.Errorf("%s split at %d: %q, want %q", tc.name, i, got, tc.nvt)
			}
			if got := e.append(nil, []byte(tc.in), true); string(got) != tc.in {
				t.Errorf("%s under BINARY: %q", tc.name, got)
			}
		}
	}
	var e encoder
	if got := e.finish(e.append(nil, []byte("a\r"), false)); !bytes.Equal(got, []byte("a\r\x00")) {
		t.Errorf("a CR before an answer: %q", got)
	}
}
