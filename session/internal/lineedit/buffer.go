package lineedit

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// buffer is the line and the cursor in it. The text is valid UTF-8, never
// longer than limit, and the cursor always stands between two characters as
// the user sees them.
type buffer struct {
	text  []byte
	at    int // the cursor, in bytes
	limit int
}

func (b *buffer) String() string { return string(b.text) }

// set replaces everything. The cursor goes to the place, or to the next one
// between two characters.
func (b *buffer) set(text string, at int) {
	b.text = append(b.text[:0], text...)
	b.at = min(at, len(b.text))
	b.settle()
}

// insert puts text at the cursor and says whether it fitted.
func (b *buffer) insert(text string) bool {
	if len(b.text)+len(text) > b.limit {
		return false
	}
	b.text = slices.Insert(b.text, b.at, []byte(text)...)
	b.at += len(text)
	b.settle()
	return true
}

// cut takes out what stands between two places and leaves the cursor there.
func (b *buffer) cut(from, to int) string {
	out := string(b.text[from:to])
	b.text = slices.Delete(b.text, from, to)
	b.at = from
	b.settle()
	return out
}

// settle moves the cursor on if an edit has joined what stands on both sides
// of it into one character.
func (b *buffer) settle() {
	if i := b.whole(b.at); i < b.at {
		b.at = b.next(i)
	}
}

// whole is the last place between two characters that is not behind i.
func (b *buffer) whole(i int) int {
	if i == 0 || i == len(b.text) || b.text[i-1] < utf8.RuneSelf && b.text[i] < utf8.RuneSelf {
		return i
	}
	p := b.anchor(i)
	for n := b.next(p); n <= i; n = b.next(p) {
		p = n
	}
	return p
}

// next is the place after the character at i.
func (b *buffer) next(i int) int {
	if i >= len(b.text) {
		return len(b.text)
	}
	return i + clusterSize(b.text[i:])
}

// prev is the place before the character that ends at i.
func (b *buffer) prev(i int) int {
	if i == 0 {
		return 0
	}
	p := b.anchor(i)
	for {
		n := b.next(p)
		if n >= i {
			return p
		}
		p = n
	}
}

// anchor is a place before i from which characters can be counted, near i so
// that long lines stay fast. Behind a hundred flags in a row it may be wrong.
func (b *buffer) anchor(i int) int {
	for first := i - maxLook; i > 0; {
		_, size := utf8.DecodeLastRune(b.text[:i])
		if i -= size; i == 0 || i < first || b.certain(i) {
			break
		}
	}
	return i
}

// certain says whether a character surely ends at i, whatever stands further
// left: neither of the code points around i joins its neighbour, and the left
// one is none that only continues others (UAX 29, GB9 to GB13).
func (b *buffer) certain(i int) bool {
	if b.text[i-1] < utf8.RuneSelf && b.text[i] < utf8.RuneSelf {
		return true
	}
	_, left := utf8.DecodeLastRune(b.text[:i])
	_, right := utf8.DecodeRune(b.text[i:])
	around := append([]byte{'x'}, b.text[i-left:i+right]...)
	return clusterSize(around) == 1 && clusterSize(around[1:]) == left
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

func isInk(r rune) bool { return !unicode.IsSpace(r) }

// left is where a word that ends at or before i begins; in says which
// characters are of words.
func (b *buffer) left(i int, in func(rune) bool) int {
	start, inside := 0, false
	for p := 0; p < i; p = b.next(p) {
		r, _ := utf8.DecodeRune(b.text[p:])
		if in(r) && !inside {
			start = p
		}
		inside = in(r)
	}
	return start
}

// right is where a word that begins at or after i ends.
func (b *buffer) right(i int, in func(rune) bool) int {
	inside := false
	for i < len(b.text) {
		r, _ := utf8.DecodeRune(b.text[i:])
		if inside && !in(r) {
			break
		}
		inside = in(r)
		i = b.next(i)
	}
	return i
}

// transpose swaps the characters around the cursor, at the end the last two.
func (b *buffer) transpose() bool {
	if b.at == 0 {
		return false
	}
	mid := b.at
	if mid == len(b.text) {
		mid = b.prev(mid)
	}
	from, to := b.prev(mid), b.next(mid)
	if from == mid {
		return false
	}
	swapped := string(b.text[mid:to]) + string(b.text[from:mid])
	copy(b.text[from:to], swapped)
	b.at = to
	b.settle()
	return true
}

// wipe empties the buffer and its memory.
func (b *buffer) wipe() {
	clear(b.text[:cap(b.text)])
	b.text, b.at = b.text[:0], 0
}
