package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testTime = time.Date(2026, 5, 6, 7, 8, 9, 10, time.UTC)

// damaged writes n records, closes the journal, damages its files and tells
// how many records are then found good, and what the error is.
func damaged(t *testing.T, n int, damage func(t *testing.T, dir string)) (uint64, error) {
	t.Helper()
	dir := folder(t)
	j := open(t, dir)
	for i := range n {
		if err := j.Write(t.Context(), Record{Kind: Intent, Text: fmt.Sprintf("text-%04d", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	damage(t, dir)
	j, err := Open(t.Context(), Options{Dir: dir, Daemon: "box one"})
	if err != nil {
		return 0, err
	}
	defer j.Close(t.Context())
	return j.Verify(t.Context())
}

// block is the file that the messages are in.
func block(t *testing.T, dir string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".blk") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("block files: %q, %v", found, err)
	}
	return found[0]
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	t.Parallel()
	places := 60
	if os.Getenv("DEPLOYERD_SOAK") != "" {
		places = 1000
	}
	for i := range places {
		good, err := damaged(t, 3, func(t *testing.T, dir string) {
			edit(t, block(t, dir), func(b []byte) []byte {
				b[i*len(b)/places] ^= 1 << (i % 8)
				return b
			})
		})
		if err == nil {
			t.Errorf("a changed byte %d/%d of the way was not found: %d records are good", i, places, good)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir string){
		"text of the first record": func(t *testing.T, dir string) {
			edit(t, block(t, dir), func(b []byte) []byte {
				return bytes.Replace(b, []byte("text-0001"), []byte("text-1001"), 1)
			})
		},
		"text of the last record": func(t *testing.T, dir string) {
			edit(t, block(t, dir), func(b []byte) []byte {
				return bytes.Replace(b, []byte("text-0005"), []byte("text-1005"), 1)
			})
		},
		"end cut off": func(t *testing.T, dir string) {
			edit(t, block(t, dir), func(b []byte) []byte { return b[:len(b)-10] })
		},
		"stream gone": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "audit")); err != nil {
				t.Fatal(err)
			}
		},
		"head gone": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "head")); err != nil {
				t.Fatal(err)
			}
		},
		"head changed": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "head"), func(b []byte) []byte {
				b[len(b)-2] ^= 1
				return b
			})
		},
		"head emptied": func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "head"), func([]byte) []byte { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good, err := damaged(t, 5, damage)
			if err == nil {
				t.Fatalf("not found: %d records are good", good)
			}
			t.Log(err)
		})
	}
}

func TestADamagedJournalIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	var path string
	var before []byte
	_, err := damaged(t, 5, func(t *testing.T, dir string) {
		path = block(t, dir)
		edit(t, path, func(b []byte) []byte {
			b[len(b)/2] ^= 1
			before = bytes.Clone(b)
			return b
		})
	})
	after, readErr := os.ReadFile(path)
	if err == nil || readErr != nil || !bytes.Equal(before, after) {
		t.Errorf("Open: %v; the file was changed: %t (%v)", err, !bytes.Equal(before, after), readErr)
	}
}

// rebuilt writes messages, as somebody who knows the store's format could, and
// verifies them.
func rebuilt(t *testing.T, messages ...string) (uint64, error) {
	t.Helper()
	var good uint64
	c := make(chain)
	for _, m := range messages {
		if err := verify(c, []byte(m), &good); err != nil {
			return good, err
		}
	}
	return good, nil
}

func TestTheChainFindsEveryChange(t *testing.T) {
	t.Parallel()
	var end position
	var m []string
	for i := range 4 {
		line, next, err := seal(end, "box", testTime, []Record{{Kind: Intent, Text: fmt.Sprint("<&> ", i)}})
		if err != nil {
			t.Fatal(err)
		}
		m, end = append(m, string(line)), next
	}
	if good, err := rebuilt(t, m...); good != 4 || err != nil {
		t.Fatalf("unchanged: %d good, %v", good, err)
	}
	if good, err := rebuilt(t, m[0]+m[1]+m[2], m[3]); good != 4 || err != nil {
		t.Fatalf("grouped: %d good, %v", good, err)
	}
	for name, changed := range map[string][]string{
		"first missing":  m[1:],
		"second missing": {m[0], m[2], m[3]},
		"reordered":      {m[0], m[2], m[1], m[3]},
		"doubled":        {m[0], m[1], m[1], m[2], m[3]},
		"no end of line": {m[0], strings.TrimSuffix(m[1], "\n")},
		"empty line":     {m[0] + "\n" + m[1]},
		"empty message":  {m[0], "", m[1]},
	} {
		if good, err := rebuilt(t, changed...); err == nil {
			t.Errorf("%s: not found, %d good", name, good)
		}
	}
	for at := range m[1] {
		b := []byte(m[1])
		b[at] ^= 1
		if good, err := rebuilt(t, m[0], string(b), m[2], m[3]); err == nil || good != 1 {
			t.Errorf("byte %d changed: %d good, %v", at, good, err)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	line, _, err := seal(position{}, "box", testTime, []Record{{Kind: Intent, Text: "x"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line[:len(line)-1])
	f.Add([]byte(`,"hash":"` + strings.Repeat("0", 64) + `"}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := unseal(b)
		if err == nil && !bytes.HasSuffix(b, []byte(`"`+r.Hash+`"}`)) {
			t.Errorf("%q was taken, with the hash %q", b, r.Hash)
		}
	})
}

// frame is a message as the file store writes it, its sum left out.
func frame(seq uint64, body []byte) []byte {
	const subject, headers = "audit.box", "NATS/1.0\r\n\r\n"
	size := frameHead + len(subject) + 4 + len(headers) + len(body) + frameSum
	b := binary.LittleEndian.AppendUint32(nil, uint32(size)|frameHeaders)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint64(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(subject)))
	b = append(b, subject...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(headers)))
	b = append(append(b, headers...), body...)
	return append(b, make([]byte, frameSum)...)
}

func FuzzCheckBlock(f *testing.F) {
	first, end, err := seal(position{}, "box", testTime, []Record{{Kind: Intent, Text: "x"}})
	if err != nil {
		f.Fatal(err)
	}
	second, _, err := seal(end, "box", testTime, []Record{{Kind: End}, {Kind: Login}})
	if err != nil {
		f.Fatal(err)
	}
	good := append(frame(1, first), frame(2, second)...)
	if after, at, err := checkBlock(good, 1, 2); after != 3 || at != len(good) || err != nil {
		f.Fatal(after, at, err)
	}
	f.Add(good, uint64(2))
	f.Add(good[:len(good)-1], uint64(1))
	f.Add(good[:frameHead], uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, last uint64) {
		after, at, err := checkBlock(b, 1, last)
		if at > len(b) || after == 0 || err == nil && at < len(b) && after <= last {
			t.Errorf("after %d, at %d of %d, %v", after, at, len(b), err)
		}
	})
}

// A first start that ended between making a file and writing it, as on a full
// disk, does not keep the next one out.
func TestAFirstStartThatEndedEarlyIsNoDamage(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "head"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := open(t, dir)
	if err := j.Write(t.Context(), Record{Text: "first"}); err != nil {
		t.Error(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(filepath.Join(dir, "head"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "does not say where the chain ends") {
		t.Errorf("an empty head beside a store: %v", err)
	}
}

func TestAMissingStreamIsNamedWithItsMessages(t *testing.T) {
	t.Parallel()
	_, err := damaged(t, 5, func(t *testing.T, dir string) {
		if err := os.RemoveAll(filepath.Join(dir, "audit")); err != nil {
			t.Fatal(err)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "AUDIT is missing") || !strings.Contains(err.Error(), "there were 5 messages") {
		t.Errorf("%v, want what is missing, and how much of it", err)
	}
}
