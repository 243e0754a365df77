package host

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// wordsPerCall keeps a script of random words below 128 KiB.
const wordsPerCall = 500

func TestQuoteRandomBytesComeBackFromEveryShell(t *testing.T) {
	t.Parallel()
	total := 10_000
	if os.Getenv("DEPLOYERD_SOAK") == "1" {
		total = 1_000_000
	}
	eachShell(t, func(t *testing.T, shell []string) {
		random := rand.New(rand.NewPCG(1, 2))
		for range total / wordsPerCall {
			comeBack(t, shell, randomWords(random, wordsPerCall))
		}
	})
}

// randomWords are half of any bytes, half of the ones that shells care for.
func randomWords(random *rand.Rand, n int) []string {
	const special = "'\"\\$`!*?[]{}()<>|&;#~=%^-+ \t\n\r\x01\x7f\x80\x81\x88\xff\xc3\xa9a"
	words := make([]string, n)
	for i := range words {
		word := make([]byte, random.IntN(24))
		for j := range word {
			word[j] = byte(1 + random.IntN(255))
			if i%2 == 0 {
				word[j] = special[random.IntN(len(special))]
			}
		}
		words[i] = string(word)
	}
	return words
}

// comeBack has a shell print the words.
func comeBack(t *testing.T, shell []string, words []string) {
	t.Helper()
	var text strings.Builder
	text.WriteString(`printf '%s\0'`)
	for _, w := range words {
		quoted, err := Quote(w)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(" " + quoted)
	}
	out, err := exec.Command(shell[0], append(shell[1:len(shell):len(shell)], "-c", text.String())...).Output()
	if err != nil {
		t.Fatalf("%s: %v", shell[0], err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(got) != len(words) {
		t.Fatalf("%s gave %d words back, not %d", shell[0], len(got), len(words))
	}
	for i := range words {
		if got[i] != words[i] {
			t.Fatalf("%s gave %q back for %q", shell[0], got[i], words[i])
		}
	}
}

func TestQuoteRefusesNUL(t *testing.T) {
	t.Parallel()
	if quoted, err := Quote("a\x00b"); err == nil {
		t.Errorf("a NUL was quoted as %q", quoted)
	}
}

func TestQuoteQuotesEverything(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"": "''", "a": "'a'", "it's": `'it'\''s'`} {
		if got, err := Quote(word); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", word, got, err, want)
		}
	}
}

// FuzzQuote reads the quoted word as POSIX says (XCU 2.2) and must find the
// word again, and nothing beyond it.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "a b", "it's", "''", `\`, "$(x)`y`", "-n", "\x80\xff'", "a\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, word []byte) {
		quoted, err := Quote(string(word))
		if bytes.IndexByte(word, 0) >= 0 {
			if err == nil {
				t.Fatal("a NUL was quoted")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unquote(quoted); err != nil || got != string(word) {
			t.Fatalf("%q became %s, which is %q, %v", word, quoted, got, err)
		}
	})
}

// unquote reads one word made of single quotes and escaped characters.
func unquote(s string) (string, error) {
	var out strings.Builder
	for s != "" {
		switch {
		case s[0] == '\'':
			end := strings.IndexByte(s[1:], '\'')
			if end < 0 {
				return "", fmt.Errorf("open quote in %q", s)
			}
			out.WriteString(s[1 : end+1])
			s = s[end+2:]
		case s[0] == '\\' && len(s) > 1:
			out.WriteByte(s[1])
			s = s[2:]
		default:
			return "", fmt.Errorf("unquoted %q", s)
		}
	}
	return out.String(), nil
}
