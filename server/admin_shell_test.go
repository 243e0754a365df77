package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deployerd/deployerd/session"
)

// shells runs an admin socket at which root and the daemon's user are carol.
func shells(t *testing.T) (*Admin, *fakeDoor, string) {
	t.Helper()
	path := filepath.Join(socketDir(t), "admin.sock")
	a, err := NewAdmin(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &fakeDoor{}
	a.shells = &localShells{d, func(uid uint32) (string, error) {
		if int(uid) != os.Geteuid() {
			return "", errors.New("who are you?")
		}
		return "carol", nil
	}}
	go a.Run(t.Context())
	t.Cleanup(func() {
		if err := a.Shutdown(deadline(t)); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return a, d, path
}

// localPerson is a LocalShell with what it shows.
type localPerson struct {
	*LocalShell
	screen *shownText
	code   chan int
}

func attachTo(t *testing.T, path string) *localPerson {
	t.Helper()
	l, err := OpenShell(t.Context(), path, "xterm", session.Size{Width: 100, Height: 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r, w := io.Pipe()
	p := &localPerson{l, newShown(r), make(chan int, 1)}
	go func() {
		defer w.Close()
		code, err := l.Run(w)
		if err != nil {
			code = -1
		}
		p.code <- code
	}()
	return p
}

func TestLocalShell(t *testing.T) {
	t.Parallel()
	_, _, path := shells(t)
	p := attachTo(t, path)
	p.screen.await(t, "carol at xterm 100x30 echo true\r\n> ")
	if _, err := p.Write([]byte("a " + strings.Repeat("b", 40_000) + "\r")); err != nil {
		t.Fatal(err)
	}
	if got := p.screen.await(t, "]\r\n"); len(got) != 40_006 {
		t.Errorf("%d bytes came back", len(got))
	}
	if err := p.Resize(session.Size{Width: 20, Height: 5}); err != nil {
		t.Fatal(err)
	}
	p.screen.await(t, "now 20x5\r\n")
	p.Write([]byte("exit 12345\r"))
	if code := <-p.code; code != 5 {
		t.Errorf("exit code %d", code)
	}
}

func TestLocalShellsLeaveRoomForRequests(t *testing.T) {
	t.Parallel()
	a, _, path := shells(t)
	for range maxAdminAtOnce + 2 {
		attachTo(t, path).screen.await(t, "> ")
	}
	if _, err := AskAdmin(t.Context(), path, "bogus"); err == nil || !strings.Contains(err.Error(), "no operation") {
		t.Errorf("got %v", err)
	}
	a.mu.Lock()
	a.living = maxAdminShells
	a.mu.Unlock()
	if _, err := OpenShell(t.Context(), path, "xterm", session.Size{}); err == nil || !strings.Contains(err.Error(), "too many shells") {
		t.Errorf("got %v", err)
	}
}

func TestLocalShellIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	_, d, path := shells(t)
	d.refuse = session.ErrRightsEnded
	_, err := OpenShell(t.Context(), path, "xterm", session.Size{})
	if err == nil || err.Error() != "you are carol here, and users: has no carol, or it is disabled" {
		t.Errorf("got %v", err)
	}
}

func TestClientOfALocalShellThatIsGoneIsALoss(t *testing.T) {
	t.Parallel()
	_, d, path := shells(t)
	p := attachTo(t, path)
	p.screen.await(t, "> ")
	p.Write([]byte("hang\r"))
	d.lives.waitBegun(1)
	p.Close()
	if ends := d.lives.waitEnds(1); !errors.Is(ends[0], session.ErrLost) {
		t.Errorf("ended with %v", ends[0])
	}
}

func TestDaemonThatStopsEndsLocalShells(t *testing.T) {
	t.Parallel()
	a, d, path := shells(t)
	p := attachTo(t, path)
	p.screen.await(t, "> ")
	if err := a.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if ends := d.lives.waitEnds(1); !errors.Is(ends[0], session.ErrStopping) {
		t.Errorf("ended with %v", ends[0])
	}
	p.screen.await(t, "bye: the daemon is stopping")
	if code := <-p.code; code != 254 {
		t.Errorf("exit code %d", code)
	}
}

func TestPanicEndsOneLocalShell(t *testing.T) {
	t.Parallel()
	_, _, path := shells(t)
	p := attachTo(t, path)
	p.screen.await(t, "> ")
	p.Write([]byte("panic\r"))
	if code := <-p.code; code != -1 {
		t.Errorf("exit code %d", code)
	}
	attachTo(t, path).screen.await(t, "> ")
}

// Whatever is sent instead of frames ends that session only.
func TestGarbageInsteadOfFrames(t *testing.T) {
	t.Parallel()
	_, d, path := shells(t)
	for i, garbage := range []string{"x\x00\x00", "i\xff\xffxx", "s\x00\x01a", "i\x00\x05ab", "\x00"} {
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(nc, `{"op":"shell","term":"x\u001b"}`+"\n")
		r := bufio.NewReader(nc)
		if line, err := r.ReadString('\n'); err != nil || line != `{"ok":true}`+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
		io.WriteString(nc, garbage)
		nc.(*net.UnixConn).CloseWrite()
		out, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(out, []byte("carol at dumb 80x24")) {
			t.Errorf("%q: %q, %v", garbage, out, err)
		}
		d.lives.waitEnds(i + 1)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("i\x00\x02ab" + "s\x00\x08\x00\x00\x00\x50\x00\x00\x00\x18"))
	f.Add([]byte("i\x00\x00i\x00\x00i\x00\x01x"))
	f.Add([]byte("o\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		in, out := net.Pipe()
		out.Close()
		p := newFramed(in)
		p.r = bufio.NewReader(bytes.NewReader(wire))
		data, err := io.ReadAll(p)
		if len(data) > len(wire) {
			t.Errorf("%d bytes of %d, %v", len(data), len(wire), err)
		}
		select {
		case s := <-p.sizes:
			if s.Width < 1 || s.Width > maxColumns || s.Height < 1 || s.Height > maxRows {
				t.Errorf("%v", s)
			}
		default:
		}
		// What is written is read again.
		var b bytes.Buffer
		if _, err := writeFrames(&b, frameInput, data); err != nil {
			t.Fatal(err)
		}
		p = newFramed(in)
		p.r = bufio.NewReader(&b)
		again, err := io.ReadAll(p)
		if d := cmp.Diff(data, again); d != "" || err != nil {
			t.Errorf("%s%v", d, err)
		}
	})
}
