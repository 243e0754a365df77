package lineedit

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// cell is what stands at one place of the screen: one character as the user
// sees it, however many code points it has.
type cell struct {
	text  string
	width int    // in columns
	sgr   string // the SGR sequences that colour it
}

const (
	newlineMark = "↵"
	tabMark     = "␉"
	// maxCluster bounds one character, in bytes. A family of four with skin
	// tones has 41; hundreds of accents on one letter are a joke.
	maxCluster = 128
	// maxLook bounds how far is looked for the end of one, in bytes, so that a
	// line made to be slow is not.
	maxLook = 512
)

// rowBreak is the cell after which a new row begins.
var rowBreak = cell{text: "\n"}

// clusterSize is the length in bytes of the first character in text.
func clusterSize(text []byte) int {
	if simple(text) {
		return 1
	}
	cluster, _ := firstCluster(text)
	return len(cluster)
}

// firstCluster is the first character of text, and its width in columns.
func firstCluster(text []byte) ([]byte, int) {
	if n := maxLook; len(text) > n {
		for !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	cluster, _, width, _ := uniseg.FirstGraphemeCluster(text, -1)
	return cluster, width
}

// firstCell is how the first character of text shows, and its length in bytes.
func firstCell(text []byte) (cell, int) {
	if simple(text) && text[0] >= 0x20 && text[0] < 0x7f {
		return cell{text: string(rune(text[0])), width: 1}, 1
	}
	cluster, width := firstCluster(text)
	return shown(cluster, width), len(cluster)
}

// simple says whether the first character is one ASCII byte.
func simple(text []byte) bool {
	return text[0] < utf8.RuneSelf && (len(text) == 1 || text[1] < utf8.RuneSelf)
}

// plainRun is how many characters at the start of text are printable ASCII,
// one byte each.
func plainRun(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= 0x20 && text[n] < 0x7f {
		n++
	}
	if n < len(text) && text[n] >= utf8.RuneSelf { // it may join the last one
		n--
	}
	return max(n, 0)
}

// shown makes what cannot be seen visible: a line must not hold what its
// reader does not see.
func shown(cluster []byte, width int) cell {
	switch {
	case string(cluster) == "\n":
		return cell{text: newlineMark, width: 1}
	case string(cluster) == "\t":
		return cell{text: tabMark, width: 1}
	case len(cluster) > maxCluster:
		return cell{text: "?", width: 1}
	case width > 0:
		return cell{text: string(cluster), width: width}
	}
	var out strings.Builder
	for _, r := range string(cluster) {
		fmt.Fprintf(&out, `\u{%x}`, r)
	}
	return cell{text: out.String(), width: out.Len()}
}

// cells are the characters of a text on one line.
func cells(text string) []cell {
	var out []cell
	for rest := []byte(text); len(rest) > 0; {
		c, size := firstCell(rest)
		out = append(out, c)
		rest = rest[size:]
	}
	return out
}

// colouredCells are those of a text in which SGR sequences colour what
// follows, and newlines break the row.
func colouredCells(text string) []cell {
	var out []cell
	var sgr string
	for rest := []byte(text); len(rest) > 0; {
		if n := sgrSize(rest); n > 0 {
			if sgr += string(rest[:n]); isReset(rest[:n]) {
				sgr = ""
			}
			rest = rest[n:]
			continue
		}
		c, size := firstCell(rest)
		if c.sgr = sgr; rest[0] == '\n' {
			c = rowBreak
		}
		out = append(out, c)
		rest = rest[size:]
	}
	return out
}

// maxSGR bounds a colour sequence, in bytes.
const maxSGR = 48

// sgrSize is the length of the SGR sequence that text starts with, or 0
// (ECMA-48, 8.3.117).
func sgrSize(text []byte) int {
	if len(text) < 3 || text[0] != 0x1b || text[1] != '[' {
		return 0
	}
	for i, c := range text[2:min(len(text), maxSGR)] {
		switch {
		case c == 'm':
			return i + 3
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// isReset says whether an SGR sequence switches all off.
func isReset(sequence []byte) bool {
	return strings.Trim(string(sequence[2:len(sequence)-1]), "0;") == ""
}

// withoutColours is text without its SGR sequences.
func withoutColours(text string) string {
	var out []byte
	for rest := []byte(text); len(rest) > 0; {
		if n := sgrSize(rest); n > 0 {
			rest = rest[n:]
			continue
		}
		out = append(out, rest[0])
		rest = rest[1:]
	}
	return string(out)
}

// columns is how wide cells are together.
func columns(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += c.width
	}
	return n
}
