package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// credentials is the variable that names the folder in which systemd puts a
// unit's credentials (systemd.exec(5), LoadCredential).
const credentials = "CREDENTIALS_DIRECTORY"

// shortestSecret is how many bytes a secret has at least: a shorter one would
// be found in every output that it is to be kept out of.
const shortestSecret = 8

var secretName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Secret reads a secret by its name: from systemd's credentials, else from the
// folder secrets in the state. The file's modes and owner are checked as those
// of every file that is secret. A line's end at its end is no part of it. The
// error never holds any of it.
func (c *Config) Secret(name string) ([]byte, error) {
	if !secretName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a secret", name)
	}
	folders := c.secretFolders()
	for _, folder := range folders {
		file := filepath.Join(folder, name)
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return readSecret(file)
	}
	return nil, fmt.Errorf("it is not there: %s is wanted", filepath.Join(folders[len(folders)-1], name))
}

func (c *Config) secretFolders() []string {
	var folders []string
	if dir := os.Getenv(credentials); filepath.IsAbs(dir) {
		folders = append(folders, dir)
	}
	return append(folders, filepath.Join(c.State, "secrets"))
}

func readSecret(file string) ([]byte, error) {
	text, faults := readFile(file, secretFile)
	if len(faults) == 0 {
		text = trimLineEnd(text)
		faults = checkSecret(file, text)
	}
	if len(faults) > 0 {
		var all []string
		for _, f := range faults {
			all = append(all, strings.TrimSuffix(f.text+" ("+f.hint+")", " ()"))
		}
		return nil, errors.New(strings.Join(all, "; "))
	}
	return text, nil
}

func trimLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\r'})
}

func checkSecret(file string, text []byte) []fault {
	switch {
	case len(text) < shortestSecret:
		return []fault{{
			fmt.Sprintf("%s is shorter than %d bytes, too short for a secret", file, shortestSecret), "use a longer one",
		}}
	case bytes.IndexByte(text, 0) >= 0:
		return []fault{{file + " holds a NUL byte", "a secret is a text"}}
	}
	return nil
}

// checkSecrets checks the secrets that are in the state's folder.
func (r *reader) checkSecrets(state string) {
	folder := filepath.Join(state, "secrets")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.faults("state", []fault{{err.Error(), ""}})
		return
	}
	r.faults("state", checkFile(folder, stateFolder))
	for _, e := range entries {
		if !secretName.MatchString(e.Name()) {
			continue // no tree can name it
		}
		file := filepath.Join(folder, e.Name())
		text, faults := readFile(file, secretFile)
		if len(faults) == 0 {
			faults = checkSecret(file, trimLineEnd(text))
		}
		r.faults("state", faults)
	}
}
