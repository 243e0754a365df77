package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Bounds of a user's history file.
const (
	defaultHistory  = 1000    // lines
	maxHistoryBytes = 1 << 20 // beyond it the oldest lines go
	historySlack    = 4       // a file is cut when it has a quarter more lines than it may
)

// histories are the users' histories: a file each, a line each, with \n for a
// newline and \\ for a backslash. Sessions append at the same time: a lock
// orders them, since cutting a file replaces it.
type histories struct{ dir string }

var (
	historyEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	historyPlain   = strings.NewReplacer(`\\`, `\`, `\n`, "\n")
)

// load returns the last lines of a user, at most most.
func (h *histories) load(user string, most int) (lines []string, err error) {
	if h.dir == "" || most <= 0 {
		return nil, nil
	}
	err = h.locked(func(root *os.Root) error {
		data, err := readHistory(root, historyFile(user))
		for line := range strings.SplitSeq(string(lastLines(data, most)), "\n") {
			if line != "" {
				lines = append(lines, historyPlain.Replace(line))
			}
		}
		return err
	})
	return lines, err
}

// add appends a line.
func (h *histories) add(user, line string, most int) error {
	if h.dir == "" || most <= 0 {
		return nil
	}
	return h.locked(func(root *os.Root) error {
		name := historyFile(user)
		entry := []byte(historyEscapes.Replace(line) + "\n")
		data, err := readHistory(root, name)
		if err != nil {
			return err
		}
		if len(data) > 0 && data[len(data)-1] != '\n' { // half a line of a crash
			entry = append([]byte{'\n'}, entry...)
		}
		if bytes.Count(data, []byte{'\n'}) >= most+most/historySlack || len(data)+len(entry) > maxHistoryBytes {
			return replaceHistory(root, name, lastLines(append(data, entry...), most))
		}
		return appendHistory(root, name, entry)
	})
}

// locked does something while no other session does.
func (h *histories) locked(do func(root *os.Root) error) (err error) {
	root, err := os.OpenRoot(h.dir)
	if err != nil {
		return fmt.Errorf("open the histories: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	lock, err := root.OpenFile(".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the histories: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // and with it goes the lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the histories: %w", err)
	}
	return do(root)
}

// historyFile is a user's file name, whatever the user is called.
func historyFile(user string) string {
	for _, c := range []byte(user) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
		if !plain {
			return fmt.Sprintf("%x.hex", user)
		}
	}
	return user
}

// readHistory reads a file's end; one that is not there is empty.
func readHistory(root *os.Root, name string) (data []byte, err error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a history: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	const most = 2 * maxHistoryBytes
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return nil, fmt.Errorf("read a history: %w", err)
		}
	}
	if data, err = io.ReadAll(io.LimitReader(f, most)); err != nil {
		return nil, fmt.Errorf("read a history: %w", err)
	}
	return data, nil
}

// lastLines are the last whole lines of a file, within both bounds.
func lastLines(data []byte, most int) []byte {
	begin := len(data)
	for n := 0; n < most && begin > 0; n++ {
		next := bytes.LastIndexByte(data[:begin-1], '\n') + 1
		if len(data)-next > maxHistoryBytes {
			break
		}
		begin = next
	}
	return data[begin:]
}

func appendHistory(root *os.Root, name string, entry []byte) (err error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write a history: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err = f.Write(entry); err != nil {
		return fmt.Errorf("write a history: %w", err)
	}
	return nil
}

// replaceHistory puts a shorter file in a file's place.
func replaceHistory(root *os.Root, name string, data []byte) (err error) {
	fresh := name + ".new"
	f, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cut a history: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(fresh, name)
	}
	if err != nil {
		return fmt.Errorf("cut a history: %w", err)
	}
	return nil
}
