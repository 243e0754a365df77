package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// headFile says where the chain ended, so that messages which are gone from
// the stream's end are missed. It is written after each acknowledged message,
// in place and without a sync: it survives the process, and after a power cut
// it may only be older than the stream, which is synced.
type headFile struct{ f *os.File }

// headFormat is the file: the stream's last message, its last record's Seq and
// Hash. Its length never changes.
const headFormat = "%020d %020d %64s\n"

// openHead opens the file at path, or makes it when there is no store yet.
func openHead(path, store string) (*headFile, position, error) {
	if err := dropUnborn(path, store); err != nil {
		return nil, position{}, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		h, err := newHead(path, store)
		return h, position{}, err
	}
	if err != nil {
		return nil, position{}, err
	}
	h := &headFile{f}
	at, err := h.get()
	if err != nil {
		return nil, position{}, errors.Join(err, f.Close())
	}
	return h, at, nil
}

// dropUnborn removes a head that was made and never written, when there is no
// store either: the first start ended there, perhaps on a full disk.
func dropUnborn(path, store string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return nil // what is wrong with it, opening it tells
	}
	if _, err := os.Stat(store); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Remove(path)
}

func newHead(path, store string) (*headFile, error) {
	if _, err := os.Stat(store); err == nil {
		return nil, fmt.Errorf("%s is missing, and %s is there: the end of the chain is not known", path, store)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	h := &headFile{f}
	if err := errors.Join(h.put(position{}), f.Sync(), syncFolder(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (h *headFile) put(p position) error {
	hash := p.hash
	if hash == "" {
		hash = strings.Repeat("0", hashDigits)
	}
	if _, err := h.f.WriteAt(fmt.Appendf(nil, headFormat, p.messages, p.record, hash), 0); err != nil {
		return fmt.Errorf("write the end of the chain: %w", err)
	}
	return nil
}

func (h *headFile) get() (position, error) {
	text, err := os.ReadFile(h.f.Name())
	if err != nil {
		return position{}, err
	}
	var p position
	_, err = fmt.Sscanf(string(text), headFormat, &p.messages, &p.record, &p.hash)
	if err != nil || string(text) != fmt.Sprintf(headFormat, p.messages, p.record, p.hash) {
		return position{}, fmt.Errorf("%s does not say where the chain ends: it was changed", h.f.Name())
	}
	return p, nil
}

func (h *headFile) close() error { return errors.Join(h.f.Sync(), h.f.Close()) }
