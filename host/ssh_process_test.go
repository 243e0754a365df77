package host

import (
	"testing"

	"golang.org/x/crypto/ssh"
)

func signalPayload(name string) []byte {
	return ssh.Marshal(struct {
		Signal   string
		Core     bool
		Message  string
		Language string
	}{name, false, "message", "en"})
}

func TestParseExit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    string
		payload []byte
		want    Exit
		ok      bool
	}{
		{"exit-status", []byte{0, 0, 0, 0}, Exit{}, true},
		{"exit-status", []byte{0, 0, 0, 255}, Exit{Code: 255}, true},
		{"exit-status", []byte{0, 0, 1, 0}, Exit{Code: 255}, true}, // which a byte would make a success
		{"exit-status", []byte{255, 255, 255, 255}, Exit{Code: 255}, true},
		{"exit-status", []byte{0, 0, 0}, Exit{}, false},
		{"exit-signal", signalPayload("KILL"), Exit{137, "KILL"}, true},
		{"exit-signal", signalPayload("\x1b[2J"), Exit{128, "UNKNOWN"}, true},
		{"exit-signal", []byte("rubbish"), Exit{}, false},
		{"keepalive@openssh.com", nil, Exit{}, false},
	} {
		if got, ok := parseExit(&ssh.Request{Type: c.kind, Payload: c.payload}); got != c.want || ok != c.ok {
			t.Errorf("%s %q: %v %v, want %v %v", c.kind, c.payload, got, ok, c.want, c.ok)
		}
	}
}

// Whatever a target sends, success is a status of 0 and nothing else, and no
// text of its own comes through.
func FuzzParseExit(f *testing.F) {
	f.Add(true, []byte{0, 0, 0, 0})
	f.Add(true, []byte{1})
	f.Add(false, signalPayload("TERM"))
	f.Add(false, []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, status bool, payload []byte) {
		kind := "exit-signal"
		if status {
			kind = "exit-status"
		}
		exit, ok := parseExit(&ssh.Request{Type: kind, Payload: payload})
		if !ok {
			return
		}
		if exit.Code == 0 && (!status || string(payload[:4]) != "\x00\x00\x00\x00") {
			t.Errorf("%q is no success", payload)
		}
		if _, known := signals[exit.Signal]; !known && exit.Signal != "" && exit.Signal != "UNKNOWN" {
			t.Errorf("%q came through", exit.Signal)
		}
	})
}
