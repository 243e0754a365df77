//go:build !linux

package host

import "os"

// prepareTerminal leaves the terminal as the system makes it.
func prepareTerminal(*os.File) error { return nil }
