package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/node/star"
)

// maxFormatted bounds a file that is formatted, in bytes, as that of a tree.
const maxFormatted = 1 << 20

func newFmt() *cobra.Command {
	c := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Lay out the files of a tree in the one usual way",
		Long: "Lay out the files of a tree in the one usual way. Of a folder, all files *.star in and\n" +
			"below it. What a file means never changes, and one that does not parse is left as it is.",
		Example: "  deployerd fmt tree.star lib\n  deployerd fmt --check .",
		Args:    cobra.MinimumNArgs(1),
	}
	only := c.Flags().Bool("check", false, "write nothing, name the files that would change, and exit with 1 if there are any")
	c.RunE = func(c *cobra.Command, args []string) error { return formatAll(c, args, *only) }
	return c
}

// formatAll formats every file that it can.
func formatAll(c *cobra.Command, args []string, only bool) error {
	files, err := starFiles(args)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	var wrong []error
	changed := 0
	for _, file := range files {
		text, err := formatted(file)
		switch {
		case err != nil:
			wrong = append(wrong, err)
			continue
		case text == nil:
			continue
		}
		changed++
		if !only {
			err = replace(file, text)
		}
		if err == nil {
			_, err = fmt.Fprintln(c.OutOrStdout(), file)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	switch {
	case len(wrong) > 0:
		return &exitError{exitFailed, errors.Join(wrong...)}
	case only && changed > 0:
		return &exitError{exitFailed, fmt.Errorf("fmt: %d of %d files are not laid out; without --check they are", changed, len(files))}
	}
	return nil
}

// starFiles lists the files that are named, of folders those in and below them.
func starFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		err := filepath.WalkDir(arg, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != arg && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case !d.IsDir() && (name == arg || strings.HasSuffix(name, ".star")):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("fmt: %w", err)
		}
	}
	return files, nil
}

// formatted is a file's new text; nil when it is the old one.
func formatted(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("fmt: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFormatted+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fmt: %w", err)
	case len(text) > maxFormatted:
		return nil, fmt.Errorf("fmt: %s is larger than %d bytes", file, maxFormatted)
	}
	laid, err := star.Format(file, text)
	if err != nil || bytes.Equal(laid, text) {
		return nil, err
	}
	return laid, nil
}

// replace writes a file beside the old one, then puts it into its place: nobody
// ever reads half of it. A symbolic link stays one.
func replace(file string, text []byte) (err error) {
	file, err = filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("fmt: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("fmt: %w", err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
