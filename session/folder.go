package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/deployerd/deployerd/node"
)

// folderRoom is how many bytes a user's private folder holds.
const folderRoom = 100 << 20

// openFolder opens a user's private folder below dir, and makes it if it is
// missing.
func openFolder(dir, user string) (folder node.Folder, err error) {
	all, err := os.OpenRoot(dir)
	if err != nil {
		return folder, fmt.Errorf("the users' folders: %w", err)
	}
	defer func() { _ = all.Close() }() // only read
	name := historyFile(user)
	if err := all.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return folder, fmt.Errorf("your folder: %w", err)
	}
	root, err := all.OpenRoot(name)
	if err != nil {
		return folder, fmt.Errorf("your folder: %w", err)
	}
	room, err := roomIn(root)
	if err != nil {
		_ = root.Close() // only read
		return folder, err
	}
	return node.Folder{Root: root, Room: room}, nil
}

// roomIn is how many bytes may still come into a folder, or the error that it
// is full.
func roomIn(root *os.Root) (int64, error) {
	room := int64(folderRoom)
	err := fs.WalkDir(root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // another session's, and gone
		}
		if err == nil {
			room -= info.Size()
		}
		return err
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("your folder: %w", err)
	case room <= 0:
		return 0, fmt.Errorf("your folder is full: it holds %d MiB", folderRoom>>20)
	}
	return room, nil
}

// folder is what opens the user's private folder; nil: there is none.
func (s *Session) folder() func() (node.Folder, error) {
	dir, user := s.m.o.FoldersDir, s.rights.client.Identity.User
	if dir == "" {
		return nil
	}
	return func() (node.Folder, error) { return openFolder(dir, user) }
}
