package lineedit

// key is one thing the user can do at the keyboard, by its meaning.
type key int

const (
	keyUnknown key = iota // swallowed whole, does nothing
	keyText
	keyPaste
	keyPasteTooLong
	keyEnter
	keyTab
	keyEscape
	keyInterrupt
	keyEOF // deletes to the right in a line that is not empty
	keySuspend
	keyClear
	keyCancel
	keySearch
	keySearchForward
	keyHome
	keyEnd
	keyLeft
	keyRight
	keyUp
	keyDown
	keyWordLeft
	keyWordRight
	keyBackspace
	keyDelete
	keyKillToEnd
	keyKillToStart
	keyKillBlankWord
	keyKillWordLeft
	keyKillWordRight
	keyYank
	keyYankPop
	keyTranspose
	keyUndo
)

// press is a key with what it brings, if it brings text.
type press struct {
	key  key
	text string
}

// controls are the keys that are one byte below 0x20: Ctrl and a letter.
var controls = [32]key{
	'A' & 0x1f: keyHome,
	'B' & 0x1f: keyLeft,
	'C' & 0x1f: keyInterrupt,
	'D' & 0x1f: keyEOF,
	'E' & 0x1f: keyEnd,
	'F' & 0x1f: keyRight,
	'G' & 0x1f: keyCancel,
	'H' & 0x1f: keyBackspace,
	'I' & 0x1f: keyTab,
	'J' & 0x1f: keyEnter,
	'K' & 0x1f: keyKillToEnd,
	'L' & 0x1f: keyClear,
	'M' & 0x1f: keyEnter,
	'N' & 0x1f: keyDown,
	'P' & 0x1f: keyUp,
	'R' & 0x1f: keySearch,
	'S' & 0x1f: keySearchForward,
	'T' & 0x1f: keyTranspose,
	'U' & 0x1f: keyKillToStart,
	'W' & 0x1f: keyKillBlankWord,
	'Y' & 0x1f: keyYank,
	'Z' & 0x1f: keySuspend,
	'_' & 0x1f: keyUndo,
}

// metas are the keys that are ESC and one ASCII character.
var metas = map[byte]key{
	'b': keyWordLeft, 'B': keyWordLeft,
	'f': keyWordRight, 'F': keyWordRight,
	'd': keyKillWordRight, 'D': keyKillWordRight,
	'y': keyYankPop, 'Y': keyYankPop,
}

// finals are the keys that are CSI or SS3 and one letter (ECMA-48, 5.4;
// xterm, "PC-Style Function Keys"). Lower case is rxvt with Ctrl or Shift.
var finals = map[byte]key{
	'A': keyUp, 'B': keyDown, 'C': keyRight, 'D': keyLeft,
	'a': keyUp, 'b': keyDown, 'c': keyRight, 'd': keyLeft,
	'H': keyHome, 'F': keyEnd,
}

// numbered are the keys that are CSI, a number and a tilde.
var numbered = map[int]key{
	1: keyHome, 7: keyHome,
	4: keyEnd, 8: keyEnd,
	3: keyDelete,
}

// wordwise is what a key does when Ctrl or Alt is held.
func wordwise(k key) key {
	switch k {
	case keyLeft:
		return keyWordLeft
	case keyRight:
		return keyWordRight
	case keyDelete:
		return keyKillWordRight
	}
	return k
}

// sequenceKey is the key of a control sequence with these parameters.
func sequenceKey(params []byte, final byte, meta bool) key {
	if len(params) > 0 && params[0] >= '<' && params[0] <= '?' {
		return keyUnknown // private: reports of the mouse, modes, versions
	}
	first, second := numbers(params)
	k := finals[final]
	switch final {
	case '~', '^', '$', '@': // the last three are rxvt with modifiers
		k = numbered[first]
	default:
		second = max(second, first) // old xterm: the only parameter is the modifier
	}
	const alt, control, metaKey = 2, 4, 8 // xterm: the parameter is 1 plus these
	held := second > 0 && (second-1)&(alt|control|metaKey) != 0
	if meta || held || final == '^' || final == '@' {
		return wordwise(k)
	}
	return k
}

// numbers are the first two parameters, 0 if absent or huge.
func numbers(params []byte) (first, second int) {
	n := [2]int{}
	at, sub := 0, false
	for _, c := range params {
		switch {
		case c == ';':
			if at++; at == len(n) {
				return n[0], n[1]
			}
			sub = false
		case c == ':':
			sub = true
		case c >= '0' && c <= '9' && !sub && n[at] < 1000:
			n[at] = n[at]*10 + int(c-'0')
		}
	}
	return n[0], n[1]
}
