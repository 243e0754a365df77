package host

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
)

// checksum is the length and the SHA-256 of what is written to it. It tells a
// transfer that went wrong from one that went well.
type checksum struct {
	hash hash.Hash
	size int64
}

func newChecksum() *checksum { return &checksum{hash: sha256.New()} }

// Write implements io.Writer; it never fails.
func (c *checksum) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	return c.hash.Write(p)
}

// String is "SIZE SUM", as the function sums of scripts has it.
func (c *checksum) String() string { return fmt.Sprintf("%d %x", c.size, c.hash.Sum(nil)) }

// sumOf is the checksum of some bytes.
func sumOf(data []byte) *checksum {
	c := newChecksum()
	_, _ = c.Write(data) // never fails
	return c
}

// sumAll is the checksum of all that r gives.
func sumAll(r io.Reader) (*checksum, error) {
	c := newChecksum()
	_, err := io.Copy(c, r)
	return c, err
}

// summing is the function that sets sum to what checksum.String says of the
// file $1. Of the two programs Linux has the first, others the second.
const summing = `sums() {
	if command -v sha256sum >/dev/null 2>&1
	then set -- $(wc -c <"$1") $(sha256sum <"$1")
	elif command -v shasum >/dev/null 2>&1
	then set -- $(wc -c <"$1") $(shasum -a 256 <"$1")
	else no sum
	fi
	sum="$1 $2"
}
`
