package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	hashOpen   = `,"hash":"`
	hashClose  = `"}`
	hashDigits = 2 * sha256.Size
)

// seal makes the lines of records that follow end, and the end after them.
func seal(end position, daemon string, now time.Time, records []Record) ([]byte, position, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, r := range records {
		r.Seq, r.Time, r.Daemon, r.Prev, r.Hash = end.record+1, now.UTC(), daemon, end.hash, ""
		start := b.Len()
		if err := encoder.Encode(r); err != nil {
			return nil, end, fmt.Errorf("encode record %d: %w", r.Seq, err)
		}
		b.Truncate(b.Len() - len(hashOpen) - len(hashClose) - 1) // and the newline
		end.record, end.hash = r.Seq, sum(b.Bytes()[start:])
		b.WriteString(hashOpen + end.hash + hashClose + "\n")
	}
	end.messages++
	return b.Bytes(), end, nil
}

// sum hashes a line whose member hash is cut off.
func sum(cut []byte) string {
	h := sha256.New()
	h.Write(cut)
	h.Write([]byte("}"))
	return hex.EncodeToString(h.Sum(nil))
}

// checkSeal checks the hash of one line, without its newline.
func checkSeal(line []byte) error {
	at := len(line) - len(hashOpen) - hashDigits - len(hashClose)
	if at < 0 || !bytes.HasPrefix(line[at:], []byte(hashOpen)) || !bytes.HasSuffix(line, []byte(hashClose)) {
		return errors.New("a record does not end with its hash")
	}
	if sum(line[:at]) != string(line[at+len(hashOpen):][:hashDigits]) {
		return errors.New("a record's content does not have its hash")
	}
	return nil
}

// unseal reads one line, without its newline, and checks its hash.
func unseal(line []byte) (Record, error) {
	if err := checkSeal(line); err != nil {
		return Record{}, err
	}
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("it is no record: %w", err)
	}
	return r, nil
}

// lines splits a message into its lines.
func lines(message []byte) ([][]byte, error) {
	body, ok := bytes.CutSuffix(message, []byte("\n"))
	if !ok {
		return nil, errors.New("its last line has no end")
	}
	return bytes.Split(body, []byte("\n")), nil
}

// lastRecord reads a message's last record.
func lastRecord(message []byte) (Record, error) {
	all, err := lines(message)
	if err != nil {
		return Record{}, err
	}
	return unseal(all[len(all)-1])
}

// link is where the chain of one daemon is while it is walked.
type link struct {
	seq  uint64
	hash string
}

// chain follows the records of every daemon.
type chain map[string]link

// next checks that r follows.
func (c chain) next(r Record) error {
	at := c[r.Daemon]
	if r.Seq != at.seq+1 {
		return fmt.Errorf("record %d of %s stands where record %d belongs", r.Seq, r.Daemon, at.seq+1)
	}
	if r.Prev != at.hash {
		return fmt.Errorf("record %d of %s does not follow the record before it", r.Seq, r.Daemon)
	}
	c[r.Daemon] = link{r.Seq, r.Hash}
	return nil
}
