package telnet

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// benchServe runs handler against a peer on loopback that reads all, and
// writes input.
func benchServe(b *testing.B, input io.Reader, handler func(*Session)) {
	ours, theirs := tcpPair(b)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(io.Discard, theirs)
	}()
	go func() { _, _ = io.Copy(theirs, input) }()
	if err := Serve(ours, Options{}, handler); err != nil {
		b.Error(err)
	}
	<-heard
	_ = theirs.Close()
}

func BenchmarkWrite(b *testing.B) {
	for _, output := range []struct {
		name string
		text []byte
	}{
		{"text", bytes.Repeat([]byte("a line of what a host may say, of the usual length\r\n"), 630)},
		{"0xFF", bytes.Repeat([]byte{0xff}, 32<<10)},
		{"CR", bytes.Repeat([]byte("50%\r"), 8<<10)},
	} {
		b.Run(output.name, func(b *testing.B) {
			b.SetBytes(int64(len(output.text)))
			b.ReportAllocs()
			benchServe(b, strings.NewReader(""), func(s *Session) {
				for b.Loop() {
					if _, err := s.Write(output.text); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// repeated gives the same text for ever.
type repeated string

func (r repeated) Read(p []byte) (int, error) { return copy(p, r), nil }

func BenchmarkRead(b *testing.B) {
	b.SetBytes(4096)
	b.ReportAllocs()
	benchServe(b, repeated(strings.Repeat("what a person pastes\r\x00", 1000)), func(s *Session) {
		s.LoggedIn()
		block := make([]byte, 4096)
		for b.Loop() {
			if _, err := io.ReadFull(s, block); err != nil {
				b.Fatal(err)
			}
		}
	})
}
