package telnet

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// limit is how long a real program may take before the test gives up.
const limit = 20 * time.Second

// need skips a test, loudly, when a program is missing; with CI set it fails.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("SKIPPED, NOTHING IS PROVEN: %s is not installed", program)
}

// transcript collects what came and waits for text in it.
type transcript struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{}
}

func newTranscript() *transcript { return &transcript{grown: make(chan struct{})} }

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.text = append(tr.text, p...)
	close(tr.grown)
	tr.grown = make(chan struct{})
	return len(p), nil
}

func (tr *transcript) look() (string, <-chan struct{}) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return string(tr.text), tr.grown
}

func (tr *transcript) wait(t *testing.T, want string) {
	t.Helper()
	tr.waitTimes(t, want, 1)
}

// waitTimes waits until want stands there so many times.
func (tr *transcript) waitTimes(t *testing.T, want string, times int) {
	t.Helper()
	for timeout := time.After(limit); ; {
		text, grown := tr.look()
		if strings.Count(text, want) >= times {
			return
		}
		select {
		case <-grown:
		case <-timeout:
			t.Fatalf("not %d times %q in %q", times, want, text)
		}
	}
}

// scene is one real client, at a terminal of 80×24, connected to a handler
// that keeps what is typed.
type scene struct {
	session *Session
	typed   *transcript // what the handler read
	screen  *transcript // what the client showed
	tty     *os.File
	served  chan error
}

func (s *scene) key(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) say(t *testing.T, text string) {
	t.Helper()
	if _, err := s.session.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// terminal waits until the handler knows a terminal that is as wanted.
func (s *scene) terminal(t *testing.T, ok func(Terminal) bool) {
	t.Helper()
	var last Terminal
	for timeout := time.After(limit); ; {
		select {
		case last = <-s.session.Events():
			if ok(last) {
				return
			}
		case <-timeout:
			t.Fatalf("the terminal stayed %+v", last)
		}
	}
}

// play starts a client; {port} in its arguments is replaced.
func play(t *testing.T, program string, args ...string) *scene {
	t.Helper()
	need(t, program)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{port}", port)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
	s := &scene{typed: newTranscript(), screen: newTranscript(), served: make(chan error, 1)}
	if s.tty, err = pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24}); err != nil {
		t.Fatal(err)
	}
	screen := make(chan struct{})
	go func() {
		defer close(screen)
		var block [4096]byte
		for {
			n, err := s.tty.Read(block[:])
			_, _ = s.screen.Write(block[:n])
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = s.tty.Close()
		<-screen
	})
	s.accept(t, l)
	return s
}

// accept waits for the client and serves it.
func (s *scene) accept(t *testing.T, l net.Listener) {
	t.Helper()
	if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan *Session, 1)
	go func() {
		s.served <- Serve(nc, Options{}, func(session *Session) {
			ready <- session
			session.LoggedIn()
			var block [512]byte
			for {
				n, err := session.Read(block[:])
				_, _ = s.typed.Write(block[:n])
				if err != nil {
					return
				}
			}
		})
	}()
	s.session = <-ready
	t.Cleanup(func() {
		_ = s.session.Close()
	})
}

func (s *scene) resize(t *testing.T, cols, rows uint16) {
	t.Helper()
	if err := pty.Setsize(s.tty, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		t.Fatal(err)
	}
}

// command gives inetutils-telnet a command behind its escape character.
func (s *scene) command(t *testing.T, line string) {
	t.Helper()
	const prompt = "inetutils-telnet> "
	before, _ := s.screen.look()
	s.key(t, "\x1d")
	s.screen.waitTimes(t, prompt, strings.Count(before, prompt)+1)
	s.key(t, line+"\r")
	s.screen.wait(t, prompt+line+"\r\n")
}

// ends waits until the client is gone, in order.
func (s *scene) ends(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.served:
		if err != nil {
			t.Errorf("Serve returned %v", err)
		}
	case <-time.After(limit):
		t.Error("the client is gone, and Serve goes on")
	}
}
