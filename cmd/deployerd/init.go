package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/auth"
	"github.com/deployerd/deployerd/server"
)

//go:embed templates/init.yaml
var initConfig string

//go:embed templates/init.star
var initTree string

func newInit() *cobra.Command {
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration, tree and keys",
		Long: "Write a first configuration, tree, host key, outbound key and the admin, at --config\n" +
			"and beside it. It never overwrites a file, and prints what goes into the targets'\nauthorized_keys.",
		Example: "  deployerd init --user alice --key ~/.ssh/id_ed25519.pub --config ./deployerd.yaml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(c)
	name := c.Flags().String("user", "", "the admin's `name`; default: your own")
	key := c.Flags().String("key", "", "the admin's public key `file`; default: your own in ~/.ssh")
	c.RunE = func(c *cobra.Command, _ []string) error {
		admin, err := findAdmin(*name, *key)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		outbound, err := writeFirst(*file, admin)
		if err != nil {
			return &exitError{exitFailed, err}
		}
		return explainInit(c, *file, admin, outbound)
	}
	return c
}

// account is the admin that init writes.
type account struct{ Name, Key string }

func findAdmin(name, keyFile string) (account, error) {
	me, err := user.Current()
	if err != nil && (name == "" || keyFile == "") {
		return account{}, fmt.Errorf("find out who you are: %w; give --user and --key", err)
	}
	if name == "" {
		name = me.Username
	}
	if keyFile == "" {
		if keyFile, err = ownKey(me.HomeDir); err != nil {
			return account{}, err
		}
	}
	return readAdmin(name, keyFile)
}

func readAdmin(name, keyFile string) (account, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return account{}, fmt.Errorf("read the public key: %w", err)
	}
	a := account{name, strings.TrimSpace(string(text))}
	if strings.Contains(a.Key, "PRIVATE KEY") {
		return account{}, fmt.Errorf("%s is a private key: give the public one (%s.pub)", keyFile, keyFile)
	}
	_, err = auth.NewUsers([]auth.UserOptions{{Name: a.Name, KeysFile: a.Key}})
	if err != nil {
		return account{}, fmt.Errorf("user %s with key %s: %w", name, keyFile, err)
	}
	return a, nil
}

func ownKey(home string) (string, error) {
	for _, name := range []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"} {
		file := filepath.Join(home, ".ssh", name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("no public key in %s: make one with ssh-keygen, or give --key FILE", filepath.Join(home, ".ssh"))
}

// firstFile is a file that init writes.
type firstFile struct {
	name    string // below the configuration's folder
	content []byte
	secret  bool
}

// writeFirst writes all files or, when one is there already, none. It returns
// the outbound public key.
func writeFirst(file string, admin account) (string, error) {
	dir := filepath.Dir(file)
	files, outbound, err := firstFiles(filepath.Base(file), admin)
	if err != nil {
		return "", err
	}
	if err := noneThere(dir, files); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o750); err != nil {
		return "", err
	}
	for _, f := range files {
		if err := writeNew(filepath.Join(dir, f.name), f.content, f.mode(dir)); err != nil {
			return "", err
		}
	}
	return outbound, nil
}

// mode lets the folder's group read secrets when the folder is marked for a
// group (set-group-ID), as on a server where the daemon has a user of its own.
func (f firstFile) mode(dir string) fs.FileMode {
	if !f.secret {
		return 0o644
	}
	if info, err := os.Stat(dir); err == nil && info.Mode()&fs.ModeSetgid != 0 {
		return 0o640
	}
	return 0o600
}

func noneThere(dir string, files []firstFile) error {
	var errs []error
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			errs = append(errs, fmt.Errorf("%s is there already", filepath.Join(dir, f.name)))
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("nothing was written: %w", errors.Join(errs...))
	}
	return nil
}

func firstFiles(base string, admin account) ([]firstFile, string, error) {
	hostKey, _, err := newKeyPair()
	if err != nil {
		return nil, "", err
	}
	outbound, outboundPub, err := newKeyPair()
	if err != nil {
		return nil, "", err
	}
	var text strings.Builder
	if err := template.Must(template.New("").Parse(initConfig)).Execute(&text, admin); err != nil {
		return nil, "", err
	}
	return []firstFile{
		{base, []byte(text.String()), true},
		{"tree.star", []byte(initTree), false},
		{"known_hosts", nil, false},
		{"keys/" + admin.Name + ".pub", []byte(admin.Key + "\n"), false},
		{"keys/ssh_host_ed25519_key", hostKey, true},
		{"keys/outbound_ed25519", outbound, true},
		{"keys/outbound_ed25519.pub", []byte(outboundPub + "\n"), false},
	}, outboundPub, nil
}

func newKeyPair() (private []byte, public string, err error) {
	if private, err = server.NewHostKey(); err != nil {
		return nil, "", err
	}
	public, err = server.PublicKey(private)
	return private, strings.TrimSpace(public), err
}

func explainInit(c *cobra.Command, file string, admin account, outbound string) error {
	_, err := fmt.Fprintf(c.OutOrStdout(), `Written: %s, and tree.star, known_hosts and keys/ beside it.

1. On every target, this line goes into ~/.ssh/authorized_keys of the account that deploys:
   %s deployerd
2. The targets' host keys go into %s:
   ssh-keyscan web1.example.com >> %[3]s
3. Name the targets in tree.star, then:
   deployerd check --config %[1]s
   deployerd serve --config %[1]s
   ssh -p 2222 %[4]s@localhost -- help
`, file, outbound, filepath.Join(filepath.Dir(file), "known_hosts"), admin.Name)
	return err
}
