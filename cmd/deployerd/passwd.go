package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"github.com/deployerd/deployerd/auth"
)

// maxPassword bounds what is read, in bytes.
const maxPassword = 1024

func newPasswd() *cobra.Command {
	return &cobra.Command{
		Use:     "passwd",
		Short:   "Make the hash of a password, for the configuration",
		Long:    "Ask for a password twice, or read one line when standard input is no terminal,\nand print its hash alone.",
		Example: "  deployerd passwd\n  printf '%s\\n' \"$PASSWORD\" | deployerd passwd",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			password, err := readPassword(c.InOrStdin(), c.ErrOrStderr())
			if err != nil {
				return &exitError{exitFailed, err}
			}
			hash, err := auth.HashPassword(password)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), hash)
			return err
		},
	}
}

func readPassword(in io.Reader, prompt io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(f.Fd()) {
		return readLine(in)
	}
	first, err := askPassword(f, prompt, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := askPassword(f, prompt, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ; nothing was made")
	}
	return first, nil
}

func askPassword(f *os.File, prompt io.Writer, label string) (string, error) {
	fmt.Fprint(prompt, label)
	text, err := term.ReadPassword(f.Fd())
	fmt.Fprintln(prompt)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(string(text))
}

func readLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPassword+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return checkPassword(strings.TrimRight(line, "\r\n"))
}

func checkPassword(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("an empty password lets everybody in; give one")
	case len(text) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", maxPassword)
	}
	return text, nil
}
