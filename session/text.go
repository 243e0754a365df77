package session

import (
	"fmt"
	"strings"

	"github.com/rivo/uniseg"
)

// columns lays rows out in columns, two blanks apart. Every cell is made
// printable.
func columns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// shortList names a few and counts the rest.
func shortList(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ",")
	}
	return fmt.Sprintf("%s,... (%d)", strings.Join(names[:most-1], ","), len(names))
}

// firstLine is the first line of a documentation.
func firstLine(doc string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(doc), "\n")
	return strings.TrimSpace(line)
}
