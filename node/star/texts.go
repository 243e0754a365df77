package star

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"
)

// Bounds of file().
const (
	maxTextFile  = 16 << 20 // bytes in one
	maxTextFiles = 64 << 20 // bytes in all
)

// readText is file(name): the text of a file in the tree's folder.
func readText(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	l, ok := thread.Local(loaderKey).(*loader)
	if !ok {
		return nil, withHint("read it into a global, outside of every function that an action calls", "file: files are only read while the tree is loaded")
	}
	var name string
	if err := arguments(b.Name(), args, kwargs, "name", &name); err != nil {
		return nil, err
	}
	clean, err := textName(name)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	if text, ok := l.texts[clean]; ok {
		return starlark.String(text), nil
	}
	text, err := l.text(clean)
	if err != nil {
		text, hint := l.nearFile(clean, err)
		return nil, withHint(hint, "file %s: %s", name, text)
	}
	l.texts[clean] = text
	return starlark.String(text), nil
}

// textName checks a name; it is relative to the tree's folder.
func textName(name string) (string, error) {
	clean := path.Clean(name)
	switch {
	case name == "" || strings.ContainsAny(name, "\x00\\") || clean == ".":
		return "", fmt.Errorf("%q is not the name of a file", name)
	case path.IsAbs(name):
		return "", withHint("name it relative to the tree's folder", "%s is absolute", name)
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "", fmt.Errorf("%s leaves the tree's folder", name)
	}
	return clean, nil
}

// text reads a file of the tree's folder.
func (l *loader) text(name string) (string, error) {
	f, err := l.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	sum := len(data)
	for _, text := range l.texts {
		sum += len(text)
	}
	switch {
	case err != nil:
		return "", errors.New(reason(err))
	case len(data) > maxTextFile:
		return "", fmt.Errorf("it is larger than %d MiB", maxTextFile>>20)
	case sum > maxTextFiles:
		return "", fmt.Errorf("the texts of a tree are larger than %d MiB", maxTextFiles>>20)
	case !utf8.Valid(data):
		return "", withHint("the .put of a host sends a file as it is", "it is no text in UTF-8")
	}
	return string(data), nil
}

// nearFile takes apart why a file could not be read. The hint of one that is not
// there is one with nearly its name.
func (l *loader) nearFile(name string, err error) (text, hint string) {
	text, hint = textAndHint(err)
	if _, missing := l.root.Stat(filepath.FromSlash(name)); errors.Is(missing, fs.ErrNotExist) {
		hint = didYouMean(name, l.siblings(name))
	}
	return text, hint
}

// siblings lists the files beside one, at most a thousand.
func (l *loader) siblings(name string) []string {
	folder, err := l.root.Open(filepath.FromSlash(path.Dir(name)))
	if err != nil {
		return nil
	}
	defer folder.Close()
	entries, _ := folder.ReadDir(maxFiles) // what can be listed; it is for a hint
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, path.Join(path.Dir(name), e.Name()))
		}
	}
	return names
}
