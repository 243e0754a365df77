package lineedit_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/deployerd/deployerd/session/internal/lineedit"
)

// A session reads what the user types, writes what the editor draws, and acts
// on the events.
func Example() {
	terminal, keys := new(bytes.Buffer), []byte("ls\rdeploy v1\r")
	editor := lineedit.New(lineedit.Options{Width: 80, Height: 24, Plain: true, Echo: true})
	prompt := lineedit.Prompt{Text: "alice@box > "}
	terminal.Write(editor.Start(prompt))
	for len(keys) > 0 { // one round for each read
		step := editor.Feed(keys)
		terminal.Write(step.Out)
		keys = step.Rest
		switch event := step.Event; event.Kind {
		case lineedit.Line:
			fmt.Fprintf(terminal, "run %s\r\n", event.Line)
			terminal.Write(editor.Start(prompt))
		case lineedit.Interrupt:
			terminal.Write(editor.Start(prompt))
		case lineedit.Complete:
			terminal.Write(editor.Complete(lineedit.Completion{From: event.Cursor}))
		case lineedit.EOF:
			fmt.Fprint(terminal, "bye\r\n")
		}
	}
	fmt.Println(strings.ReplaceAll(terminal.String(), "\r", ""))
	// Output:
	// alice@box > ls
	// run ls
	// alice@box > deploy v1
	// run deploy v1
	// alice@box >
}
