package host

import (
	"strings"
	"testing"
)

func TestASecretVariableIsInNoLine(t *testing.T) {
	t.Parallel()
	here, err := NewLocal("here", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Context{}.SetSecret("WORD", "first\nthe \\second' $x\n")
	if err != nil {
		t.Fatal(err)
	}
	c, err = c.SetSecret("OTHER", " other ")
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Setenv("PLAIN", "plain", true); err != nil {
		t.Fatal(err)
	}
	g := NewGroup(GroupOptions{Roles: []Role{{Name: "host", Hosts: []Host{here}}}, Context: c})
	const command = `printf '%s|%s|%s|' "$WORD" "$OTHER" "$PLAIN"; cat; tr '\0' '\n' </proc/$$/cmdline`
	for name, o := range map[string]RunOptions{"text": {InputAll: []byte("input\n")}, "stream": {Input: strings.NewReader("input\n")}} {
		results, err := g.Run(t.Context(), command, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out := string(results[0].Stdout)
		if want := "first\nthe \\second' $x\n| other |plain|input\n"; !strings.HasPrefix(out, want) {
			t.Errorf("%s: %q, want %q", name, out, want)
		} else if line := out[len(want):]; strings.Contains(line, "second") || strings.Contains(line, "other") {
			t.Errorf("%s: the line is %q", name, line)
		}
	}
	if got := strings.Join(c.Environ(), " "); got != "PLAIN=plain WORD=<secret> OTHER=<secret>" {
		t.Errorf("%q", got)
	}
	line, err := c.Line("true")
	if err != nil || strings.Contains(line.String(), "deployerd_s") {
		t.Errorf("a line for files reads the secrets: %v %s", err, line)
	}
}

func TestSecretVariablesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"name": {"PATH", "x"}, "NUL": {"A", "x\x00"}, "large": {"A", strings.Repeat("x", maxSecret+1)}, "lines": {"A", strings.Repeat("\n", maxSecretLines)},
	} {
		if _, err := (Context{}).SetSecret(c[0], c[1]); err == nil || strings.Contains(err.Error(), "xx") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := Context{}.SetSecret("A", "secret")
	if c, _ = c.Setenv("A", "plain", true); strings.Join(c.Environ(), " ") != "A=plain" {
		t.Errorf("%q", c.Environ())
	}
	c, _ = c.SetSecret("A", "secret")
	if c = c.Unsetenv("A"); len(c.Environ()) > 0 {
		t.Errorf("%q", c.Environ())
	}
	c, _ = c.SetSecret("A", "secret")
	here, _ := NewLocal("here", nil)
	g := NewGroup(GroupOptions{Roles: []Role{{Name: "host", Hosts: []Host{here}}}, Context: c})
	if _, err := g.Run(t.Context(), "true", RunOptions{Terminal: &TerminalIO{}}); err == nil || !strings.Contains(err.Error(), "not in this version") {
		t.Errorf("%v", err)
	}
}
