package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/goccy/go-yaml/ast"
)

// use says what a file is for, and so who may do what with it.
type use int

const (
	// secretFile belongs to root or the daemon's user, with no bits for others
	// and not writable by the group.
	secretFile use = iota
	// publicFile holds public keys: as a secret one, but everybody may read it.
	publicFile
	// treeFile need only be unwritable by others.
	treeFile
	// stateFolder is as a secret file, and may not be there yet.
	stateFolder
)

// fileUse is a file that the configuration names.
type fileUse struct {
	field string
	file  string
	use   use
}

// absent says how a file that is not there comes to be.
var absent = map[use]string{
	secretFile: "name one that is there; ssh-keygen -t ed25519 makes a key",
	publicFile: "name one that is there, even an empty one",
	treeFile:   "name one that is there",
}

// fault is something wrong with a file, and what mends it.
type fault struct{ text, hint string }

func asProblems(file string, faults []fault) []Problem {
	var list []Problem
	for _, f := range faults {
		list = append(list, Problem{File: file, Text: f.text, Hint: f.hint})
	}
	return list
}

// path takes a file's name and remembers what it is for.
func (r *reader) path(to *string, use use) setter {
	return func(field string, n ast.Node) {
		var name string
		before := len(r.problems)
		r.text(&name, "a file's name")(field, n)
		if name == "" {
			if len(r.problems) == before {
				r.wrong(field, "name a file", "`%s` names no file", field)
			}
			return
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(r.dir, name)
		}
		*to = filepath.Clean(name)
		r.uses = append(r.uses, fileUse{field, *to, use})
	}
}

// paths takes a list of files.
func (r *reader) paths(to *[]string, use use) setter {
	return func(field string, n ast.Node) {
		r.each(field, n, "[a file's name]", func(count int) { *to = make([]string, count) },
			func(i int, field string, n ast.Node) { r.path(&(*to)[i], use)(field, n) })
	}
}

// optionalPath is path, where an empty text names no file.
func (r *reader) optionalPath(to *string, use use) setter {
	return func(field string, n ast.Node) {
		if !isOff(n, `""`) {
			r.path(to, use)(field, n)
		}
	}
}

// keysFile takes the name of a user's keys and reads them.
func (r *reader) keysFile(u *User) setter {
	return func(field string, n ast.Node) {
		uses := r.uses
		r.path(&u.KeysFile, publicFile)(field, n)
		r.uses = uses
		if u.KeysFile == "" {
			return
		}
		text, faults := readFile(u.KeysFile, publicFile)
		u.KeysText = string(text)
		r.faults(field, faults)
	}
}

// checkFiles checks every file that was named, once.
func (r *reader) checkFiles() {
	seen := make(map[fileUse]bool)
	for _, u := range r.uses {
		once := fileUse{file: u.file, use: u.use}
		if !seen[once] {
			r.faults(u.field, checkFile(u.file, u.use))
		}
		seen[once] = true
	}
}

func (r *reader) faults(field string, faults []fault) {
	for _, f := range faults {
		if !r.told[f] {
			r.wrong(field, f.hint, "%s", f.text)
		}
		r.told[f] = true
	}
}

// readFile reads and checks a file. The text is nil when it cannot be read.
func readFile(file string, use use) ([]byte, []fault) {
	faults := checkFile(file, use)
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return nil, faults // which say so
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, append(faults, fault{err.Error(), ""})
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, append(faults, fault{err.Error(), ""})
	case len(text) > maxFile:
		return nil, append(faults, fault{fmt.Sprintf("%s is larger than %d bytes", file, maxFile), ""})
	}
	if text == nil {
		text = []byte{}
	}
	return text, faults
}

// checkFile checks a file that is used so, and the folders on the way to it.
func checkFile(file string, use use) []fault {
	faults := checkWay(file)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && use == stateFolder:
		return faults
	case errors.Is(err, fs.ErrNotExist):
		return append(faults, fault{file + " is not there", absent[use]})
	case err != nil:
		return append(faults, fault{err.Error(), ""})
	case use == stateFolder && !info.IsDir():
		return append(faults, fault{file + " is no folder", ""})
	case use != stateFolder && !info.Mode().IsRegular():
		return append(faults, fault{file + " is no regular file", ""})
	}
	return append(faults, checkMode(file, info, use)...)
}

// checkMode checks the mode and the owner of a file itself.
func checkMode(file string, info fs.FileInfo, use use) []fault {
	var faults []fault
	mode := info.Mode().Perm()
	// What others and the group may not have, and what mends it: nothing is taken
	// away that may be needed, such as a group's right to read.
	wrong, mend := fs.FileMode(0o027), "g-w,o-rwx"
	switch use {
	case publicFile:
		wrong, mend = 0o022, "go-w"
	case treeFile:
		wrong, mend = 0o002, "o-w"
	}
	if bad := mode & wrong; bad != 0 {
		faults = append(faults, fault{
			fmt.Sprintf("%s is %s (mode %04o)", file, who(bad), mode),
			fmt.Sprintf("chmod %s %s", mend, file),
		})
	}
	if use == treeFile {
		return faults
	}
	return append(faults, checkOwner(file, info)...)
}

// checkOwner wants root or the daemon's own user.
func checkOwner(file string, info fs.FileInfo) []fault {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return []fault{{"the owner of " + file + " is unknown", ""}}
	}
	if own := os.Geteuid(); stat.Uid != 0 && int(stat.Uid) != own {
		return []fault{{
			fmt.Sprintf("%s belongs to user %d, neither to root nor to the daemon's user (%d)", file, stat.Uid, own),
			fmt.Sprintf("chown %d %s", own, file),
		}}
	}
	return nil
}

// who says what mode bits let others do.
func who(bad fs.FileMode) string {
	var list []string
	for _, b := range []struct {
		bit  fs.FileMode
		does string
	}{
		{0o020, "writable by its group"},
		{0o004, "readable by others"},
		{0o002, "writable by others"},
		{0o001, "open to others"},
	} {
		if bad&b.bit != 0 {
			list = append(list, b.does)
		}
	}
	return strings.Join(list, " and ")
}

// maxLinks is how many symbolic links may stand on the way, as in Linux.
const maxLinks = 40

// checkWay checks every folder on the way to a file, those that symbolic links
// lead through too: none is writable by others, unless it is sticky.
func checkWay(file string) []fault {
	var faults []fault
	folder, rest, links := "/", strings.Split(file, "/"), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			folder = filepath.Dir(folder)
			continue
		}
		faults = append(faults, checkFolder(folder)...)
		next := filepath.Join(folder, part)
		target, err := os.Readlink(next)
		switch {
		case err != nil: // no link, or not there: what is wrong shows when it is opened
			folder = next
		case links == maxLinks:
			return append(faults, fault{"too many symbolic links lead to " + file, ""})
		default:
			links++
			if filepath.IsAbs(target) {
				folder = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
		}
	}
	return unique(faults)
}

func checkFolder(folder string) []fault {
	info, err := os.Stat(folder)
	if err != nil || info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o002 == 0 {
		return nil // a folder that cannot be looked at cannot be walked through either
	}
	return []fault{{
		fmt.Sprintf("the folder %s is writable by others (mode %04o)", folder, info.Mode().Perm()),
		"chmod o-w " + folder,
	}}
}

func unique(faults []fault) []fault {
	seen := make(map[fault]bool)
	var list []fault
	for _, f := range faults {
		if !seen[f] {
			list = append(list, f)
		}
		seen[f] = true
	}
	return list
}
