package telnet

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func seed(f *testing.F) {
	for _, tc := range codecCases {
		f.Add([]byte(tc.in), uint16(len(tc.in)/2))
	}
}

// However the bytes are cut, the same comes out; and nothing grows.
func FuzzCodec(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		whole, i := fed(string(in)), min(int(cut), len(in))
		if diff := cmp.Diff(whole, fed(string(in[:i]), string(in[i:]))); diff != "" {
			t.Fatalf("split at %d: %s", i, diff)
		}
		if diff := cmp.Diff(whole, fed(bytewise(string(in))...)); diff != "" {
			t.Fatalf("byte by byte: %s", diff)
		}
		if len(whole.Data) > len(in) {
			t.Fatalf("%d bytes of data from %d", len(whole.Data), len(in))
		}
		// Beyond one answer for each request there are two questions.
		if most := len(in) + len(sendType) + len(askUTF8); len(whole.Replies) > most {
			t.Fatalf("%d bytes of answers to %d", len(whole.Replies), len(in))
		}
		got := whole.Terminal
		if got.Width < 0 || got.Width > maxWidth || got.Height < 0 || got.Height > maxHeight || got.Type != "" && !typeName.MatchString(got.Type) {
			t.Fatalf("terminal %+v", got)
		}
		if again := fed(whole.Replies); len(again.Replies) > len(whole.Replies)+len(sendType)+len(askUTF8) {
			t.Fatalf("our own answers were answered with more: %q", again.Replies)
		}
	})
}

// What the encoder and go-telnet's doubling made comes back, with CR LF as CR.
func FuzzEncoder(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		i := min(int(cut), len(in))
		var e encoder
		wire := e.append(nil, double(in[:i]), false)
		wire = e.finish(e.append(wire, double(in[i:]), false))
		want := strings.ReplaceAll(string(in), "\r\n", "\r")
		if got := fed(string(wire)); got.Data != want || got.Negotiated {
			t.Fatalf("%q came back as %q", in, got.Data)
		}
	})
}

func double(p []byte) []byte { return bytes.ReplaceAll(p, []byte(iac), []byte(iac+iac)) }

// A whole connection gives its handler what the codec alone says, and the
// handler's words arrive.
func FuzzServe(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		i := min(int(cut), len(in))
		ours, theirs := net.Pipe()
		go func() {
			for _, piece := range [][]byte{in[:i], in[i:]} {
				if _, err := theirs.Write(piece); err != nil {
					return
				}
			}
			_ = theirs.Close()
		}()
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			_, _ = io.Copy(io.Discard, theirs)
		}()
		var data []byte
		err := Serve(ours, Options{}, func(s *Session) {
			s.LoggedIn()
			data, _ = io.ReadAll(s) // how it ended is what Serve returns
		})
		<-heard
		// The peer may be gone before it has read its last answers.
		if want := fed(string(in)).Data; err == nil && string(data) != want {
			t.Fatalf("%q was read as %q, want %q", in, data, want)
		} else if !strings.HasPrefix(want, string(data)) {
			t.Fatalf("%q was read as %q, want a beginning of %q (%v)", in, data, want, err)
		}
	})
}
